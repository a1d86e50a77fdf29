"""Keeps in the report's folder what became of a case: its document, and its run."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..judging.check import Check, Subject
    from ..judging.verdict import CaseVerdict
    from ..session.settings import Settings
    from .serverlog import ServerLog

CASE_FILE = "case.json"

CASE = "comfy_case"
"""Property of a report: the folder of a case that was kept. It goes with it from the workers of pytest-xdist."""
PROBLEM = "comfy_report_problem"
"""Property of a report: why something is not in the report's folder, a sentence."""

Properties = list[tuple[str, str]]


class Keeping:
    """Watches one case from its beginning, and keeps it if there is something to look at."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._started = datetime.now(UTC)
        self._begun = time.monotonic()
        self._log = _log_of(settings)

    def verdict(self, check: Check, subject: Subject, verdict: CaseVerdict) -> Properties:
        """Keep a case that was judged, unless all is as it should be; returns what the report is to tell of it."""
        if verdict.unchanged and not self.settings.report_all:
            return []
        return self._keep(check, subject, verdict=verdict)

    def error(self, check: Check, subject: Subject, error: BaseException) -> Properties:
        """Keep a case that an error kept from its verdict."""
        return self._keep(check, subject, error=error)

    def _keep(
        self,
        check: Check,
        subject: Subject,
        verdict: CaseVerdict | None = None,
        error: BaseException | None = None,
    ) -> Properties:
        from ..judging.artefacts import Artefacts
        from .case import CaseEntry, Ended
        from .kept import Kept, keep_run
        from .telling import dumps

        artefacts = Artefacts(self.settings.report_dir, subject.key)
        if check.seen.judge is None:
            artefacts.clear()  # whatever was judged has done so
        log = self._log.gained() if self._log else None
        ended = Ended(self._started, time.monotonic() - self._begun, verdict, error, log)
        approved = verdict is not None and verdict.written is not None
        kept = Kept() if approved else keep_run(check, subject, artefacts)
        document = CaseEntry(check, subject, ended, kept).entry()
        written = artefacts.write(CASE_FILE, dumps(document))
        told: Properties = [(CASE, subject.key)] if written else []
        told += [(PROBLEM, problem) for problem in artefacts.problems]
        if self._log and self._log.problem:
            told.append((PROBLEM, self._log.problem))
        return told


def _log_of(settings: Settings) -> ServerLog | None:
    if settings.server_log is None:
        return None
    from .serverlog import ServerLog

    return ServerLog(settings.server_log, settings.relative(settings.server_log) or settings.server_log.name)
