"""What moved between two still pictures: every statistic, and the cells it was found in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from .fingerprints import Still
from .lattice import Grid, grid_moved
from .maps import Floats

NOISE_FLOOR = 48.0
LOCAL_FLOOR = 96.0
"""Energy (squared levels) that is added before octaves are taken: noise on a smooth cell then moves little."""
STEP_FLOOR = 4.0
"""Levels that are added to the mean steps before they are compared by offset: the same for blocks."""


@dataclass(frozen=True)
class Movement:
    """What moved from golden to actual.

    values  statistics by the names of `limits.IMAGE`, in the same units
    cells   the same statistics cell by cell, shape (rows, columns), of those that have a place
    luma    difference of luma by cell, levels
    chroma  difference of Cb and Cr by cell, levels
    energy  change of energy by cell, octaves
    grid    the even grid that came or went
    gain    least-squares turn and stretch of the golden chroma onto the actual one, as a complex number
    """

    values: Mapping[str, float]
    cells: Mapping[str, Floats]
    luma: Floats
    chroma: Floats
    energy: Floats
    grid: Grid
    gain: complex


def movement(golden: Still, actual: Still) -> Movement:
    """Return what moved. Sizes, modes and grids must be the same.

    Every statistic is symmetric: it is the same from actual to golden.
    """
    luma, chroma = actual.luma - golden.luma, actual.chroma - golden.chroma
    energy = _octaves(golden.energy, actual.energy, NOISE_FLOOR)
    local_energy = _octaves(golden.energy, actual.energy, LOCAL_FLOOR)
    *chroma_local, energy_local = _against_surroundings(np.concatenate([chroma, local_energy[np.newaxis]]), 2)
    cells = {
        "luma": np.abs(luma),
        "chroma": np.hypot(*chroma_local),
        "energy": np.abs(energy),
        "energy_local": np.abs(energy_local),
    }
    if golden.compact:
        cells["luma_local"] = np.abs(_against_surroundings(luma[np.newaxis], 1)[0])
    if golden.alpha is not None and actual.alpha is not None:
        cells["alpha"] = np.abs(actual.alpha - golden.alpha)
    values = {name: float(cell.max()) for name, cell in cells.items()}
    grid = grid_moved(golden.lattice, actual.lattice)
    gain, moved = _chroma_gain(golden.chroma, actual.chroma)
    values |= {
        "phash": float((golden.phash ^ actual.phash).bit_count()),
        "luma_rms": float(np.sqrt(np.square(luma).mean())),
        "cast": float(np.hypot(*chroma.mean(axis=(1, 2)))),
        "chroma_gain": moved,
        "seam": max(float(np.abs(b - a).max()) for a, b in zip(golden.seams, actual.seams, strict=True)),
        "banding": float(np.abs(actual.banding - golden.banding).max()),
        "blocking": float(np.abs(np.log2(_by_offset(actual.phase) / _by_offset(golden.phase))).max()),
        "grid": grid.strength,
    }
    if golden.bounds is not None and actual.bounds is not None:
        values["range"] = _bounds_moved(golden.bounds, actual.bounds)
    return Movement(values, cells, luma, chroma, energy, grid, gain)


def _octaves(golden: Floats, actual: Floats, floor: float) -> Floats:
    octaves: Floats = np.log2((actual + floor) / (golden + floor))
    return octaves


def _against_surroundings(values: Floats, reach: int) -> Floats:
    """Return values less the mean of the cells up to `reach` away, themselves included; over the last two axes."""
    means = values
    for axis in (1, 2):
        first, last = _window(values.shape[axis], reach)
        sums = np.zeros([n + (i == axis) for i, n in enumerate(values.shape)], dtype=np.float32)
        np.cumsum(means, axis=axis, out=sums[:, 1:] if axis == 1 else sums[:, :, 1:])
        width = (last - first).astype(np.float32)
        means = (sums.take(last, axis) - sums.take(first, axis)) / (width[:, None] if axis == 1 else width)
    return values - means


@lru_cache(maxsize=64)
def _window(length: int, reach: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the first cell of the window around each of `length` cells, and the one after its last."""
    at = np.arange(length)
    return np.maximum(at - reach, 0), np.minimum(at + reach + 1, length)


def _chroma_gain(golden: Floats, actual: Floats) -> tuple[complex, float]:
    """Return the gain, and how far it is from 1 in levels, seen from the side that moved more.

    A grey picture has no gain onto a coloured one: hence both sides.
    """
    before, after = (chroma[0].astype(np.float64) + 1j * chroma[1] for chroma in (golden, actual))
    sides = []
    for this, other in ((before, after), (after, before)):
        squares = float(np.square(np.abs(this)).sum())
        moved = complex((this.conj() * (other - this)).sum())
        sides.append((1 + moved / squares if squares else 1 + 0j, abs(moved) / math.sqrt(squares * this.size or 1)))
    return sides[0][0], max(moved for _, moved in sides)


def _by_offset(phase: Floats) -> Floats:
    raised = phase + STEP_FLOOR
    shares: Floats = raised / raised.mean(axis=1, keepdims=True)
    return shares


def _bounds_moved(golden: tuple[float, float], actual: tuple[float, float]) -> float:
    span = max(golden[1] - golden[0], actual[1] - actual[0])
    moved = max(abs(golden[0] - actual[0]), abs(golden[1] - actual[1]))
    if moved == 0:
        return 0.0
    return moved * 255 / span if span else math.inf
