"""Even grids, as tiles and upscalers leave them: steps along lines that come again at every so many pixels.

From one tile to the next the step may be up here and down there, so that a line's mean step shows nothing. Steps are
averaged over short pieces of each line, their sizes over the line, and the profile of all lines is folded at every
period: content cancels out, a grid adds up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from .maps import Floats

Planes = tuple[Floats, Floats, Floats]
"""Luma, Cb and Cr, averaged over PIECE pixels along one axis: shape (pieces, lines)."""

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

_PIECE = 4
_SCALES = ((4, 32), (32, 64), (64, PERIODS[-1]))
"""Periods from and to which pieces are of _PIECE pixels, of twice that, and of four times: a quarter of a tile at most,
but of the smallest, so that few lie on two tiles and show the step of neither."""
_CAP = 8.0
"""Levels from which on a step counts no more: edges of the content are far larger."""


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


def lattice_of(planes: Iterable[Planes]) -> Lattice:
    """Return how strongly lines come again in a picture, given its `planes_of`."""
    strengths = np.maximum(*map(_folded, planes))  # which has one plane at a time
    grouped = np.maximum.reduceat(strengths, np.array(PERIODS[:-1]) - PERIODS[0], axis=1)
    return Lattice(grouped, (_strongest(strengths[0]).period, _strongest(strengths[1]).period))


def grid_between(golden: Iterable[Planes], actual: Iterable[Planes]) -> Grid:
    """Return the strongest grid in what differs between two pictures, beyond what chance makes of other lines."""
    grids = []
    for luma, chroma in map(_folded_difference, golden, actual):  # which has one plane of each at a time
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


def planes_of(seen: Image.Image) -> Iterator[Planes]:
    """Yield the planes of an 8-bit RGB picture: for the lines that run down, then for those that run across.

    One after the other, as each takes as much memory as the picture.
    """
    yield _planes(seen.reduce((1, _PIECE)))
    yield _planes(seen.reduce((_PIECE, 1)).transpose(Image.Transpose.TRANSPOSE))


def _planes(pieces: Image.Image) -> Planes:
    red, green, blue = (np.asarray(band, dtype=np.float32) for band in pieces.split())
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return luma, (blue - luma) / 1.772, (red - luma) / 1.402


def _folded_difference(before: Planes, after: Planes) -> Floats:
    luma, blue, red = (b - a for a, b in zip(before, after, strict=True))
    return _folded((luma, blue, red), CHANCE)


def _folded(planes: Planes, chance: float = 0.0) -> Floats:
    """Return how strong the lines of each period are in luma and chroma: shape (2, PERIODS[-1] - PERIODS[0]).

    That is the mean of the steps there but for the largest, above the median of all lines and `chance` standard
    deviations.
    """
    folded = np.zeros((2, PERIODS[-1] - PERIODS[0]), dtype=np.float32)
    for low, high in _SCALES:
        profiles = _profiles(planes)
        above, lines = profiles - np.median(profiles, axis=1, keepdims=True), profiles.shape[1]
        periods = range(low, min(high, lines // TIMES + 1))
        times = np.array([lines // period for period in periods])
        sums = [
            _without_largest(above[:, : n * period].reshape(2, n, period)).max(axis=1)
            for n, period in zip(times.tolist(), periods, strict=True)
        ]
        if sums:
            spread = above.std(axis=1, keepdims=True)
            at = low - PERIODS[0]
            folded[:, at : at + len(sums)] = np.stack(sums, axis=1) / (times - 1) - chance * spread / np.sqrt(times)
        planes = _joined(planes)
    return np.maximum(folded, 0)


def _without_largest(steps: Floats) -> Floats:
    """Return the sums over the middle axis, but for the largest each: a line of its own makes no grid."""
    sums: Floats = np.add.reduce(steps, axis=1) - np.maximum.reduce(steps, axis=1)
    return sums


def _profiles(planes: Planes) -> Floats:
    """Return the mean size of the steps from each line to the next, of luma and of chroma: shape (2, lines - 1)."""
    luma, blue, red = (np.diff(plane, axis=1) for plane in planes)
    if not luma.size:
        return np.zeros((2, 1), dtype=np.float32)
    np.add(np.square(blue, out=blue), np.square(red, out=red), out=blue)
    steps = np.abs(luma, out=luma), np.sqrt(blue, out=blue)
    return np.stack([np.minimum(one, np.float32(_CAP), out=one).mean(axis=0) for one in steps])


def _joined(planes: Planes) -> Planes:
    """Return the planes with pieces of twice the length."""
    even = planes[0].shape[0] // 2 * 2
    luma, blue, red = ((plane[0:even:2] + plane[1:even:2]) * np.float32(0.5) for plane in planes)
    return luma, blue, red


def _strongest(strengths: Floats, in_chroma: bool = False) -> Grid:
    """Return the strongest grid of the strengths of all periods; of overtones the shortest."""
    most = float(strengths.max())
    if most == 0:
        return Grid(0.0, 0)
    period = PERIODS[0] + int(np.flatnonzero(strengths >= OVERTONE * most)[0])
    return Grid(most, period, in_chroma)
