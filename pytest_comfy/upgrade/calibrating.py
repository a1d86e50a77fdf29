"""The noise floor: a case runs several times, and how far its outputs move by themselves is kept in the golden run."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..golden import GoldenRun
from ..golden.differences import changes
from ..golden.renewing import rewrite
from ..golden.timing import seconds_of_run
from ..judging.artefacts import NOWHERE
from ..judging.asked import Asked, Subject
from ..judging.batches import name_today
from ..judging.check import Check
from ..judging.floor import HIGHEST, KEY, MULTIPLE
from ..judging.judge import NotJudged
from ..text import plain
from ..workflow.digest import match_nodes

if TYPE_CHECKING:
    from ..client import Progress, Run
    from ..judging.verdict import CaseVerdict, OutputVerdict

FLOOR = "comfy_floor"
"""The property that tells how far the outputs of a case move by themselves: JSON [case, limits at `normal`]."""
_NODES_MOST = 512


@dataclass(frozen=True)
class Floor:
    """How far one output moves by itself.

    distance  of the part that moves most, in limits at `normal`; infinite where no limit applies
    parts     name -> the largest movement, in the part's own unit
    told      what moved, in a sentence
    """

    distance: float = 0.0
    parts: Mapping[str, float] | None = None
    told: str = ""

    def to_json(self, runs: int, servers: int) -> dict[str, Any]:
        """Return it as golden runs keep it."""
        return {"runs": runs, "servers": servers, "distance": round(self.distance, 4), "parts": dict(self.parts or {})}


class Calibrating:
    """Runs a case several times; `checks` has one for every run, all of one server or each of another."""

    def __init__(self, checks: Sequence[Check]) -> None:
        self.checks = checks
        self.check = checks[0]

    def workflow_file(
        self, subject: Subject, path: Path, on_progress: Callable[[Progress], None] | None = None
    ) -> CaseVerdict:
        """Run a case of a workflow file, keep its noise floor, and judge the first run by it.

        Raises as `Check.workflow_file` does, and NotJudged where it moves too far to be tested.
        """
        golden = self._golden(subject)

        def runs() -> Iterator[Run]:
            for check in self.checks:
                asked = check.ask(subject, path, golden)
                assert isinstance(asked, Asked)  # a live session has no verdict before the run
                run = check.run_asked(subject, asked, on_progress, fresh=True)
                yield replace(run, cache_bust=None)  # it was asked for, and is no repetition to tell of

        return self._judged(subject, list(runs()), golden)

    def run(self, subject: Subject, run: Run, golden: GoldenRun | None) -> CaseVerdict:
        """Do the same with a run that a test made, which is made again."""
        golden = self._golden(subject)
        again = [
            check.run(run.workflow or run.prompt, subject.options, run.extra_data, fresh=True)
            for check in self.checks[1:]
        ]
        return self._judged(subject, [run, *again], golden)

    def _golden(self, subject: Subject) -> GoldenRun | None:
        golden = self.check.golden_of(subject)
        if golden is None and self.check.settings.update == "none":
            raise NotJudged(
                f"there is no golden run for {subject.node_id} that could keep how far it moves by itself: approve one "
                "in the same session, with --comfy-update"
            )
        return golden

    def _judged(self, subject: Subject, runs: Sequence[Run], golden: GoldenRun | None) -> CaseVerdict:
        floors = self.floors(subject, runs)
        self._refuse_untestable(subject, runs, floors)
        if golden is not None and self.check.settings.update == "none":
            golden = self._kept(golden, floors, runs)
            verdict = self.check.judge(subject, runs[0], golden)
        else:
            verdict = self.check.judge(subject, runs[0], golden)
            written = self.check.golden_of(subject)
            if written is not None:
                self._kept(written, floors, runs)
        farthest = max((floor.distance for floor in floors.values()), default=0.0)
        verdict.properties[FLOOR] = json.dumps([subject.node_id, round(farthest, 4)])
        return verdict

    def floors(self, subject: Subject, runs: Sequence[Run]) -> dict[str, Floor]:
        """Return output -> its noise floor: the farthest that any two runs are apart."""
        plainly = replace(
            subject.options,
            tolerance="normal",
            outputs=tuple(replace(rule, tolerance=None) for rule in subject.options.outputs),
        )
        one = replace(subject, options=plainly)
        recorded = []
        for check, run in zip(self.checks, runs, strict=True):
            judge = check.judge_of(one, run.prompt, None, run.extra_data)
            recorded.append(check.recorder.recorded(check.candidate(one, run, None, judge), files=True))
        floors: dict[str, Floor] = {}
        for before, now in combinations(range(len(runs)), 2):
            judge = self.checks[now].judge_of(one, runs[now].prompt, None, runs[now].extra_data)
            judge.artefacts = NOWHERE
            for found in judge.outputs(recorded[before], runs[now]):
                floors[found.name] = _farther(floors.get(found.name), found)
        return floors

    def _refuse_untestable(self, subject: Subject, runs: Sequence[Run], floors: Mapping[str, Floor]) -> None:
        name, floor = max(floors.items(), key=lambda one: one[1].distance, default=("", Floor()))
        if floor.distance <= HIGHEST:
            return
        far = "by more than any limit" if math.isinf(floor.distance) else f"by {floor.distance:.3g} times its limit"
        where = "from server to server" if self._servers > 1 else "from run to run on one server"
        raise NotJudged(
            plain(
                f"not testable: output {name} moves {far} {where}, and loose allows {HIGHEST:g} ({floor.told}); "
                f"likely cause: {self._cause(runs, name)}",
                1500,
            )
        )

    def _cause(self, runs: Sequence[Run], name: str) -> str:
        """Return what makes an output move by itself, as far as a look between the nodes tells."""
        from ..client import ComfyError
        from .blame.asking import Asking
        from .blame.blaming import against_old

        if self._servers > 1:
            environments = [check.environment_now(run) for check, run in zip(self.checks, runs, strict=True)]
            for one, other in combinations([found for found in environments if found], 2):
                found = changes(one, other)
                if found:
                    return ", ".join(f"{key} {before} on one, {after} on another" for key, before, after in found[:4])
        try:
            asked = [Asking(self.checks[place].lane.client, runs[place]) for place in (-1, 0)]
            found_by = against_old(*asked).blame([name.partition(".")[0]])
        except ComfyError as error:
            return f"none that could be found ({error})"
        return found_by[0].sentence if found_by else "none that could be found"

    @property
    def _servers(self) -> int:
        return len({check.lane.client.url for check in self.checks})

    def _kept(self, golden: GoldenRun, floors: Mapping[str, Floor], runs: Sequence[Run]) -> GoldenRun:
        """Write the floors to a golden run, and return it with them; raises GoldenError."""
        renamed = match_nodes(golden.prompt, runs[0].prompt)
        entries = []
        for output, entry in zip(golden.outputs, golden.document["outputs"], strict=True):
            floor = floors.get(name_today(output, renamed))
            kept = {key: value for key, value in entry.items() if key != "floor"}
            entries.append({**kept, "floor": floor.to_json(len(runs), self._servers)} if floor else kept)
        back = {today: before for before, today in renamed.items()}
        seconds: dict[str, list[float]] = {}
        for run in runs:
            for node, taken in list(seconds_of_run(run).items())[:_NODES_MOST]:
                seconds.setdefault(back.get(node, node), []).append(taken)
        document = {
            **golden.document,
            "outputs": entries,
            KEY: {
                "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "runs": len(runs),
                "servers": self._servers,
                "multiple": MULTIPLE,
                "seconds": seconds,
            },
        }
        assert golden.folder is not None  # it was read, or written just now
        rewrite(golden.folder, document)
        return replace(golden, document=document)


def _farther(floor: Floor | None, found: OutputVerdict) -> Floor:
    """Return a floor with what two runs more show of it."""
    floor = floor or Floor()
    comparison = found.comparison
    if found.failed and comparison is None:
        return Floor(math.inf, floor.parts, found.message or found.verdict)
    if comparison is None:
        return floor
    parts = dict(floor.parts or {})
    for name, part in comparison.parts.items():
        if part.value > 0 and part.limit > 0 and not math.isinf(part.value) and not math.isinf(part.limit):
            parts[name] = max(parts.get(name, 0.0), part.value)
    if comparison.distance <= floor.distance:
        return replace(floor, parts=parts)
    return Floor(comparison.distance, parts, comparison.message)
