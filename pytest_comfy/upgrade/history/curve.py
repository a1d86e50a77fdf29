"""The curve of drift: how far each approval was from what it took the place of, and what changed with it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from ...compare.figures import figure
from ...golden.history import Step
from ...text import plain
from .canvas import Canvas
from .finding import History
from .table import distance_told

WIDTH, HEIGHT = 960, 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 24, 118, 78
_TICKS = (0, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_COLOURS = ("#0b6bcb", "#b3541e", "#2f7d32", "#8e3aa8", "#5f6b76", "#a8820b")
"""Of cases; dark enough to be read on white."""
_INK, _FAINT, _LIMIT = "#1f2328", "#d0d7de", "#cf222e"
_MOST_LABELS, _MOST_CASES = 12, len(_COLOURS)
_LONGEST = 44
_TITLE = "distance of each approval from what it replaced (1 is the limit); thin: all of them so far, added up"


@dataclass(frozen=True)
class _Scale:
    """From approvals and distances to pixels.

    times  of approvals, in order; each has a column of its own, as days pass without any
    most   the largest distance that has a number
    """

    times: Sequence[str]
    most: float

    def x(self, at: str) -> float:
        room = WIDTH - _LEFT - _RIGHT - 40
        return _LEFT + 20 + room * (self.times.index(at) / (len(self.times) - 1) if len(self.times) > 1 else 0.5)

    def y(self, distance: float | None) -> float:
        """What is beyond all numbers stands above the topmost one. The logarithm shows 0.2 beside 200."""
        room = HEIGHT - _TOP - _BOTTOM
        share = 1.0 if distance is None else 0.92 * math.log1p(distance) / math.log1p(self.most)
        return HEIGHT - _BOTTOM - room * share


def draw(histories: Sequence[History], canvas: Canvas) -> None:
    """Draw the histories of a workflow's cases on a canvas of WIDTH x HEIGHT pixels."""
    told = [(one, [step for step in one.steps if step.at and step.moved is not None]) for one in histories]
    times = sorted({step.at for one in histories for step in one.steps if step.at})
    scale = _Scale(times, max([1.5, *(total for _, steps in told for total in _sums(steps))]))
    names = list(dict.fromkeys(one.workflow for one in histories))
    canvas.text(_LEFT, 28, plain(", ".join(names), 90), _INK, size=16, bold=True)
    canvas.text(_LEFT, 48, _TITLE, _INK)
    _axes(canvas, scale)
    _changes(canvas, scale, [step for one in histories for step in one.steps])
    for number, (history, steps) in enumerate(told):
        colour = _COLOURS[number % len(_COLOURS)]
        _line(canvas, scale, steps, colour)
        if number < _MOST_CASES and len(told) > 1:
            canvas.text(_LEFT + 150 * number, HEIGHT - 14, plain(history.case, 20), colour, bold=True)
    if not any(steps for _, steps in told):
        canvas.text(WIDTH / 2, HEIGHT / 2, "no approval tells of a distance yet", _INK, anchor="middle")


def _axes(canvas: Canvas, scale: _Scale) -> None:
    for tick in _TICKS:
        if tick <= scale.most:
            y = scale.y(tick)
            canvas.line([(_LEFT, y), (WIDTH - _RIGHT, y)], _LIMIT if tick == 1 else _FAINT, dashed=tick == 1)
            canvas.text(_LEFT - 8, y + 4, figure(tick), _LIMIT if tick == 1 else _INK, anchor="end")
    for at in _thinned(scale.times):
        canvas.text(scale.x(at), HEIGHT - _BOTTOM + 20, at[:10], _INK, anchor="middle", size=11)
        canvas.text(scale.x(at), HEIGHT - _BOTTOM + 34, at[11:16], _INK, anchor="middle", size=11)


def _changes(canvas: Canvas, scale: _Scale, steps: Iterable[Step]) -> None:
    """Mark the approvals with which the environment changed, in two rows so that neighbours keep apart."""
    told = dict(sorted((step.at, "; ".join(step.changed)) for step in steps if step.at and step.changed))
    for number, at in enumerate(_thinned(list(told))):
        x, y = scale.x(at), 70 + 16 * (number % 2)
        canvas.line([(x, y + 4), (x, HEIGHT - _BOTTOM)], _FAINT)
        late = x > WIDTH * 0.6
        canvas.text(x, y, _short(told[at]), _INK, size=11, anchor="end" if late else "start")


def _line(canvas: Canvas, scale: _Scale, steps: Sequence[Step], colour: str) -> None:
    """Draw what moved most of each approval, joined, and their sum; each of the other outputs as a faint dot."""
    points = [(scale.x(step.at), scale.y(step.worst.distance if step.worst else 0)) for step in steps]
    for step in steps:
        for moved in (step.moved or {}).values():
            canvas.dot(scale.x(step.at), scale.y(moved.distance), 2, _FAINT, colour)
    sums = [(x, scale.y(total)) for (x, _), total in zip(points, _sums(steps), strict=True)]
    canvas.line(sums, colour)
    canvas.line(points, colour, wide=True)
    for (x, y), step in zip(points, steps, strict=True):
        canvas.dot(x, y, 4, colour, colour)
        if step.worst is not None and step.worst.distance is None:
            canvas.text(x, y - 8, distance_told(step.worst), colour, anchor="middle", size=11)


def _sums(steps: Sequence[Step]) -> list[float]:
    """Return what the largest distances come to, approval by approval; what has no number adds nothing."""
    return list(accumulate((step.worst.distance or 0.0) if step.worst else 0.0 for step in steps))


def _thinned(times: Sequence[str]) -> Iterator[str]:
    """Yield as many as there is room for, evenly, the last one among them."""
    each = max(1, math.ceil(len(times) / _MOST_LABELS))
    return (at for place, at in enumerate(times) if (len(times) - 1 - place) % each == 0)


def _short(text: str) -> str:
    text = plain(text, 400)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
