"""Old against new: a case runs on both servers, one after the other, and their outputs are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..cases.carrying import carry_inputs
from ..golden.differences import changes
from ..golden.environment import summary
from ..judging.artefacts import NOWHERE
from ..judging.asked import Asked, Subject
from ..judging.check import Check
from ..judging.floor import carried
from ..judging.judge import NotJudged
from ..judging.seen import Old
from ..judging.verdict import GOLDEN, CaseVerdict, OutputVerdict
from ..text import plain
from ..workflow import WorkflowError
from .trend import FAILING, Trend, trend_of, worst

if TYPE_CHECKING:
    from ..client import Progress, Run
    from ..golden import GoldenRun
    from ..judging.judge import Judge

TREND = "comfy_against"
"""The property that tells what became of a case."""
STALE = "comfy_golden_stale"
"""The property that names a case of which both servers make the same, and not what was approved."""
NOT_COMPARED = "comfy_not_compared"
"""The property that names a case of which the old server made nothing, so that the golden run alone was asked."""
OLD = "old"
"""What the old server's outputs are called."""
_LEADS = {
    "regression": "NEW differs from OLD, which agrees with the golden run",
    "golden stale": "NEW and OLD agree with each other, and not with the golden run",
    "golden stale, and different": "NEW differs from OLD, and neither agrees with the golden run",
    "improved": "NEW agrees with the golden run, and OLD did not",
    "different": "NEW differs from OLD",
}
_MOST_CHANGES = 12


class Against:
    """Checks subjects on two servers; `check` is of the new one, which is judged."""

    def __init__(self, check: Check, old: Check) -> None:
        self.check = check
        self.old = old

    def workflow_file(
        self, subject: Subject, path: Path, on_progress: Callable[[Progress], None] | None = None
    ) -> CaseVerdict:
        """Run a case of a workflow file on both and judge the new run; raises as `Check.workflow_file` does."""
        from ..client import ComfyError

        try:
            asked = self.check.ask(subject, path)
            assert isinstance(asked, Asked)  # a live session has no verdict before the run
            run = self.check.run_asked(subject, asked, on_progress)
        except (ComfyError, WorkflowError) as error:
            if not isinstance(error, ComfyError) or error.judged:
                told = self._told_by_old(subject, path, on_progress)
                error.args = (f"{error}\n{told}", *error.args[1:])
                if told.startswith("regression: "):
                    vars(error)[TREND] = "regression"  # the summary counts it, though there is no verdict
            raise
        return self.judge(subject, run, asked.golden, lambda: self._old_file(subject, path, asked.golden, on_progress))

    def _told_by_old(self, subject: Subject, path: Path, on_progress: Callable[[Progress], None] | None) -> str:
        """Return whether the old server runs what the new one does not."""
        from ..client import ComfyError

        try:
            self._old_file(subject, path, None, on_progress)
        except (ComfyError, WorkflowError) as error:
            return plain(f"OLD ({self.old.lane.told}) does not run it either: {error}", 500)
        return plain(f"regression: OLD ({self.old.lane.told}) runs it", 500)

    def run(self, subject: Subject, run: Run, golden: GoldenRun | None) -> CaseVerdict:
        """Run on the old server what was run on the new one, and judge the run."""

        def again() -> Run:
            prompt = carry_inputs(run.prompt, self.check.lane.client, self.old.lane.client)
            workflow = replace(run.workflow, graph=prompt) if run.workflow else prompt
            return self.old.run(workflow, subject.options, run.extra_data)

        return self.judge(subject, run, golden, again)

    def judge(self, subject: Subject, run: Run, golden: GoldenRun | None, run_old: Callable[[], Run]) -> CaseVerdict:
        """Judge a run by that of the old server, and by the golden run where there is one."""
        if self.check.settings.update != "none":
            return self.check.judge(subject, run, golden)
        from ..client import ComfyError

        try:
            old = run_old()
        except (ComfyError, WorkflowError) as error:
            return self._without_old(subject, run, golden, error)
        return _Judging(self, subject, run, golden, old).verdict()

    def _old_file(
        self,
        subject: Subject,
        path: Path,
        golden: GoldenRun | None,
        on_progress: Callable[[Progress], None] | None,
    ) -> Run:
        asked = self.old.ask(subject, path, golden)
        assert isinstance(asked, Asked)
        return self.old.run_asked(subject, asked, on_progress)

    def _without_old(self, subject: Subject, run: Run, golden: GoldenRun | None, error: Exception) -> CaseVerdict:
        told = f"OLD ({self.old.lane.told}) made nothing to compare with: {error}"
        if golden is None:
            raise NotJudged(told) from None
        verdict = self.check.judge(subject, run, golden)
        root = f"{self.check.settings.root}/"
        properties = {**verdict.properties, NOT_COMPARED: plain(f"{subject.node_id}: {error}".replace(root, ""), 500)}
        return replace(verdict, notes=(*verdict.notes, plain(told, 500)), properties=properties)


class _Judging:
    """One case, of which both runs are there."""

    def __init__(self, both: Against, subject: Subject, run: Run, golden: GoldenRun | None, old: Run) -> None:
        self.both = both
        self.subject = subject
        self.run = run
        self.golden = golden
        self.old = old

    def verdict(self) -> CaseVerdict:
        check, seen = self.both.check, self.both.check.seen
        judge = check.judge_of(self.subject, self.run.prompt, self.golden, self.run.extra_data)
        judge.artefacts.clear()
        reference = self._recorded(self.old, judge)
        against = {one.name: one for one in judge.outputs(reference, self.run)}
        trends, outputs = self._outputs(judge, against)
        trend = worst(trends.values())
        differing = check.compared_environment(reference.environment, self.run)
        found = changes(reference.environment, seen.environment) if seen.environment else []
        seen.golden, seen.run, seen.prompt, seen.judge, seen.outputs = (
            self.golden, self.run, self.run.prompt, judge, outputs,
        )  # fmt: skip
        seen.old = Old(reference, self.old, trend, self.both.old.lane.told)
        notes = self._notes(trend, reference, found) if trend != "same" else []
        told = {**differing, TREND: trend, **({STALE: self.subject.node_id} if trend == "golden stale" else {})}
        verdict = check.verdict_of(self.subject, self.run, outputs, notes, told=told)
        if verdict.passed:
            return verdict
        return replace(verdict, notes=(*verdict.notes, *judge.artefacts.problems))

    def _outputs(
        self, judge: Judge, against: Mapping[str, OutputVerdict]
    ) -> tuple[dict[str, Trend], tuple[OutputVerdict, ...]]:
        """Return name -> trend, and the verdicts that tell of it: by the old server, or by the golden run."""
        if self.golden is None:
            trends = {name: trend_of(not one.failed, None, None) for name, one in against.items()}
            return trends, tuple(replace(one, before=OLD) for one in against.values())
        silent = self.both.check.judge_of(self.subject, self.run.prompt, self.golden, self.run.extra_data)
        silent.artefacts = NOWHERE
        new_good = {one.name: one for one in silent.outputs(self.golden, self.run)}
        old_judge = self.both.old.judge_of(self.subject, self.old.prompt, self.golden, self.old.extra_data)
        old_judge.artefacts = NOWHERE
        old_good = {one.name: one for one in old_judge.outputs(self.golden, self.old)}
        trends, outputs = {}, []
        for name in dict.fromkeys([*against, *new_good]):
            one, new, old = against.get(name), new_good.get(name), old_good.get(name)
            alike = one is None or not one.failed
            trend = trends[name] = trend_of(alike, not (old and old.failed), not (new and new.failed))
            # Where the servers agree, it is the golden run that one of them differs from.
            shown = new if one is None or trend == "improved" or (trend == "regression" and alike) else one
            if shown is not None:
                word = trend if trend in FAILING and trend != "different" else ""
                outputs.append(replace(shown, word=word, before=OLD if shown is one else GOLDEN))
        return trends, tuple(sorted(outputs, key=lambda verdict: verdict.verdict == "unexpected"))

    def _recorded(self, old: Run, judge: Judge) -> GoldenRun:
        """Return the old run as what the new one is compared with."""
        candidate = self.both.old.candidate(self.subject, old, None, judge)
        reference = _without_times(self.both.old.recorder.recorded(candidate, files=True))
        # What moves by itself does so between two servers as well.
        return carried(self.golden, reference) if self.golden is not None else reference

    def _notes(self, trend: Trend, reference: GoldenRun, found: list[tuple[str, str, str]]) -> list[str]:
        new, old = self.both.check.lane, self.both.old.lane
        # The lane of a test that runs workflows itself has asked the server nothing until now.
        now = self.both.check.seen.environment
        there = f"{new.told} ({summary(now)})" if now and new.told == new.client.url else new.told
        notes = [f"{trend}: {_LEADS[trend]}" if trend in _LEADS else trend, f"NEW: {there}", f"OLD: {old.told}"]
        if found:
            told = [f"{key} {before} -> {after}" for key, before, after in found[:_MOST_CHANGES]]
            more = len(found) - _MOST_CHANGES
            notes.append(f"OLD -> NEW: {', '.join(told)}{f', and {more} more' if more > 0 else ''}")
        else:
            notes.append(f"OLD -> NEW: the same environment as far as they tell ({summary(reference.environment)})")
        return notes


def _without_times(run: GoldenRun) -> GoldenRun:
    """Return a run that does not tell when its model files were written: each server may have a copy of its own."""
    models = run.environment.get("models")
    if not isinstance(models, Mapping):
        return run
    bare = {
        name: {key: value for key, value in facts.items() if key != "modified"} if isinstance(facts, Mapping) else facts
        for name, facts in models.items()
    }
    return replace(run, document={**run.document, "environment": {**run.environment, "models": bare}})
