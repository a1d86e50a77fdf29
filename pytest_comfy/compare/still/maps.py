"""Measure a picture: local maps and profiles that stay put under noise and move when a person would object.

All maps are averages over equal cells, so re-encoding, rounding and noise cancel out, while what moves in one
place stays in its cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

BLOCK = 8
"""Pixels of the blocks that JPEG and video codecs transform, and of one latent pixel of most models."""
_REDUCED = 128
"""Pixels that the shorter side keeps at least when a picture is reduced, by a whole factor, before it is cut into
cells: much faster than a matrix product, and without threads that wait for each other on a busy machine."""

_FIT = 257
"""Levels whose sum fits 16 bits."""
_ROWS = 256
"""Rows whose steps are measured at once, or a little fewer."""


@dataclass(frozen=True)
class Grids:
    """Columns and rows of each map, for pictures of one size; fewer where a picture is small."""

    luma: tuple[int, int]
    coarse: tuple[int, int]
    seams: tuple[int, int]


@dataclass(frozen=True)
class Maps:
    """What is measured of a picture. Shapes are (rows, columns); levels are 0 to 255.

    luma    mean luma (BT.601), levels
    chroma  (2, rows, columns): mean Cb and Cr less their middle, levels from -128 to 127
    energy  mean squared difference of neighbouring pixels' luma, across plus down, squared levels
    seams   across and down: of the columns (rows) in each bin, the largest step of the mean luma, levels
    phase   (2, BLOCK): mean absolute step of luma at each offset modulo BLOCK, across and down, levels
    alpha   mean alpha, levels; None without transparency
    """

    luma: Floats
    chroma: Floats
    energy: Floats
    seams: tuple[Floats, Floats]
    phase: Floats
    alpha: Floats | None


def grids_of(size: tuple[int, int], compact: bool = False) -> Grids:
    """Return the grids of pictures of `size` (width, height); compact ones have half the cells a side."""
    fine, coarse, seams = (16, 8, 32) if compact else (32, 16, 64)

    def cells(most: int, least: int) -> tuple[int, int]:
        columns, rows = (max(1, min(most, length // least)) for length in size)
        return columns, rows

    return Grids(cells(fine, BLOCK), cells(coarse, 2 * BLOCK), cells(seams, 2))


def measure(seen: Image.Image, grey: Bytes, alpha: Image.Image | None, grids: Grids) -> Maps:
    """Measure a picture, given as 8-bit RGB over mid-grey, the values of the same as "L", and its alpha channel."""
    (across, phase_across), (down, phase_down) = (_energy_and_phase(grey, axis, grids.coarse) for axis in (1, 0))
    luma, chroma = _colours(seen, grids)
    return Maps(
        luma=luma,
        chroma=chroma,
        energy=across + down,
        seams=(_largest_steps(grey, 0, grids.seams[0]), _largest_steps(grey, 1, grids.seams[1])),
        phase=np.stack([phase_across, phase_down]),
        alpha=None if alpha is None else cell_means(np.asarray(alpha), grids.coarse),
    )


def _colours(seen: Image.Image, grids: Grids) -> tuple[Floats, Floats]:
    """Return luma and chroma of Maps, made of averages of R, G and B: the conversion is linear."""
    red, green, blue = np.moveaxis(np.asarray(seen.reduce(_factor(seen.size)), dtype=np.float32), 2, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    chroma = ((blue - luma) / 1.772, (red - luma) / 1.402)
    return _cut(luma, grids.luma, seen.size), np.stack([_cut(plane, grids.coarse, seen.size) for plane in chroma])


def cell_means(values: npt.NDArray[np.unsignedinteger], grid: tuple[int, int]) -> Floats:
    """Return the mean of each cell of a grid (columns, rows), shape (rows, columns), of values (height, width).

    Every value counts for one cell, that which its middle lies in. At most 16 bits a value.
    """
    height, width = values.shape
    factor = _factor((width, height))
    return _means(_joined(values, factor), _cells(height, factor, grid[1]), _cells(width, 1, grid[0]))


def _joined(values: npt.NDArray[np.unsignedinteger], factor: int) -> Floats:
    """Return the means of each so many rows, the last of fewer."""
    height, width = values.shape
    whole = height // factor * factor
    rows = values[:whole].reshape(-1, factor, width).sum(axis=1, dtype=np.uint32).astype(np.float32) / factor
    return np.vstack([rows, values[whole:].mean(axis=0, dtype=np.float32)]) if whole < height else rows


def _factor(size: tuple[int, int]) -> int:
    return max(1, min(size) // _REDUCED)


def _cut(reduced: Floats, grid: tuple[int, int], size: tuple[int, int]) -> Floats:
    """Average a plane that was reduced by `_factor` from `size` into cells."""
    factor = _factor(size)
    return _means(reduced, _cells(size[1], factor, grid[1]), _cells(size[0], factor, grid[0]))


@dataclass(frozen=True)
class _Cells:
    """Which lines of a plane make up which cell: first line of each, how much each line weighs, and each cell."""

    starts: npt.NDArray[np.intp]
    weights: Floats
    totals: Floats


@lru_cache(maxsize=64)
def _cells(length: int, factor: int, count: int) -> _Cells:
    """Return how `length` pixels, of which `factor` are one line, make `count` cells; the last line may be of fewer."""
    lines = np.arange(-(-length // factor))
    of = np.minimum((2 * lines + 1) * factor * count // (2 * length), count - 1)
    starts = np.searchsorted(of, np.arange(count))
    weights = np.minimum(factor, length - lines * factor).astype(np.float32)
    return _Cells(starts, weights, np.add.reduceat(weights, starts))


def _means(plane: Floats, down: _Cells, across: _Cells) -> Floats:
    """Return the weighted mean of each cell. The rows first: sums along them are the quick ones."""
    columns = np.add.reduceat(plane * across.weights, across.starts, axis=1) / across.totals
    sums = np.add.reduceat(columns * down.weights[:, None], down.starts, axis=0)
    return np.asarray(sums / down.totals[:, None], dtype=np.float32)


def _energy_and_phase(grey: Bytes, axis: int, grid: tuple[int, int]) -> tuple[Floats, Floats]:
    """Return energy and phase of the absolute steps from every pixel to the next along the axis; the last has none.

    Of some rows after the other: what is made of them stays in the processor's cache.
    """
    before, after = (grey[:, :-1], grey[:, 1:]) if axis == 1 else (grey[:-1], grey[1:])
    height, width = before.shape
    if not before.size:
        return np.zeros((grid[1], grid[0]), dtype=np.float32), np.zeros(BLOCK, dtype=np.float32)
    factor = _factor((width, height))
    at_once = max(1, _ROWS // factor) * factor
    sums, squares = [], []
    for rows in (slice(top, top + at_once) for top in range(0, height, at_once)):
        steps = (np.maximum(before[rows], after[rows]) - np.minimum(before[rows], after[rows])).astype(np.uint16)
        sums.append(_line_sums(steps, 1 - axis))
        squares.append(_joined(np.square(steps, out=steps), factor))
    energy = _means(np.concatenate(squares), _cells(height, factor, grid[1]), _cells(width, 1, grid[0]))
    lines = np.add.reduce(sums, axis=0) if axis == 1 else np.concatenate(sums)
    return energy, _by_offset(_means_of(lines, before.shape[1 - axis]))


def _largest_steps(grey: Bytes, axis: int, bins: int) -> Floats:
    """Return the largest absolute step between the means of neighbouring lines in each of the bins.

    Along a seam the steps of all its pixels have one sign and add up; those of a picture's content cancel.
    """
    steps = np.abs(np.diff(_means_of(_line_sums(grey, axis), grey.shape[axis])))
    if not steps.size:
        return np.zeros(bins, dtype=np.float32)
    starts = np.arange(bins) * steps.size // bins
    return np.maximum.reduceat(steps, starts).astype(np.float32)


def _by_offset(steps: Floats) -> Floats:
    """Return the mean step of the lines at each offset modulo BLOCK; 0 where there are none."""
    return np.array([steps[at::BLOCK].mean() if at < steps.size else 0 for at in range(BLOCK)], dtype=np.float32)


def _line_sums(levels: npt.NDArray[np.unsignedinteger], axis: int) -> npt.NDArray[np.uint32]:
    """Return the sums of levels along an axis, of sums of as many as 16 bits hold, which are much faster."""
    lines = levels if axis == 0 else levels.T
    parts = [np.add.reduce(lines[at : at + _FIT], axis=0, dtype=np.uint16) for at in range(0, len(lines), _FIT)]
    return np.asarray(np.add.reduce(parts, axis=0, dtype=np.uint32))


def _means_of(sums: npt.NDArray[np.uint32], count: int) -> Floats:
    return sums.astype(np.float32) / np.float32(count)
