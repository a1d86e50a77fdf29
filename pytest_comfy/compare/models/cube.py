"""Where things lie in space, by two fingerprints: their bounds, and three views into the cube around them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..figures import figure, signed
from ..packing import FloatArray, unpack_levels
from ..statistics import Statistic
from .fingerprints import AXES, SIDE

Described = Mapping[str, Any]


def diagonal_of(golden: Described, actual: Described) -> float:
    """Return the longer diagonal of the bounds of both, 1 where they have none."""
    ends = np.array([golden["bounds"], actual["bounds"]])
    return float(np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1).max()) or 1.0


def moved_bounds(golden: Described, actual: Described) -> Statistic:
    """Return how far the side of the bounds moved that moved most, in percent of the diagonal."""
    ends = np.array([golden["bounds"], actual["bounds"]])
    shifts = 100 * (ends[1] - ends[0]) / diagonal_of(golden, actual)
    end, axis = _largest(shifts)
    which = f"{('lowest', 'highest')[end]} {AXES[axis]}"
    return float(np.abs(shifts).max()), f"bounds moved {signed(shifts[end, axis])} % of the diagonal at the {which}"


def moved_views(golden: Described, actual: Described, what: str) -> tuple[Statistic, Statistic]:
    """Return how much of `what` is seen elsewhere, in percent, and how much the cell that changed most lost or gained.

    The latter is in percent of what a cell has.
    """
    before, after = _views(golden), _views(actual)
    moved = 50 * np.abs(after - before).sum(axis=(1, 2))
    axis = int(moved.argmax())
    whole = float(moved[axis]), f"{figure(moved[axis])} % of the {what} moved, seen along {AXES[axis]}"
    # The mean share of a cell in which there is any of either.
    usual = 1 / np.maximum(((before + after) > 1e-4).sum(axis=(1, 2), keepdims=True), 1)
    local = 100 * (after - before) / usual
    axis, row, column = _largest(local)
    across, up = [name for name in AXES if name != AXES[axis]]
    told = (
        f"{what} at {across} {_span(column)}, {up} {_span(row)} of its cube moved "
        f"{signed(local[axis, row, column])} % of what a cell has"
    )
    return whole, (float(np.abs(local).max()), told)


def relative(what: str, before: float, after: float, least: float = 0.0) -> Statistic:
    """Return the change in percent of the larger magnitude, or of `least` where that is more."""
    change = 100 * (after - before) / (max(abs(before), abs(after), least) or 1.0)
    return abs(change), f"{what} moved {signed(change)} %: {figure(after, 4)}, was {figure(before, 4)}"


def _views(described: Described) -> FloatArray:
    """Return the share of what lies in each cell, shape (3, SIDE, SIDE)."""
    shares = unpack_levels(described["views"], (3, SIDE, SIDE)) ** 2
    whole: FloatArray = shares.sum(axis=(1, 2), keepdims=True)
    return shares / np.where(whole > 0, whole, 1)


def _largest(values: FloatArray) -> tuple[int, ...]:
    """Return the place of the value of largest magnitude."""
    return tuple(int(at) for at in np.unravel_index(int(np.abs(values).argmax()), values.shape))


def _span(cell: int) -> str:
    return f"{100 * cell / SIDE:.0f}-{100 * (cell + 1) / SIDE:.0f} %"
