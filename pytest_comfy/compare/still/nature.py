"""What a change is: a tone curve, uneven light, tiles that do not fit, a mirrored or another picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from ..limits import NORMAL_LIMITS
from .fingerprints import Still
from .maps import Floats
from .movement import Movement

ANOTHER_PICTURE_BITS = 60
"""Hash bits of 256 from which on it is called another picture."""
ANOTHER_PICTURE_LIKENESS = 0.8
"""Correlation of luma by cell below which it is called another picture."""
ANOTHER_PICTURE_SHARE = 0.3
"""Share of cells whose luma must have moved for that: a large object is still a change of one picture."""
EXPLAINED = 0.75
"""Share of a change of luma that a tone curve, slowly varying light or even tiles must explain to be called so."""
MIRRORED_LIKENESS = 0.95
"""Correlation of luma by cell with the mirrored picture from which on it is called mirrored."""
TILED = 4.0
"""How many times the usual step from cell to cell of the change the step from tile to tile must be."""
AS_GOOD = 0.02
"""Share by which a tone curve may explain less than the others: it is the simplest."""
WAVES = 4
"""Number of waves along each side that make up light that varies slowly."""
LIGHT = 40.0
"""Most levels that light and tiles are taken to vary by: what moved more has come or gone."""


def is_another_picture(golden: Still, actual: Still) -> bool:
    """Whether so much moved, and in so many places, that it is not the same picture."""
    if float((np.abs(actual.luma - golden.luma) > NORMAL_LIMITS["luma"]).mean()) < ANOTHER_PICTURE_SHARE:
        return False
    bits = (golden.phash ^ actual.phash).bit_count()
    return bits > ANOTHER_PICTURE_BITS or likeness(golden.luma, actual.luma) < ANOTHER_PICTURE_LIKENESS


def likeness(golden: Floats, actual: Floats) -> float:
    """Return the correlation of two maps, 1 where both are flat and 0 where one is."""
    before, after = golden.ravel() - golden.mean(), actual.ravel() - actual.mean()
    spread = math.sqrt(float(before @ before) * float(after @ after))
    if spread < 1e-3 * before.size:
        return 1.0 if np.allclose(before, after, atol=1) else 0.0
    return float(before @ after) / spread


def mirrored(golden: Still, actual: Still) -> str | None:
    """Return how the picture was mirrored or turned, None when it was not. One that is its own mirror counts not."""
    ways = {
        "mirrored left to right": golden.luma[:, ::-1],
        "mirrored top to bottom": golden.luma[::-1],
        "turned by 180 degrees": golden.luma[::-1, ::-1],
    }
    if golden.luma.shape[0] == golden.luma.shape[1]:
        ways["turned by 90 degrees clockwise"] = np.rot90(golden.luma, -1)
        ways["turned by 90 degrees counter-clockwise"] = np.rot90(golden.luma)
    best, name = max((likeness(turned, actual.luma), name) for name, turned in ways.items())
    return name if best > max(MIRRORED_LIKENESS, likeness(golden.luma, actual.luma) + 0.05) else None


@dataclass(frozen=True)
class LumaChange:
    """What explains a change of luma best.

    nature  tone: one curve of the golden luma (brightness, contrast, gamma); light: varies slowly over the
            picture; tiles: even tiles that each moved by their own amount; content: nothing of that
    edges   columns and rows of cells before which one tile ends and another begins; empty if not tiles
    """

    nature: Literal["tone", "light", "tiles", "content"]
    edges: tuple[list[int], list[int]] = ([], [])


def luma_change(golden: Still, moved: Movement) -> LumaChange:
    """Return what explains the change of luma best."""
    levels = golden.luma.ravel() / 255
    tone = _explained(np.stack([np.ones_like(levels), levels, np.square(levels)]), moved.luma)
    light, tiles, edges = 0.0, 0.0, ([], [])  # type: float, float, tuple[list[int], list[int]]
    if float(np.abs(moved.luma).max()) <= LIGHT:
        light = _explained(_slow_waves(*moved.luma.shape), moved.luma)
        edges = _jumps(moved.luma), _jumps(moved.luma.T)
        tiles = _explained_by_tiles(moved.luma, edges)
    best = max(tone, light, tiles)
    if best <= EXPLAINED:
        return LumaChange("content")
    if tone > best - AS_GOOD:
        return LumaChange("tone")
    return LumaChange("light") if best == light else LumaChange("tiles", edges)


def _explained_by_tiles(change: Floats, edges: tuple[list[int], list[int]]) -> float:
    columns, rows = np.array([0, *edges[0]]), np.array([0, *edges[1]])
    total = float(np.square(change).sum())
    if total == 0 or columns.size * rows.size == 1:
        return 0.0
    sums = np.add.reduceat(np.add.reduceat(change, columns, axis=1), rows, axis=0)
    wide, high = np.diff([*columns, change.shape[1]]), np.diff([*rows, change.shape[0]])
    even = np.repeat(np.repeat(sums / np.outer(high, wide), high, axis=0), wide, axis=1)
    return 1 - float(np.square(change - even).sum()) / total


def strongest_seam(golden: Still, actual: Still) -> tuple[int, int, bool]:
    """Return where the mean step along a line changed most: axis (0 is x), bin along it, and whether it grew."""
    changes = [after - before for before, after in zip(golden.seams, actual.seams, strict=True)]
    axis = int(np.abs(changes[1]).max() > np.abs(changes[0]).max())
    at = int(np.abs(changes[axis]).argmax())
    return axis, at, bool(changes[axis][at] > 0)


def _jumps(change: Floats) -> list[int]:
    if change.shape[1] < 8:
        return []
    steps = np.median(np.abs(np.diff(change, axis=1)), axis=0)
    far = max(1.0, TILED * float(np.median(steps)))
    # Of neighbouring steps the larger one: a seam inside a cell is split between them.
    before, after = np.pad(steps, (1, 0))[:-1], np.pad(steps, (0, 1))[1:]
    return [int(at) + 1 for at in np.flatnonzero((steps >= far) & (steps > before) & (steps >= after))]


def _explained(basis: Floats, change: Floats) -> float:
    flat = change.ravel()
    total = float(np.square(flat).sum())
    if total == 0 or flat.size < 2 * len(basis):
        return 0.0
    # The normal equations, as there are a thousand cells and few functions; they may be dependent.
    shares = np.linalg.lstsq(basis @ basis.T, basis @ flat, rcond=None)[0]
    return 1 - float(np.square(flat - shares @ basis).sum()) / total


@lru_cache(maxsize=8)
def _slow_waves(rows: int, columns: int) -> Floats:
    """Return the cosines of at most WAVES - 1 half periods along either side, shape (WAVES squared, cells)."""
    down, across = (
        np.cos(np.pi * np.outer(np.arange(WAVES), np.arange(length) + 0.5) / length) for length in (rows, columns)
    )
    waves: Floats = np.einsum("iy,jx->ijyx", down, across).reshape(WAVES**2, -1).astype(np.float32)
    return waves
