"""Keeps in the report's folder what became of a case: its document, and its run."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..judging.asked import Subject
    from ..judging.check import Check
    from ..judging.seen import Seen
    from ..judging.verdict import CaseVerdict
    from ..session.settings import Settings
    from .drift.earlier import Earlier
    from .kept import Kept
    from .serverlog import ServerLog

CASE = "comfy_case"
"""Property of a report: the folder of a case that was kept. It goes with it from the workers of pytest-xdist."""
PROBLEM = "comfy_report_problem"
"""Property of a report: why something is not in the report's folder, a sentence."""

Properties = list[tuple[str, str]]


class Keeping:
    """Watches one case from its beginning, and keeps it if there is something to look at.

    preflight  what was found of the case before it ran, as docs/report.md has it
    earlier    the report of before, by which failures are known
    """

    def __init__(self, settings: Settings, earlier: Earlier | None = None) -> None:
        self.settings = settings
        self.earlier = earlier
        self.preflight: list[Mapping[str, Any]] = []
        self.begins()

    def begins(self) -> None:
        """Note that the case begins now: its time, and what the server logs of it."""
        self._started = datetime.now(UTC)
        self._begun = time.monotonic()
        self._log = _log_of(self.settings)
        self._logged: str | None = None

    def log_ends(self) -> None:
        """Note that what the server logs from now on is of others."""
        if self._log is not None and self._logged is None:
            self._logged = self._log.gained()

    def verdict(self, check: Check, subject: Subject, verdict: CaseVerdict) -> Properties:
        """Keep a case that was judged, unless all is as it should be; returns what the report is to tell of it."""
        if verdict.unchanged and not self.settings.report_all:
            return self._fixed(subject, verdict)
        from .kept import Kept, keep_run

        # What was approved lies among the golden runs.
        kept = Kept() if verdict.written is not None else keep_run(check, subject)
        environment = check.seen.environment or (kept.run.environment if kept.run else None)
        approve = None if verdict.passed else check.approval_command(subject)
        return self._keep(
            subject, check.seen, kept, verdict=verdict, server=check.lane.told, environment=environment, approve=approve
        )

    def error(self, check: Check, subject: Subject, error: BaseException, unjudged: bool) -> Properties:
        """Keep a case that an error kept from its verdict."""
        from .kept import environment_now, keep_run

        kept = keep_run(check, subject)
        environment = kept.run.environment if kept.run else environment_now(check, error)
        more = {"server": check.lane.told, "environment": environment}
        told = self._keep(subject, check.seen, kept, error=error, unjudged=unjudged, **more)
        return told + _differences(check.seen, environment)

    def unchecked(self, subject: Subject, seen: Seen, error: BaseException, unjudged: bool) -> Properties:
        """Keep a case that did not come to its check."""
        from .kept import NOTHING

        return self._keep(subject, seen, NOTHING, error=error, unjudged=unjudged)

    def _keep(self, subject: Subject, seen: Seen, kept: Kept, **more: Any) -> Properties:
        from ..judging.artefacts import Artefacts
        from .case import CaseEntry, Ended
        from .kept import CASE_FILE
        from .telling import dumps

        folder = self.settings.report_key(subject.key)
        artefacts = seen.judge.artefacts if seen.judge else Artefacts(self.settings.report_dir, folder)
        if seen.judge is None:
            artefacts.clear()  # whatever was judged has done so
        self.log_ends()
        ended = Ended(self._started, time.monotonic() - self._begun, log=self._logged, preflight=self.preflight, **more)
        entry = CaseEntry(self.settings, subject, seen, ended, kept).entry()
        drift = self._mark(subject, seen, entry)
        written = artefacts.write(CASE_FILE, dumps(entry))
        told: Properties = [(CASE, folder), *drift] if written else drift
        notes = ended.verdict.notes if ended.verdict else ()
        problems = [problem for problem in artefacts.problems if problem not in notes]
        if self._log and self._log.problem:
            problems.append(self._log.problem)
        return told + [(PROBLEM, problem.replace(f"{self.settings.root}/", "")) for problem in problems]

    def _mark(self, subject: Subject, seen: Seen, entry: dict[str, Any]) -> Properties:
        """Say in an entry what it is beside the earlier report; returns what the report is to tell of that."""
        if self.earlier is None:
            return []
        from .drift import words
        from .drift.marking import mark

        mark(self.earlier, entry, self.settings.report_dir, seen.run.budget if seen.run else None)
        if entry["drift"] is None:
            return []
        return [(words.PROPERTY, words.told(entry["drift"], entry["known_since"], _named(subject)))]

    def _fixed(self, subject: Subject, verdict: CaseVerdict) -> Properties:
        """Return what is told of a case that is as it should be, and was not in the earlier report."""
        folder, mode = self.settings.report_key(subject.key), "live" if self.settings.live else "offline"
        before = self.earlier.of(folder, mode) if self.earlier and verdict.written is None else None
        if self.earlier is None or before is None:
            return []
        from .drift import words

        return [(words.PROPERTY, words.told(words.FIXED, self.earlier.since(before), _named(subject)))]


def _named(subject: Subject) -> str:
    return f"{subject.source}::{subject.case}"


def _differences(seen: Seen, environment: Mapping[str, Any] | None) -> Properties:
    """Return what is told of the environment of a case without a verdict, of which the check has told nothing."""
    if seen.golden is None or environment is None:
        return []
    from ..golden.differences import differences
    from ..judging.environment import DIFFERENCES

    return [(DIFFERENCES, json.dumps(differences(seen.golden.environment, environment), ensure_ascii=False))]


def _log_of(settings: Settings) -> ServerLog | None:
    if settings.server_log is None:
        return None
    from .serverlog import ServerLog

    return ServerLog(settings.server_log, settings.relative(settings.server_log) or settings.server_log.name)
