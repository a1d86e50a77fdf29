"""Even grids, as tiles and upscalers leave them: steps along lines that come again at every so many pixels.

From one tile to the next the step may be up here and down there, so that a line's mean step shows nothing. Steps are
averaged over short pieces of each line, their sizes over the line, and the profile of all lines is folded at every
period: content cancels out, a grid adds up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .maps import Floats
from .profiles import CAP, Ints, Planes, profiles

PERIODS = (4, 6, 8, 10, 12, 14, 16, 20, 25, 32, 40, 50, 64, 80, 100, 128, 160, 203, 256, 322, 406, 513)
"""Bounds of the groups of periods, in pixels, of which fingerprints keep the strongest each; the last is not in it."""
GROUPS = len(PERIODS) - 1
TIMES = 3
"""How often a line must come to be one of a grid."""
CHROMA_WEIGHT = 0.6
"""What a level of (Cb, Cr) counts beside one of luma: it is seen less, and codecs keep it worse."""
OVERTONE = 0.75
"""Share of the strongest period from which on a shorter one is the grid's: they come again at twice that, too."""
CHANCE = 3.0
"""Standard deviations of what lines that have nothing in common come to."""

_SCALES = ((4, 32), (32, 64), (64, PERIODS[-1]))
"""Periods from and to which pieces are of PIECE pixels, of twice that, and of four times: a quarter of a tile at most,
but of the smallest, so that few lie on two tiles and show the step of neither."""


@dataclass(frozen=True)
class Grid:
    """An even grid.

    strength   levels of its lines' steps above those of other lines, chroma by CHROMA_WEIGHT
    period     pixels from line to line; 0 for none
    in_chroma  whether it shows in colours rather than in light and dark
    """

    strength: float
    period: int
    in_chroma: bool = False


@dataclass(frozen=True)
class Lattice:
    """How strongly lines come again in one picture.

    strengths  (2, GROUPS): of luma and of chroma, the strongest period of each group, levels
    periods    (2,): of luma and of chroma, the period of the strongest grid, pixels; 0 for none
    """

    strengths: Floats
    periods: tuple[int, int]


def lattice_of(planes: tuple[Planes, Planes]) -> Lattice:
    """Return how strongly lines come again in a picture, given its `planes_of`."""
    across, down = (list(profiles(one, len(_SCALES))) for one in planes)
    if across[0].shape == down[0].shape:  # both of a square at once: it takes hardly longer than one
        folded = _folded([np.concatenate(pair) for pair in zip(across, down, strict=True)])
        strengths = np.maximum(folded[:2], folded[2:])
    else:
        strengths = np.maximum(_folded(across), _folded(down))
    grouped = np.maximum.reduceat(strengths, np.array(PERIODS[:-1]) - PERIODS[0], axis=1)
    return Lattice(grouped, (_strongest(strengths[0]).period, _strongest(strengths[1]).period))


def grid_between(golden: tuple[Planes, Planes], actual: tuple[Planes, Planes]) -> Grid:
    """Return the strongest grid in what differs between two pictures, beyond what chance makes of other lines."""
    grids = []
    for luma, chroma in map(_folded_difference, golden, actual):
        grids += [_strongest(luma), _strongest(CHROMA_WEIGHT * chroma, in_chroma=True)]
    return max(grids, key=lambda grid: grid.strength)


def strength_at(lattice: Lattice, grid: Grid) -> float:
    """Return how strongly lines come again at about the period of a grid, levels."""
    group = int(np.searchsorted(PERIODS, grid.period, side="right")) - 1
    return float(lattice.strengths[int(grid.in_chroma), max(0, group)])


def grid_moved(golden: Lattice, actual: Lattice) -> Grid:
    """Return the grid that came or went: the strength is by how much, the period that of the picture that has it."""
    weights = np.array([[1.0], [CHROMA_WEIGHT]], dtype=np.float32)
    change = (actual.strengths - golden.strengths) * weights
    channel, _ = np.unravel_index(np.abs(change).argmax(), change.shape)
    most = float(np.abs(change[channel]).max())
    if most == 0:
        return Grid(0.0, 0)
    group = int(np.flatnonzero(np.abs(change[channel]) >= OVERTONE * most)[0])
    has = actual if change[channel, group] > 0 else golden
    low, high = PERIODS[group], PERIODS[group + 1]
    period = has.periods[channel]
    return Grid(most, period if low <= period < high else (low + high - 1) // 2, bool(channel))


def _folded_difference(before: Planes, after: Planes) -> Floats:
    red, green, blue = (np.subtract(b, a, dtype=np.int32) for a, b in zip(before, after, strict=True))
    return _folded(list(profiles((red, green, blue), len(_SCALES))), CHANCE)


def _folded(scales: Sequence[Floats], chance: float = 0.0) -> Floats:
    """Return how strong the lines of each period are: shape (rows, PERIODS[-1] - PERIODS[0]).

    That is the mean of the steps there but for the largest, above the median of all lines and `chance` standard
    deviations. The profiles are those of the `_SCALES`, each of the same number of rows, luma and chroma in turn.
    """
    folded = np.zeros((len(scales[0]), PERIODS[-1] - PERIODS[0]), dtype=np.float32)
    for (low, high), steps in zip(_SCALES, scales, strict=True):
        lines = steps.shape[1]
        high = min(high, lines // TIMES + 1)
        if low < high:
            above, times = steps - np.median(steps, axis=1, keepdims=True), lines // np.arange(low, high)
            sums = _at_periods(above, low, high) / (times - 1)
            if chance:
                sums -= chance * above.std(axis=1, keepdims=True) / np.sqrt(times)
            folded[:, low - PERIODS[0] : high - PERIODS[0]] = sums
    return np.maximum(folded, 0)


def _at_periods(steps: Floats, low: int, high: int) -> Floats:
    """Return of steps (rows, lines), for each period, the largest sum of those that lie it apart: (rows, high - low).

    The largest step of a sum is left out: a line of its own makes no grid.
    """
    lines, period, found = steps.shape[1], low, []
    while period < high:
        times = lines // period
        after = min(high, lines // times + 1)  # periods before it come equally often
        if 2 * (after - period) < 3 * times:
            period += 1
        else:  # many long ones, which take fewer steps together
            found += [_each_largest_sum(steps, low, period), _largest_sums(steps, np.arange(period, after), times)]
            low = period = after
    return np.concatenate([*found, _each_largest_sum(steps, low, high)], axis=1)


def _each_largest_sum(steps: Floats, low: int, high: int) -> Floats:
    """Return what `_at_periods` does, one period after the other."""
    if low == high:
        return np.empty((len(steps), 0), dtype=np.float32)
    (rows, lines), turned = steps.shape, np.ascontiguousarray(steps.T)
    periods = np.arange(low, high)
    starts = np.concatenate([[0], np.cumsum(periods)])
    total, largest = np.empty((2, starts[-1] * rows), dtype=np.float32)
    for period, start in zip(periods.tolist(), (starts * rows).tolist(), strict=False):
        times, part = lines // period, slice(start, start + period * rows)
        folds = turned[: times * period].reshape(times, -1)
        np.add.reduce(folds, axis=0, out=total[part])
        np.maximum.reduce(folds, axis=0, out=largest[part])
    total -= largest
    most: Floats = np.maximum.reduceat(total.reshape(-1, rows), starts[:-1], axis=0).T
    return most


def _largest_sums(steps: Floats, periods: npt.NDArray[np.intp], times: int) -> Floats:
    """Return what `_at_periods` does for periods that follow each other and all come so often: in whole numbers."""
    level = np.iinfo(np.int16).max // int(times * CAP)
    whole = (steps * level).astype(np.int16)
    total = _fold(whole, periods, 0).copy()
    largest = total.copy()
    for time in range(1, times):
        fold = _fold(whole, periods, time)
        np.add(total, fold, out=total)
        np.maximum(largest, fold, out=largest)
    total -= largest
    beyond = np.arange(total.shape[2]) >= periods[:, np.newaxis]  # where the next fold begins
    np.copyto(total, np.iinfo(np.int16).min, where=beyond)
    return np.asarray(total.max(axis=2) / level, dtype=np.float32)


def _fold(steps: Ints, periods: npt.NDArray[np.intp], time: int) -> Ints:
    """Return a view on a fold of each period, from `time` times the period on: (rows, periods, longest period)."""
    across, along = steps.strides
    shape = (len(steps), len(periods), int(periods[-1]))
    return np.ndarray(shape, steps.dtype, steps, time * int(periods[0]) * along, (across, time * along, along))


def _strongest(strengths: Floats, in_chroma: bool = False) -> Grid:
    """Return the strongest grid of the strengths of all periods; of overtones the shortest."""
    most = float(strengths.max())
    if most == 0:
        return Grid(0.0, 0)
    period = PERIODS[0] + int(np.flatnonzero(strengths >= OVERTONE * most)[0])
    return Grid(most, period, in_chroma)
