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
"""Values of 8 bits whose sum fits 16."""


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


def measure(seen: Image.Image, luma_of_seen: Image.Image, alpha: Image.Image | None, grids: Grids) -> Maps:
    """Measure a picture, given as 8-bit RGB over mid-grey, the same as "L", and its alpha channel ("L")."""
    grey: Bytes = np.asarray(luma_of_seen)
    across, down = _steps(grey, axis=1), _steps(grey, axis=0)
    luma, chroma = _colours(seen, grids)
    return Maps(
        luma=luma,
        chroma=chroma,
        energy=_squares(across, grids.coarse) + _squares(down, grids.coarse),
        seams=(_largest_steps(grey, 0, grids.seams[0]), _largest_steps(grey, 1, grids.seams[1])),
        phase=np.stack([_by_offset(across, axis=0), _by_offset(down, axis=1)]),
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
    whole = height // factor * factor
    rows = values[:whole].reshape(-1, factor, width).sum(axis=1, dtype=np.uint32).astype(np.float32) / factor
    if whole < height:
        rows = np.vstack([rows, values[whole:].mean(axis=0, dtype=np.float32)])
    return _means(rows, _cells(height, factor, grid[1]), _cells(width, 1, grid[0]))


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


def _steps(grey: Bytes, axis: int) -> Bytes:
    """Return the absolute difference of every pixel and the next along the axis; the last one has none."""
    before, after = (grey[:, :-1], grey[:, 1:]) if axis == 1 else (grey[:-1], grey[1:])
    return np.maximum(before, after) - np.minimum(before, after)


def _squares(steps: Bytes, grid: tuple[int, int]) -> Floats:
    if not steps.size:
        return np.zeros((grid[1], grid[0]), dtype=np.float32)
    squares = steps.astype(np.uint16)
    return cell_means(np.multiply(squares, squares, out=squares), grid)


def _largest_steps(grey: Bytes, axis: int, bins: int) -> Floats:
    """Return the largest absolute step between the means of neighbouring lines in each of the bins.

    Along a seam the steps of all its pixels have one sign and add up; those of a picture's content cancel.
    """
    steps = np.abs(np.diff(_line_means(grey, axis)))
    if not steps.size:
        return np.zeros(bins, dtype=np.float32)
    starts = np.arange(bins) * steps.size // bins
    return np.maximum.reduceat(steps, starts).astype(np.float32)


def _by_offset(steps: Bytes, axis: int) -> Floats:
    """Return the mean step at each offset modulo BLOCK along the other axis; 0 where there are no pixels."""
    if not steps.size:
        return np.zeros(BLOCK, dtype=np.float32)
    lines = _line_means(steps, axis)
    return np.array([lines[at::BLOCK].mean() if at < lines.size else 0.0 for at in range(BLOCK)], dtype=np.float32)


def _line_means(values: Bytes, axis: int) -> Floats:
    """Return the means along an axis: of sums of 16 bits, of as many values as fit, in half the time."""
    lines = np.moveaxis(values, axis, 0)
    parts = (lines[at : at + _FIT] for at in range(0, len(lines), _FIT))
    total = sum(np.add.reduce(part, axis=0, dtype=np.uint16).astype(np.uint32) for part in parts)
    return np.asarray(total / len(lines), dtype=np.float32)
