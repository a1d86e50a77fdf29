"""The run of a case, kept in the report in the form of a golden run: it can be approved later, without a server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..judging.judge import NotJudged, ShowsNothing

if TYPE_CHECKING:
    from ..golden import GoldenRun
    from ..judging.asked import Subject
    from ..judging.check import Check

CASE_FILE = "case.json"
"""Of a case's folder, its entry of report.json."""
FOLDER = "run"
"""Of a case's folder, the one that holds the run."""
ALLOW_BLANK = "--allow-blank"
"""With it `pytest-comfy approve` takes runs whose outputs show nothing."""


@dataclass(frozen=True)
class Kept:
    """What was kept of a run.

    run      as it lies in the report; None where none was kept
    refused  why it must not be approved, a sentence; None where it may be
    unless   the option with which it may be approved all the same; None where there is none
    doubts   what whoever approves it should know, a sentence each
    """

    run: GoldenRun | None = None
    refused: str | None = None
    doubts: tuple[str, ...] = ()
    unless: str | None = None


NOTHING = Kept(refused="there is no run to approve")


def environment_now(check: Check, error: BaseException) -> Mapping[str, Any] | None:
    """Return the environment of a run that ended in an error of the workflow's; None where the server is not asked."""
    from ..client import ComfyError, ExecutionError, PromptRejected

    prompt = check.seen.prompt
    if not check.settings.live or prompt is None or not isinstance(error, (ExecutionError, PromptRejected)):
        return None
    try:
        return check.lane.facts.environment(check.lane.client, prompt)
    except ComfyError:
        return None


def keep_run(check: Check, subject: Subject) -> Kept:
    """Write the run of a case to its folder in the report, by the code by which golden runs are made and written."""
    from ..client import ComfyError
    from ..compare import CompareError
    from ..golden import GoldenError, GoldenStore
    from ..judging.approving import refuse
    from ..session.given import SettingsError

    seen = check.seen
    if seen.run is None or seen.judge is None:
        return NOTHING
    if not check.settings.live:
        return Kept(refused="the run is a replay of what was recorded, and only live runs are approved")
    one = check.candidate(subject, seen.run, seen.golden, seen.judge)
    refused = unless = None
    try:
        refuse(one, one.as_approved)
    except ShowsNothing as error:
        refused, unless = str(error), ALLOW_BLANK
    except (NotJudged, SettingsError, CompareError) as error:
        refused = str(error)
    try:
        run = check.recorder.recorded(one)
        doubts = tuple(_doubts(check))
        seen.judge.artefacts.make()
        GoldenStore(seen.judge.artefacts.folder).write(FOLDER, run)
    except OSError as error:
        return Kept(refused=f"the run could not be kept ({error.strerror or error})")
    except (ComfyError, CompareError, GoldenError, NotJudged, SettingsError) as error:
        return Kept(refused=f"the run could not be kept: {error}")
    return Kept(run, refused, doubts, unless)


def _doubts(check: Check) -> Iterator[str]:
    run = check.seen.run
    assert run is not None  # whoever asks has kept it
    cached, unloaded = check.recorder.gaps(run)
    if cached and not run.cache_bust:
        yield f"nodes that the server took from its cache, of which nothing was recorded: {', '.join(sorted(cached))}"
    if unloaded and run.cache_bust != "reload":
        yield f"models that were loaded before the run, and may have changed since: {', '.join(sorted(unloaded))}"
