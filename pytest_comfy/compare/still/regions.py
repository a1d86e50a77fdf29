"""Where it changed: cells of maps and blocks of pixels, joined to rectangles of the picture."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ..result import Region
from .fingerprints import Still
from .maps import Floats
from .nature import strongest_seam

MOST = 20
"""Most rectangles told of one picture."""


def excess(cells: Mapping[str, Floats], limits: Mapping[str, float], grid: tuple[int, int]) -> Floats:
    """Return the largest ratio of a cell to its limit on one grid (columns, rows), shape (rows, columns).

    Cells of coarser maps count wherever they lie, finer ones where their corner lies. Limits of 0 or infinity
    are left out.
    """
    columns, rows = grid
    worst = np.zeros((rows, columns), dtype=np.float32)
    for name, cell in cells.items():
        limit = limits.get(name, 0.0)
        if 0 < limit < np.inf:
            worst = np.maximum(worst, regrid(cell, rows, columns) / np.float32(limit))
    return worst


def rectangles(worst: Floats, size: tuple[int, int]) -> tuple[Region, ...]:
    """Return the parts of the picture whose cells exceed 1, neighbours joined, worst first.

    Where no cell does, the change is spread over all of it, and so is the one rectangle.
    """
    found = [_core(worst, ys, xs) for ys, xs in _joined(worst > 1)]
    found.sort(key=lambda one: -one[0])
    boxes = [pixels_of(ys, xs, worst.shape, size) for _, ys, xs in found[:MOST]]
    return tuple(boxes) or ((0, 0, *size),)


def seam_lines(golden: Still, actual: Still, edges: tuple[list[int], list[int]]) -> tuple[Region, ...]:
    """Return strips along the edges of tiles (columns and rows of cells) or, without any, along the strongest seam."""
    width, height = golden.size
    down, across = golden.luma.shape
    columns = [(cell * width // across - 1, 0, 2, height) for cell in edges[0]]
    rows = [(0, cell * height // down - 1, width, 2) for cell in edges[1]]
    if columns or rows:
        return (*columns, *rows)
    axis, at, _ = strongest_seam(golden, actual)
    bins, steps = golden.seams[axis].size, max(1, golden.size[axis] - 1)
    start, stop = at * steps // bins, min(golden.size[axis], (at + 1) * steps // bins + 1)
    return ((start, 0, stop - start, height),) if axis == 0 else ((0, start, width, stop - start),)


def place(worst: Floats, size: tuple[int, int]) -> str:
    """Say where the cells that exceed 1 lie, such as " in the upper right"; nothing when that is nearly everywhere."""
    if float(worst.max()) <= 1 or min(size) == 1:
        return ""
    _, ys, xs = _core(worst, slice(0, worst.shape[0]), slice(0, worst.shape[1]))
    x, y, width, height = pixels_of(ys, xs, worst.shape, size)
    if width * height > 0.4 * size[0] * size[1]:
        return ""
    across = min(2, int(3 * (x + width / 2) / size[0]))
    down = min(2, int(3 * (y + height / 2) / size[1]))
    if (across, down) == (1, 1):
        return " in the centre"
    if across == 1:
        return f" at the {('top', '', 'bottom')[down]}"
    side = ("left", "", "right")[across]
    return f" at the {side}" if down == 1 else f" in the {('upper', '', 'lower')[down]} {side}"


def regrid(cell: Floats, rows: int, columns: int) -> Floats:
    """Return a map on another grid: the largest of what falls into a cell, or what lies there."""
    for axis, wanted in enumerate((rows, columns)):
        length = cell.shape[axis]
        if length > wanted:
            cell = np.maximum.reduceat(cell, -(-np.arange(wanted) * length // wanted), axis=axis)
        elif length < wanted:
            cell = cell.take(np.arange(wanted) * length // wanted, axis=axis)
    return cell


def _joined(marked: npt.NDArray[np.bool_]) -> list[tuple[slice, slice]]:
    """Return the smallest boxes of cells around all that touch, corners not counted."""
    if marked.mean() > 0.5:  # not worth telling apart
        rows, columns = np.nonzero(marked)
        across = slice(int(columns.min()), int(columns.max()) + 1)
        return [(slice(int(rows.min()), int(rows.max()) + 1), across)]
    left = set(zip(*(axis.tolist() for axis in np.nonzero(marked)), strict=True))
    boxes = []
    while left:
        group = [left.pop()]
        for y, x in group:  # grows while it is walked through
            near = {(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)} & left
            group += near
            left -= near
        ys, xs = zip(*group, strict=True)
        boxes.append((slice(min(ys), max(ys) + 1), slice(min(xs), max(xs) + 1)))
    return boxes


def _core(worst: Floats, ys: slice, xs: slice) -> tuple[float, slice, slice]:
    """Return the largest excess in a box, and the box cut down to what exceeds a quarter of it: the rest is its rim."""
    box = worst[ys, xs]
    most = float(box.max())
    rows, columns = np.nonzero(box >= most / 4)
    return (
        most,
        slice(ys.start + int(rows.min()), ys.start + int(rows.max()) + 1),
        slice(xs.start + int(columns.min()), xs.start + int(columns.max()) + 1),
    )


def pixels_of(ys: slice, xs: slice, shape: tuple[int, ...], size: tuple[int, int]) -> Region:
    """Return the pixels of a picture of `size` that a box of cells of a map of this shape covers, rounded up."""
    left, right = xs.start * size[0] // shape[1], -(-xs.stop * size[0] // shape[1])
    top, bottom = ys.start * size[1] // shape[0], -(-ys.stop * size[1] // shape[0])
    return (left, top, right - left, bottom - top)
