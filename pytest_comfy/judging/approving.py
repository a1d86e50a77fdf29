"""From a run to the golden run that it may become: what it takes, and what keeps it from being one."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import __version__
from .floor import carried
from .judge import Judge, NotJudged

if TYPE_CHECKING:
    from ..cases.options import CaseOptions
    from ..client import Run
    from ..golden import GoldenRun
    from ..golden.history import Replaced
    from ..session.settings import Settings
    from .lane import Lane
    from .verdict import OutputVerdict

BY = f"pytest-comfy {__version__}"
"""Who approves."""

RunAnew = Callable[["Run", bool], "Run"]


@dataclass(frozen=True)
class Candidate:
    """A run of a case that may become its golden run.

    source, case  what golden runs name as where they come from
    golden        the golden run that it would replace
    outputs       what its outputs were judged to be
    """

    source: str
    case: str
    run: Run
    golden: GoldenRun | None
    options: CaseOptions
    judge: Judge
    outputs: tuple[OutputVerdict, ...] = ()

    @property
    def replaced(self) -> Replaced | None:
        """The golden run that it would replace, as history tells of it."""
        from ..golden.history import Moved, Replaced

        if self.golden is None:
            return None
        moved = {
            one.name: Moved(one.verdict, one.comparison.distance if one.comparison else None) for one in self.outputs
        }
        # Nothing was compared where what was approved is damaged.
        return Replaced(self.golden.environment, moved if self.outputs else None)

    @property
    def as_approved(self) -> set[str]:
        """The names of outputs that are as good as those approved."""
        return {one.name for one in self.outputs if one.verdict in ("identical", "within tolerance")}


class Recorder:
    """Makes golden runs of what ran on one lane."""

    def __init__(self, settings: Settings, lane: Lane) -> None:
        self.settings = settings
        self.lane = lane

    def recorded(self, one: Candidate, *, files: bool | None = None) -> GoldenRun:
        """Return a run in the form of a golden run that waits for its approval.

        files  whether it has its output files; as the project wants it, where that is not told

        Raises GoldenError, NotJudged, ServerUnreachable and TooLarge.
        """
        from ..compare.memory import within
        from ..golden.record import Approval, unapproved
        from .environment import definitions_of

        run, judge, settings = one.run, one.judge, self.settings
        converted = run.workflow if run.workflow and run.workflow.origin else None
        approval = Approval(
            workflow=one.source,
            case=one.case,
            by=BY,
            masks=judge.masks,
            keep=lambda output: not judge.ignored(output),
            files=settings.golden_files if files is None else files,
            previews=settings.golden_previews,
            earlier=one.golden.document.get("approvals", ()) if one.golden else (),
            converted=converted,
            silent=run.gap == "silent",
            replaced=one.replaced,
            describe=judge.known.describe,
        )
        client = self.lane.client
        environment = self.lane.facts.environment(client, run.prompt, anew=True)
        # Those of classes that are bypassed or muted as well: the conversion asks for them.
        definitions = client.definitions(converted.classes()) if converted else definitions_of(client, run.prompt)
        with within(run.budget):
            fresh = unapproved(run, approval, environment, definitions, run.extra_data)
        return carried(one.golden, fresh) if one.golden is not None else fresh

    def gaps(self, run: Run) -> tuple[set[str], set[str]]:
        """Return the nodes of a run that the server took from its cache, but for model loaders, and the model files of
        which it was not seen when it loaded them: they may have changed since."""
        from ..workflow.definitions import loads_models
        from .environment import definitions_of

        definitions = definitions_of(self.lane.client, run.prompt)
        cached = {
            node_id
            for node_id, node in run.prompt.items()
            if node_id in run.cached and not loads_models(definitions.get(str(node.get("class_type"))))
        }
        return cached, self.lane.models.unloaded(run)

    def whole(self, run: Run, run_anew: RunAnew) -> Run:
        """Return a run to record in which every node ran but model loaders: recordings have no gaps."""
        cached, unloaded = self.gaps(run)
        if unloaded and run.cache_bust != "reload":
            return run_anew(run, True)
        return run if not cached or run.cache_bust else run_anew(run, False)


def refuse(one: Candidate, seen_before: Collection[str] = ()) -> None:
    """Raise NotJudged, or SettingsError, for a run that must not be approved as it is.

    seen_before  names of outputs that may show nothing, as those that were approved do
    """
    from ..compare.memory import within

    refuse_unjudged(one)
    if one.run.gap == "dropped":
        raise NotJudged("the socket dropped during the run, so the recording has gaps: nothing was approved; run again")
    with within(one.run.budget):
        one.judge.refuse_blank(one.run, seen_before)


def refuse_unjudged(one: Candidate) -> None:
    """Raise NotJudged for a run that made nothing to compare later, and SettingsError for rules that fit no output."""
    if not any(one.judge.judges(output) for output in one.run.outputs) and not one.options.allow_unjudged:
        raise NotJudged("the run made no output to compare later: nothing was approved")
    one.judge.check_rules(one.run)
