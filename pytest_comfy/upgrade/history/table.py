"""The history of a golden run as a dated table that fits a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from ...compare.figures import figure
from ...golden.history import Moved, Step
from .finding import History

NARROWEST = 80
_COLUMNS = ("approved (UTC)", "distance", "environment", "why")
_WHEN, _DISTANCE, _GAP = 16, 10, 2
_UNKNOWN = "-"


def rows(history: History, width: int = NARROWEST) -> Iterator[str]:
    """Yield the lines of a history: where it lies, then a row for each approval, the first one first.

    width  of the lines at most, in characters, 80 at least
    """
    left = max(width, NARROWEST) - _WHEN - _DISTANCE - 3 * _GAP
    widths = (_WHEN, _DISTANCE, left // 2, left - left // 2)
    yield f"{history.workflow} [{history.case}]  {history.folder}"
    yield from _row(_COLUMNS, widths)
    for step in history.steps:
        yield from _row((when(step), distance(step), environment(step), step.reason or _UNKNOWN), widths)
    if not history.steps:
        yield "nobody approved it: it was recorded by hand"


def when(step: Step) -> str:
    """Return the time of an approval to the minute, such as "2026-11-26 10:02"."""
    return step.at[:16].replace("T", " ") or _UNKNOWN


def distance(step: Step) -> str:
    """Return how far what moved most did: "3.1", of which 1 is the limit; a word where there is no number."""
    if step.moved is None:
        return _UNKNOWN
    worst = step.worst
    return "0" if worst is None else distance_told(worst)


def distance_told(moved: Moved) -> str:
    """Return a distance as a number, or what it is in place of one."""
    if moved.distance is not None:
        return figure(moved.distance)
    return "beyond" if moved.verdict == "different" else moved.verdict


def environment(step: Step) -> str:
    """Return what changed of the environment; all of it in few words where nothing was there before."""
    if step.changed is None:
        return step.environment or _UNKNOWN
    return "; ".join(step.changed) or "the same"


def _row(cells: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    wrapped = [textwrap.wrap(cell, width) or [""] for cell, width in zip(cells, widths, strict=True)]
    for at in range(max(map(len, wrapped))):
        parts = [
            (lines[at] if at < len(lines) else "").ljust(width) for lines, width in zip(wrapped, widths, strict=True)
        ]
        yield (" " * _GAP).join(parts).rstrip()
