"""Time: which nodes take longer than they did, and whether that is a failure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from statistics import median
from typing import TYPE_CHECKING, Any

from ..golden.timing import seconds_of_golden, seconds_of_run
from ..judging.floor import KEY
from ..text import plain
from ..workflow.digest import match_nodes
from ..workflow.model import title_of

if TYPE_CHECKING:
    from ..client import Run
    from ..golden import GoldenRun

SLOWER = "comfy_slower"
"""The property that tells which nodes took longer: JSON [case, [[times, sentence], ...]]."""
ENOUGH = 3
"""Runs on each side that a verdict takes: the median of them is not moved by one that was disturbed."""
NOTABLE = 1.5
"""How many times as long a node takes that is told of."""
_LEAST = 0.5
"""Seconds that it takes longer at least: below them it is the machine's business."""
_MOST_TOLD = 5
WHOLE = ""
"""Stands for the whole run among the nodes."""

Seconds = Mapping[str, float]
"""Node id -> seconds; WHOLE -> all of them."""


def of_run(run: Run) -> dict[str, float]:
    """Return the seconds of a run's nodes; of those from the cache nothing is known."""
    return _whole(seconds_of_run(run))


def of_golden(golden: GoldenRun, run: Run) -> dict[str, float]:
    """Return the seconds of a golden run's nodes by the ids of today."""
    return _whole(_renamed(seconds_of_golden(golden), golden, run))


def calibrated(golden: GoldenRun, run: Run) -> dict[str, float] | None:
    """Return the medians of the runs by which a golden run was calibrated, None where they are too few."""
    told = golden.document.get(KEY)
    kept = told.get("seconds") if isinstance(told, Mapping) else None
    found: dict[str, float] = {}
    for node, seconds in kept.items() if isinstance(kept, Mapping) else ():
        numbers = [one for one in seconds if isinstance(one, (int, float))] if isinstance(seconds, list) else []
        if len(numbers) >= ENOUGH:
            found[node] = median(numbers)
    return _whole(_renamed(found, golden, run)) if found else None


def medians(runs: Iterable[Run]) -> dict[str, float]:
    """Return the median of each node's seconds over some runs."""
    seconds: dict[str, list[float]] = {}
    for run in runs:
        for node, taken in of_run(run).items():
            seconds.setdefault(node, []).append(taken)
    return {node: median(taken) for node, taken in seconds.items()}


def slower(before: Seconds, now: Seconds, factor: float) -> dict[str, float]:
    """Return the nodes that take so many times as long as before, or longer -> how many times, the most first."""
    found = {
        node: now[node] / before[node]
        for node in before.keys() & now.keys()
        if before[node] > 0 and now[node] >= factor * before[node] and now[node] - before[node] >= _LEAST
    }
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def told(node: str, before: Seconds, now: Seconds, prompt: Mapping[str, Any]) -> str:
    """Return "node 3 'KSampler' 41 s, was 12 s"."""
    name = f"node {node} {title_of(node, prompt.get(node))!r}" if node != WHOLE else "the run"
    return plain(f"{name} {_shown(now[node])}, was {_shown(before[node])}", 200)


def property_of(case: str, before: Seconds, now: Seconds, prompt: Mapping[str, Any]) -> dict[str, str]:
    """Return the property of a case some of whose nodes take notably longer, nothing for others."""
    found = {node: times for node, times in slower(before, now, NOTABLE).items() if node != WHOLE}
    rows = [[round(times, 2), told(node, before, now, prompt)] for node, times in list(found.items())[:_MOST_TOLD]]
    return {SLOWER: json.dumps([case, rows])} if rows else {}


def _whole(seconds: Mapping[str, float]) -> dict[str, float]:
    return {**seconds, WHOLE: sum(seconds.values())}


def _renamed(seconds: Mapping[str, float], golden: GoldenRun, run: Run) -> dict[str, float]:
    names = match_nodes(golden.prompt, run.prompt)
    return {names.get(node, node): taken for node, taken in seconds.items()}


def _shown(seconds: float) -> str:
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
