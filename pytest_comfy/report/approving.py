"""Approve the run that a report kept: the golden run is written as by --comfy-update, and no server is asked."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..golden import GoldenError, GoldenRun, GoldenStore
from ..golden.approved import with_messages
from ..golden.history import KEPT, Replaced, moved_in, told_of
from ..golden.record import approve as approved_now
from ..golden.redaction import is_redacted
from ..golden.store import PREVIEWS, Expected, digest_of, files_of
from ..judging.approving import BY
from ..judging.today import changed_since_run
from ..places import RUN_FILE
from ..session.given import SettingsError
from ..session.keys import check_key
from ..session.projects import projects_at
from ..session.settings import baseline_name
from ..text import plain, shown
from ..workflow import Workflow, WorkflowError
from .kept import ALLOW_BLANK, FOLDER
from .reading import Refused, check_case, is_below, load_report, refuse_large
from .telling import told

if TYPE_CHECKING:
    from ..session.settings import Settings

__all__ = ["BY", "Approved", "Candidate", "Refused", "approve", "candidate", "load_report", "undo"]

_MALFORMED = (LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)
"""What reading a run may raise that somebody edited."""
_HOOK = b"pytest_comfy_widgets"
_PYTHON = ".py"


@dataclass(frozen=True)
class Candidate:
    """A kept run that may be approved as things stand.

    folder    where it is written to
    expected  what must lie among the golden runs until then
    doubts    what whoever approves it should know, a sentence each
    """

    key: str
    store: GoldenStore
    run: GoldenRun
    expected: Expected
    doubts: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Return the golden run's folder."""
        return self.store.folder(self.key)


@dataclass(frozen=True)
class Approved:
    """A golden run that was written, and what it takes to undo that.

    folder  where it is
    doubts  what whoever approved it should know, a sentence each
    hashes  name -> SHA-256 (hex) of each of its files
    before  the folder with what was there before; None where that was not kept
    """

    key: str
    store: GoldenStore
    folder: Path
    doubts: tuple[str, ...]
    hashes: Mapping[str, str]
    before: Path | None = None


def approve(
    report: Path,
    case: Mapping[str, Any],
    root: Path,
    reason: str | None,
    by: str = BY,
    *,
    allow_blank: bool = False,
    keep: Path | None = None,
) -> Approved:
    """Approve the kept run of a case; returns what was written.

    report       the report's folder
    case         the case's entry, as `load_report` has it
    root         the folder that pytest has for its root: golden runs are written below it, where its ini says
    by           who approves
    allow_blank  approve outputs that show nothing as well
    keep         an existing folder, in which what is replaced is kept until it need not be undone any more

    Raises Refused, a sentence, and leaves everything as it was.
    """
    found = candidate(report, case, root, allow_blank=allow_blank)
    before = _kept_before(found.folder, keep)
    try:
        run = approved_now(found.run, by, reason)
        folder = found.store.write(found.key, run, found.expected)
        hashes = _hashes(folder)
    except (GoldenError, OSError) as error:
        raise Refused(_told(error, root)) from error
    return Approved(found.key, found.store, folder, found.doubts, hashes, before)


def candidate(report: Path, case: Mapping[str, Any], root: Path, *, allow_blank: bool = False) -> Candidate:
    """Return the kept run of a case, if it may be approved as things stand; raises Refused, and writes nothing."""
    check_case(case, "the report's entry")
    report, root = report.absolute(), root.absolute()
    _refuse_by_report(case, allow_blank)
    try:
        settings = _settings(root, case)
        store = _store(settings, case)
        expected, golden = _expected(settings, store, case)
        run = _kept(report, case, golden)
        doubts = _doubts(case) + _refuse_stale(run, settings, case)
    except (Refused, GoldenError, WorkflowError, SettingsError, OSError) as error:
        raise Refused(_told(error, root)) from error
    except _MALFORMED as error:
        raise Refused(f"the kept run is malformed ({plain(error, 200)}): run again") from error
    return Candidate(str(case["key"]), store, run, expected, doubts)


def undo(approved: Approved) -> None:
    """Put back what was there before an approval, byte for byte; raises Refused where it has changed since."""
    folder, store = approved.folder, approved.store
    if approved.before is None:
        raise Refused(f"{folder}: what was there before was not kept: restore it from version control")
    expected = {folder: approved.hashes[RUN_FILE]}
    try:
        if _hashes(folder) != approved.hashes:
            raise Refused(f"{folder}: not undone: the golden run changed since it was approved")
        files = files_of(approved.before)
        if files:
            store.put(approved.key, files, expected)
        else:
            store.remove(folder, expected)
    except (GoldenError, OSError) as error:
        raise Refused(f"not undone: {_told(error, store.root.parent)}") from error


def _refuse_by_report(case: Mapping[str, Any], allow_blank: bool) -> None:
    if case["mode"] != "live":
        raise Refused("the run is a replay of what was recorded, and only live runs are approved")
    blank = case.get("unless") == ALLOW_BLANK
    if case["refused"] is not None and not (blank and allow_blank):
        raise Refused(told(case["refused"]) + (f" ({ALLOW_BLANK})" if blank else ""))
    if case["run"] is None:
        raise Refused("there is no run to approve")
    if case["run"] != f"{case['folder']}/{FOLDER}":
        raise Refused(f"the kept run {shown(case['run'])} does not lie in the case's folder")


def _settings(root: Path, case: Mapping[str, Any]) -> Settings:
    """Return the settings of the project that a case is of; its file must be there."""
    projects = projects_at(root)
    folder = root / case["project"] if case["project"] else root
    path = folder / case["source"]
    if not path.is_file():
        raise Refused(f"{path}: is not there (is {root} the project that the report is of?)")
    settings = projects.of(path)
    if settings.subfolder != case["project"]:
        raise Refused(f"{path}: is of the project {settings.subfolder or '.'!r}, and not of {case['project'] or '.'!r}")
    return settings


def _store(settings: Settings, case: Mapping[str, Any]) -> GoldenStore:
    """Return the golden runs among which a case's lies, by the baseline that its target names."""
    key, source = str(case["key"]), Path(case["source"])
    own, _, name = key.rpartition("/")
    if source.suffix == _PYTHON:
        test = str(case["node_id"]).partition("::")[2]
        check = str(case["case"]).removeprefix(f"{test} ") if case["case"] != test else None
        fits = key == check_key(settings, settings.folder / source, case["node_id"], check)
    else:
        fits = (own, name) == (settings.golden_key(settings.folder / source), case["case"])
    last = str(case["target"]).rpartition("/")[2]
    baseline = last.removeprefix(f"{name}+") if last.startswith(f"{name}+") else None
    store = GoldenStore(settings.golden_dir, baseline_name(baseline, "the baseline") if baseline else None)
    if not fits or not is_below(key) or _place(settings, store.folder(key)) != case["target"]:
        raise Refused(f"{shown(case['target'])} is not where the golden run of {shown(case['node_id'])} lies")
    return store


def _expected(settings: Settings, store: GoldenStore, case: Mapping[str, Any]) -> tuple[Expected, GoldenRun | None]:
    """Return what must lie among the golden runs, and the one that is there, which is the one that was judged."""
    key, judged = str(case["key"]), case["golden"]
    there, target = store.find(key), store.folder(key)
    if judged is None:
        if there is not None:
            raise Refused(f"{there}: the case had no golden run when it was judged, and has one now: run again")
        return {target: None, store.root / key: None}, None
    if there is None:
        raise Refused(f"{shown(judged['folder'])}: the golden run that the case was judged by is gone: run again")
    golden, digest = GoldenRun.load(there), digest_of(there)
    if _place(settings, there) != judged["folder"] or digest is None or digest != judged["digest"]:
        raise Refused(f"{there}: the golden run changed since the case was judged: run again")
    return {target: digest_of(target), there: digest}, golden


def _kept(report: Path, case: Mapping[str, Any], golden: GoldenRun | None) -> GoldenRun:
    """Return the kept run with all its files, which are those that were described, as what follows the golden run."""
    refuse_large(report / case["run"])
    run = GoldenStore(report).load_whole(case["run"])
    if run is None:
        raise Refused(f"{report / case['run']}: the kept run is not there")
    run = with_messages(run)
    # A file in another folder would lie where another golden run may, and take its place.
    foreign = next(
        (name for name in run.blobs if name == RUN_FILE or name.rpartition("/")[0] not in ("", PREVIEWS)), None
    )
    if foreign is not None:
        raise Refused(f"{report / case['run']}: names {shown(foreign)}, which is no file of a run")
    document = run.document
    if (document.get("workflow"), document.get("case")) != (case["source"], case["case"]):
        raise Refused(f"{report / case['run']}: is a run of {shown(document.get('workflow'))}, and not of this case")
    if not is_redacted(document):
        raise Refused(f"{report / case['run']}: holds what looks like a secret: run again, with comfy_redact as it is")
    waiting = document["approvals"][-1]
    if not isinstance(waiting, dict) or set(waiting) - {"events", *KEPT}:
        raise Refused(f"{report / case['run']}: does not wait for an approval")
    earlier = golden.document.get("approvals", ()) if golden else ()
    anew = {**{key: waiting[key] for key in waiting.keys() - set(KEPT)}, **_of_its_time(report, case, run, golden)}
    return replace(run, document={**document, "approvals": [*earlier, anew]})


def _of_its_time(report: Path, case: Mapping[str, Any], run: GoldenRun, golden: GoldenRun | None) -> dict[str, Any]:
    """Return what the approval keeps of environment and distances; of a report only the distances are taken."""
    if golden is None:
        return told_of(run.environment, None)
    told, moved = run.document["approvals"][-1].get("distance"), None
    if told is not None:
        try:
            moved = moved_in(told)
        except ValueError as error:
            raise Refused(f"{report / case['run']}: what it keeps of distances {error}: run again") from None
        unknown = moved.keys() - {one.name for one in (*run.outputs, *golden.outputs)}
        if unknown:
            raise Refused(f"{report / case['run']}: {shown(min(unknown))} is no output of it: run again")
    return told_of(run.environment, Replaced(golden.environment, moved))


def _doubts(case: Mapping[str, Any]) -> tuple[str, ...]:
    found = case.get("doubts")
    return tuple(told(one) for one in found) if isinstance(found, list) else ()


def _refuse_stale(run: GoldenRun, settings: Settings, case: Mapping[str, Any]) -> tuple[str, ...]:
    """Refuse a run whose prompt is not the one that the workflow makes today; returns what could not be found out."""
    path = settings.folder / case["source"]
    if path.suffix == _PYTHON:
        return ()  # what a test asks for is known to the test alone
    try:
        changed = changed_since_run(run, settings, path, case["case"], case["key"])
    except WorkflowError as error:
        changed = (f"the workflow changed since: {_told(error, settings.root)}",)
    if not changed:
        return ()
    if Workflow.load(path).form != "api" and _has_hook(path, settings.root):
        return ("whether the workflow still makes this prompt is known to the hook pytest_comfy_widgets alone",)
    raise Refused(f"{changed[0]}: run again")


def _has_hook(path: Path, root: Path) -> bool:
    """Whether a conftest above a workflow may have a say in its conversion."""
    above = [folder / "conftest.py" for folder in path.parents if folder == root or root in folder.parents]
    return any(_HOOK in one.read_bytes() for one in above if one.is_file())


def _kept_before(folder: Path, keep: Path | None) -> Path | None:
    """Copy what lies in a golden run's folder to one of its own in `keep`."""
    if keep is None:
        return None
    try:
        before = Path(tempfile.mkdtemp(dir=keep))
        for name, data in files_of(folder).items():
            (before / name).parent.mkdir(exist_ok=True)
            (before / name).write_bytes(data)
    except OSError as error:
        raise Refused(f"{keep}: what is replaced cannot be kept there ({error.strerror or error})") from error
    return before


def _hashes(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256(data).hexdigest() for name, data in files_of(folder).items()}


def _place(settings: Settings, folder: Path) -> str:
    return settings.relative(folder) or told(folder)


def _told(error: Exception, root: Path) -> str:
    if isinstance(error, OSError):
        error = GoldenError(f"{error.filename}: cannot be read ({error.strerror or error})")
    return str(error).replace(f"{root}/", "")
