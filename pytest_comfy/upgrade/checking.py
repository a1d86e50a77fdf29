"""How a live session checks a case beyond the plain comparison: on two servers, and with a culprit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..judging.asked import Subject
from ..judging.check import Check
from ..judging.verdict import CaseVerdict
from ..text import plain

if TYPE_CHECKING:
    from ..client import Progress, Run
    from ..golden import GoldenRun
    from ..judging.lane import Lane
    from .against import Against
    from .calibrating import Calibrating


class Checking:
    """Checks subjects live, as the flags of the session want it.

    lane  that of the session: what has other lanes beside it
    """

    def __init__(self, check: Check, lane: Lane) -> None:
        self.check = check
        self.old = Check(check.settings, lane.old, check.converter) if lane.old is not None else None
        self.others = [Check(check.settings, other, check.converter) for other in lane.others]
        if check.settings.probes:
            check.enrich = self._with_values

    def workflow_file(
        self, subject: Subject, path: Path, on_progress: Callable[[Progress], None] | None = None
    ) -> CaseVerdict:
        """Run a case of a workflow file and judge it; raises as `Check.workflow_file` does."""
        return self._explained(subject, self._checks.workflow_file(subject, path, on_progress))

    def judge(self, subject: Subject, run: Run, golden: GoldenRun | None) -> CaseVerdict:
        """Judge a run that a test made; raises as `Check.judge` does."""
        checks = self._checks
        judge = checks.judge if isinstance(checks, Check) else checks.run
        return self._explained(subject, judge(subject, run, golden))

    @property
    def _checks(self) -> Check | Against | Calibrating:
        if self.check.settings.calibrate:
            from .calibrating import Calibrating

            again = self.others or [self.check] * (self.check.settings.calibrate - 1)
            return Calibrating([self.check, *again])
        if self.old is None:
            return self.check
        from .against import Against

        return Against(self.check, self.old)

    def _explained(self, subject: Subject, verdict: CaseVerdict) -> CaseVerdict:
        """Return a verdict with what is to blame for it, and what took longer."""
        from .timing import Timing

        # Blame goes first: the server has still in its cache what it made, and runs for the time would push it out.
        if self.check.settings.blame and not verdict.passed:
            verdict = replace(verdict, notes=(*self._blame(verdict), *verdict.notes))
        return Timing(self.check, self.old).timed(subject, verdict)

    def _blame(self, verdict: CaseVerdict) -> tuple[str, ...]:
        from ..client import ComfyError
        from ..golden import GoldenError
        from .blame.asking import Asking
        from .blame.blaming import against_old, differing
        from .blame.keeping import against_golden

        seen = self.check.seen
        targets = differing(verdict.outputs)
        if seen.run is None or not targets:
            return ()
        now = Asking(self.check.lane.client, seen.run)
        try:
            if seen.old is not None and self.old is not None:
                blaming = against_old(now, Asking(self.old.lane.client, seen.old.run))
            elif seen.golden is None or (found := against_golden(seen.golden, now)) is None:
                return (_NOTHING,)
            else:
                blaming = found
            seen.blame = blaming.blame(targets)
        except (ComfyError, GoldenError) as error:
            return (plain(f"no node can be blamed: {error}", 500),)
        return tuple(one.sentence for one in seen.blame)

    def _with_values(self, golden: GoldenRun, run: Run) -> GoldenRun:
        from .blame.keeping import with_values

        return with_values(golden, run, self.check.lane.client)


_NOTHING = (
    "no node can be blamed: its golden run keeps no values between nodes: give the old server with --comfy-against, or "
    "approve with --comfy-probes"
)
