"""The verdict on time: by medians of several runs on each side, never by one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..text import listed
from .slower import ENOUGH, WHOLE, calibrated, medians, of_golden, of_run, property_of, slower, told

if TYPE_CHECKING:
    from ..client import Run
    from ..judging.asked import Subject
    from ..judging.check import Check
    from ..judging.verdict import CaseVerdict
    from .slower import Seconds

UNTIMED = "comfy_untimed"
"""The property that names a case that is slower than a golden run which is one run alone, and no verdict on time."""


class Timing:
    """Looks at the seconds of the case that was checked last.

    old  the check of the old server, where the case ran there as well
    """

    def __init__(self, check: Check, old: Check | None) -> None:
        self.check = check
        self.old = old

    def timed(self, subject: Subject, verdict: CaseVerdict) -> CaseVerdict:
        """Return a verdict with what took longer; one that passed fails where that is too much. Raises ComfyError."""
        seen = self.check.seen
        if seen.run is None or verdict.written is not None:
            return verdict
        now = of_run(seen.run)
        if seen.old is not None:
            before = of_run(seen.old.run)
        elif seen.golden is not None:
            before = calibrated(seen.golden, seen.run) or of_golden(seen.golden, seen.run)
        else:
            return verdict
        verdict.properties.update(property_of(subject.node_id, before, now, seen.run.prompt))
        factor = self.check.settings.slower
        if factor is None or not slower(before, now, factor):
            return verdict
        return self._judged(subject, verdict, seen.run, factor)

    def _judged(self, subject: Subject, verdict: CaseVerdict, run: Run, factor: float) -> CaseVerdict:
        """Run as often more as a verdict takes, and judge by the medians."""
        before = self._before(subject, run)
        if before is None:
            verdict.properties[UNTIMED] = subject.node_id
            return verdict
        now = medians([run, *(self._again(self.check, subject, run) for _ in range(ENOUGH - 1))])
        found = slower(before, now, factor)
        if not found:
            return verdict
        # The whole is told where no node is to blame for it.
        nodes = [node for node in found if node != WHOLE] or [WHOLE]
        sentence = listed([told(node, before, now, run.prompt) for node in nodes])
        failure = f"slower: {sentence} (medians of {ENOUGH} runs; {factor:g} times as long is too much)"
        if verdict.failure or not verdict.passed:
            return replace(verdict, notes=(failure, *verdict.notes))
        return replace(verdict, failure=failure)

    def _before(self, subject: Subject, run: Run) -> Seconds | None:
        seen = self.check.seen
        if seen.old is not None and self.old is not None:
            old = seen.old.run
            return medians([old, *(self._again(self.old, subject, old) for _ in range(ENOUGH - 1))])
        return calibrated(seen.golden, run) if seen.golden is not None else None

    def _again(self, check: Check, subject: Subject, run: Run) -> Run:
        return check.run(run.workflow or run.prompt, subject.options, run.extra_data, fresh=True)
