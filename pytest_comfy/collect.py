"""From workflow files to pytest items."""

from __future__ import annotations

import inspect
import types
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .places import MARKERS, looks_like_workflow
from .report.headline import HEADLINE
from .session.given import SettingsError
from .session.settings import Settings
from .session.state import State
from .text import did_you_mean

if TYPE_CHECKING:
    from .attempt import Attempt
    from .cases.converting import Converter
    from .cases.sidecar import Case
    from .client import Run
    from .judging.asked import Subject
    from .judging.lane import Lane
    from .report.keeping import Keeping

STATE: pytest.StashKey[State] = pytest.StashKey()
KEEPING: pytest.StashKey[Keeping] = pytest.StashKey()
KNOWN: pytest.StashKey[str] = pytest.StashKey()
"""What an earlier report has as well, of the failure that an item ends in, or went on after."""
FIXTURES: pytest.StashKey[dict[Any, dict[str, Any]]] = pytest.StashKey()
CASE_MARK = "comfy"
_MARK_OPTIONS = ("timeout", "stall_timeout", "tolerance", "allow_node_errors")


class ComfyWarning(pytest.PytestWarning):
    """Something about workflow files that a person should know and that fails nothing."""


def settings_of(config: pytest.Config, path: Path) -> Settings:
    """Return the settings for a file: those of its project; raises UsageError where its ini is wrong."""
    try:
        return config.stash[STATE].projects.of(path)
    except SettingsError as error:
        raise pytest.UsageError(str(error).replace(f"{config.rootpath}/", "")) from None


def collect_file(path: Path, parent: pytest.Collector) -> WorkflowFile | None:
    """Return a collector for a workflow file: one the globs name, or one named on the command line."""
    state = parent.config.stash[STATE]
    if path.name in MARKERS:
        state.projects.look_at(path.parent)  # a project whose workflows are gone may have golden runs still
    if path.suffix.lower() != ".json":
        return None
    if not state.projects.look_at(path.parent):
        if looks_like_workflow(path):
            _tell_wrong_ini(parent.config, path)
        return None
    named = parent.session.isinitpath(path)
    if state.projects.is_own(path):
        if named:
            parent.warn(ComfyWarning(f"{path.name}: belongs to a golden run or a report, and is no workflow to run"))
        return None
    if not named and not state.projects.claims(path):
        if parent.config.args_source is pytest.Config.ArgsSource.ARGS and looks_like_workflow(path):
            state.left_alone.add(state.settings.relative(path) or str(path))
        return None
    file: WorkflowFile = WorkflowFile.from_parent(parent, path=path)
    file.named = named
    return file


def _tell_wrong_ini(config: pytest.Config, path: Path) -> None:
    """Raise CollectError for the wrong ini above a workflow, for the first of those below it."""
    told = config.stash[STATE].told_inis
    try:
        settings_of(config, path)
    except pytest.UsageError as error:
        if str(error) not in told:
            told.add(str(error))
            raise pytest.Collector.CollectError(str(error)) from None


class WorkflowFile(pytest.Module):
    """A workflow file. A Module, so that fixtures of every scope work on its items."""

    named = False

    def _getobj(self) -> types.ModuleType:
        # pytest asks a Module for its Python module; a workflow has none, so it gets an empty one.
        return types.ModuleType(self.path.stem)

    def collect(self) -> Iterator[CaseItem | BrokenFile]:
        """Yield an item a case; nothing for JSON that is no workflow, and one that fails for what cannot be read."""
        from .cases.sidecar import read_cases
        from .workflow import NotAWorkflowError, Workflow, WorkflowError

        state = self.config.stash[STATE]
        try:
            try:
                Workflow.load(self.path)
            except NotAWorkflowError as error:
                state.looked_at(self.path)
                state.refuse_vanished(self.path)
                if self.named:
                    self.warn(ComfyWarning(f"{self._short(str(error))}: left alone"))
                return
            cases = read_cases(self.path, state.projects.of(self.path), state.layers)
            key = state.claim_workflow(self.path, [case.name for case in cases])
            items = [CaseItem.of(self, case, f"{key}/{case.name}") for case in cases]
        except (WorkflowError, SettingsError) as error:
            state.collection_failed()
            yield BrokenFile.from_parent(self, name="cannot be read", told=self._short(str(error)))
            return
        yield from items

    def _short(self, text: str) -> str:
        return text.replace(f"{self.config.rootpath}/", "")


class BrokenFile(pytest.Item):
    """Stands for the cases of a workflow file that cannot be read, or whose sidecar cannot: an error of its own.

    An error of the collection would keep all others from being run.
    """

    def __init__(self, *, told: str, **more: Any) -> None:
        super().__init__(**more)
        self.told = told

    def runtest(self) -> None:
        """Raise what is wrong with the file."""
        from .judging.judge import NotJudged

        raise NotJudged(self.told)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where the item is and the headline of its failures."""
        return self.path, 0, self.path.name

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the sentence for the user."""
        return self.told

    def subject(self) -> Subject:
        """Return what stands for the file's cases in the report."""
        from .judging.asked import Subject

        settings = settings_of(self.config, self.path)
        key = f"{settings.golden_key(self.path)}/cannot-be-read"
        return Subject(key, settings.within(self.path) or self.path.name, "", self.nodeid)


def keep_broken(items: list[pytest.Item], broken: Iterable[BrokenFile], deselected: Iterable[str]) -> None:
    """Put back what stands for files that cannot be read: which marks and names their cases have is not known.

    deselected  the node ids of --deselect, which says what it means
    """
    here, away = set(items), tuple(deselected)
    items += [one for one in broken if one not in here and not one.nodeid.startswith(away)]


class CaseItem(pytest.Function):
    """A case: one workflow with one set of values."""

    case: Case
    key: str

    @classmethod
    def of(cls, file: WorkflowFile, case: Case, key: str) -> CaseItem:
        """Make the item of a case, with the marks its sidecar gives it."""
        shared = _shared(file)
        item: CaseItem = cls.from_parent(file, name=case.name, callobj=_run_case, **shared)
        shared["fixtureinfo"] = item._fixtureinfo
        item.fixturenames = [*item.fixturenames]  # plugins add to that of an item
        item.case, item.key = case, key
        item.add_marker(CASE_MARK)
        for mark in case.marks:
            item.add_marker(mark_of(file, mark, case.mark_files.get(mark, file.path)))
        if case.skip:
            item.add_marker(pytest.mark.skip(reason=case.skip))
        if case.xfail:
            reason, strict = case.xfail
            strictly: dict[str, Any] = {} if strict is None else {"strict": strict}
            item.add_marker(pytest.mark.xfail(reason=reason, **strictly))
        return item

    is_comfy_case = True

    @property
    def needs(self) -> Mapping[str, Any]:
        """What the case demands of its server."""
        return self.case.requires

    @property
    def seconds(self) -> float:
        """How long it takes, as far as its golden run tells."""
        seconds: float = self.config.stash[STATE].durations.of(self.settings, self.key)
        return seconds

    def prepare(self, lane: Lane) -> Attempt:
        """Return an attempt to run the case on a lane, of which nothing is asked yet; raises SettingsError."""
        from .attempt import Attempt

        settings, told = self.settings, self.config.stash[STATE].preflight
        drop_properties(self)
        keeping, converter = keeping_of(self), partial(converter_of, self, settings)
        return Attempt(settings, lane, self.checked(), self.path, keeping, converter, told, self.user_properties)

    def run_case(self, lane: Any) -> None:
        """Run the case, note its verdict for the reports, and raise CaseFailed unless it passed."""
        from .judging.check import CaseFailed
        from .report.status import followed

        state = self.config.stash[STATE]
        with followed(state.follower, self.nodeid) as on_progress, state.turn_of(self) as turn:
            if turn is not None and (reason := turn.unmet()):
                pytest.skip(reason)
            while True:
                attempt: Attempt = turn.attempt() if turn is not None else self.prepare(lane)
                try:
                    verdict = attempt.verdict(on_progress)
                    break
                except Exception as error:
                    if turn is not None and turn.is_to_be_run_again(error):
                        continue
                    note_error(self, error, not_judged(error))
                    self.user_properties += turn.news() if turn is not None else ()
                    kept = attempt.keeping.error(attempt.check, attempt.subject, error, not_judged(error))
                    note_kept(self, kept)
                    raise
            self.user_properties += turn.news() if turn is not None else ()
        note(self, verdict, attempt.check.seen.run)
        note_kept(self, attempt.keeping.verdict(attempt.check, attempt.subject, verdict))
        if not verdict.passed:
            raise CaseFailed(verdict.text(self.settings.root))

    @property
    def settings(self) -> Settings:
        """The settings of the session for the project of the file."""
        return self.config.stash[STATE].projects.of(self.path)

    def subject(self) -> Subject:
        """Return what stands for the case in the report, without its options, which may be wrong."""
        from .judging.asked import Subject

        source = self.settings.within(self.path) or self.path.name
        return Subject(key=self.key, source=source, case=self.case.name, node_id=self.nodeid)

    def checked(self) -> Subject:
        """Return what is checked, with the options of sidecar, marks and command line resolved."""
        from .cases.options import resolve

        options = resolve(self.settings, self.case.options, mark_options(self))
        return replace(self.subject(), options=options)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where the item is and the headline of its failures."""
        return self.path, 0, f"{self.path.name} [{self.name}]"

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the sentence for the user in place of a traceback of ours."""
        if is_told(excinfo.value):
            told = self.config.stash[STATE].told_once(excinfo.value)
            return told.replace(f"{self.config.rootpath}/", "")
        return super().repr_failure(excinfo)


def _shared(file: WorkflowFile) -> dict[str, Any]:
    """Return what the items of a folder share: what fixtures they have, which pytest else looks up for each."""
    if file.own_markers:  # some plugin's, which may name fixtures
        return {}
    known: dict[Any, dict[str, Any]] = file.session.stash.setdefault(FIXTURES, {})
    return known.setdefault((file.parent, file.path.parent), {})


def _run_case(comfy_lane: Any, request: pytest.FixtureRequest) -> None:
    """What pytest calls for an item, with the fixtures that it names."""
    request.node.run_case(comfy_lane)


vars(_run_case)["__signature__"] = inspect.signature(_run_case)  # pytest asks for it once an item


def keeping_of(item: pytest.Item, *, anew: bool = True) -> Keeping:
    """Return what keeps an item's case in the report, from now on; or, not `anew`, from when it began."""
    from .report.keeping import Keeping

    if anew or KEEPING not in item.stash:
        item.stash[KEEPING] = Keeping(settings_of(item.config, item.path), item.config.stash[STATE].earlier)
    return item.stash[KEEPING]


def converter_of(item: pytest.Item, settings: Settings) -> Converter:
    """Return what converts the UI-form workflows of an item: it knows the hooks of the conftest files above it."""
    from .cases.converting import Converter

    return Converter(settings.widgets, item.ihook.pytest_comfy_widgets, settings.root)


def is_told(error: BaseException) -> bool:
    """Whether an error says in its text all that a person needs."""
    from .client import ComfyError
    from .judging.check import FAILURES, CaseFailed
    from .judging.judge import NotJudged

    if isinstance(error, (CaseFailed, NotJudged, ComfyError, *FAILURES)):
        return True
    if not isinstance(error, Warning):
        return False
    from .workflow.graph import ConversionWarning

    return isinstance(error, ConversionWarning)  # where filterwarnings makes errors of them


def not_judged(error: BaseException) -> bool:
    """Whether an error means that the case has no verdict: a pytest error, not a failure."""
    from .client import ComfyError
    from .golden import GoldenError
    from .judging.judge import NotJudged

    return isinstance(error, (NotJudged, GoldenError)) or (isinstance(error, ComfyError) and not error.judged)


def mark_of(file: WorkflowFile, name: str, sidecar: Path) -> pytest.MarkDecorator:
    """Return a mark that a sidecar names; warns of one that nobody registered, and raises SettingsError where that is
    an error (--strict-markers)."""
    short = file.config.stash[STATE].settings.relative(sidecar) or str(sidecar)
    told = f"{short}: the mark {name!r} is not registered: add it to `markers` in the ini, or mend its spelling"
    try:
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            mark: pytest.MarkDecorator = getattr(pytest.mark, name)
    except pytest.fail.Exception:
        raise SettingsError(told) from None
    if found:
        file.warn(ComfyWarning(told))
    return mark


def mark_options(item: pytest.Item) -> dict[str, Any]:
    """Return the arguments of an item's `comfy` marks, the closest winning; raises SettingsError."""
    options: dict[str, Any] = {}
    for mark in item.iter_markers(CASE_MARK):
        for name, value in mark.kwargs.items():
            if name not in _MARK_OPTIONS:
                near = did_you_mean(name, _MARK_OPTIONS)
                raise SettingsError(f"{item.nodeid}: mark comfy knows no argument {name!r}{near}")
            options.setdefault(name, value)
    return options


def drop_properties(item: pytest.Item) -> None:
    """Forget what an earlier try of the same item noted."""
    if KNOWN in item.stash:
        del item.stash[KNOWN]
    item.user_properties[:] = [pair for pair in item.user_properties if not pair[0].startswith("comfy_")]


def note_error(item: pytest.Item, error: BaseException, unjudged: bool) -> None:
    """Keep in the item's user properties what of an error the summary of the session tells."""
    from .golden import LfsPointerError

    item.user_properties.append(("comfy_verdict", "error" if unjudged else "failed"))
    if "comfy_against" in vars(error):
        item.user_properties.append(("comfy_against", vars(error)["comfy_against"]))
    if isinstance(error, LfsPointerError):
        item.user_properties.append(("comfy_lfs_pointer", error.path))


def note_kept(item: pytest.Item, told: Iterable[tuple[str, str]]) -> bool:
    """Keep in the item's user properties what was kept of a case; returns whether its failure is a known one."""
    from .report.drift.words import KNOWN as IS_KNOWN
    from .report.drift.words import PROPERTY, word_of

    item.user_properties += told
    known = next((value for name, value in told if name == PROPERTY and word_of(value) == IS_KNOWN), None)
    if known is not None:
        item.stash[KNOWN] = known
    return known is not None


def note(item: pytest.Item, verdict: Any, run: Run | None) -> None:
    """Keep a verdict in the item's user properties, from where it reaches JUnit and the summary."""
    properties = dict(verdict.properties)
    if verdict.written is not None:
        properties["comfy_written"] = verdict.written.as_posix()
    properties["comfy_verdict"] = "passed" if verdict.passed else "failed"
    if not verdict.passed:
        properties[HEADLINE] = verdict.headline
    if run is not None and item.config.getoption("durations") is not None and item.config.stash[STATE].settings.live:
        from .report.slowest import nodes_of

        item.user_properties.append(nodes_of(item.nodeid, run))
    item.user_properties.extend(properties.items())
