"""Which part of a picture is compared: all of it but the masks, which are rectangles, whatever they were drawn as."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from ..result import CompareError, Region
from ..still.decoding import decode, frame_count
from ..still.pixels import canonical, check_masks, visible

MOST_RECTANGLES = 20_000
"""Most rectangles that a mask picture may come to: ragged ones come to a few for every row."""
BEYOND = 2**20
"""Pixels that reach beyond the side of any picture that is decoded."""


def outside(areas: Sequence[Sequence[int]]) -> tuple[Region, ...]:
    """Return the masks that leave nothing but the areas, (x, y, width, height) in pixels, to be compared."""
    wanted = check_masks(areas)
    edges = sorted({0, BEYOND, *(edge for x, _, width, _ in wanted for edge in (x, x + width))})
    rows = sorted({0, BEYOND, *(edge for _, y, _, height in wanted for edge in (y, y + height))})
    covered = np.zeros((len(rows) - 1, len(edges) - 1), dtype=bool)
    for x, y, width, height in wanted:
        covered[rows.index(y) : rows.index(y + height), edges.index(x) : edges.index(x + width)] = True
    return tuple(sorted(
        (edges[left], rows[top], edges[right] - edges[left], rows[bottom] - rows[top])
        for left, top, right, bottom in _rectangles(~covered)
    ))  # fmt: skip


def cover(masks: Sequence[Sequence[int]], size: tuple[int, int]) -> bool:
    """Whether masks leave nothing of a picture of `size`, (width, height)."""
    inside = [
        (max(0, x), max(0, y), min(size[0], x + width), min(size[1], y + height)) for x, y, width, height in masks
    ]
    boxes = [box for box in inside if box[0] < box[2] and box[1] < box[3]]
    columns = sorted({0, size[0], *(edge for left, _, right, _ in boxes for edge in (left, right))})
    rows = sorted({0, size[1], *(edge for _, top, _, bottom in boxes for edge in (top, bottom))})
    covered = np.zeros((len(rows) - 1, len(columns) - 1), dtype=bool)
    at = {edge: index for index, edge in enumerate(columns)}, {edge: index for index, edge in enumerate(rows)}
    for left, top, right, bottom in boxes:
        covered[at[1][top] : at[1][bottom], at[0][left] : at[0][right]] = True
    return bool(covered.all())


def drawn(mask: bytes, size: tuple[int, int], *, inside: bool) -> tuple[Region, ...]:
    """Return what is white in a mask picture, or what is not when not `inside`, as masks for pictures of `size`.

    White is a luma of 128 and more over black. Raises CompareError for a picture of another size, for one that is
    too ragged, and UndecodableError for no picture.
    """
    image = decode(mask)
    if image.size != size or frame_count(image) > 1:
        form = "an animation" if frame_count(image) > 1 else f"{image.width}x{image.height}"
        raise CompareError(f"the mask picture is {form}, and the output {size[0]}x{size[1]}: draw it in that size")
    picture = canonical(image)
    white = np.asarray(visible(picture).convert("L")) >= 128
    if picture.mode == "RGBA":  # over black, not over grey
        white &= np.asarray(picture.getchannel("A")) >= 128
    boxes = [(x0, y0, x1 - x0, y1 - y0) for x0, y0, x1, y1 in _rectangles(white if inside else ~white)]
    if len(boxes) > MOST_RECTANGLES:
        raise CompareError(
            f"the mask picture comes to {len(boxes)} rectangles, more than {MOST_RECTANGLES} are refused: "
            "draw it in two tones with smooth borders"
        )
    return tuple(sorted(boxes))


def _rectangles(marked: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Iterator[tuple[int, int, int, int]]:
    """Yield rectangles (left, top, right, bottom) that cover what is marked: runs that neighbouring rows share."""
    top = 0
    for key, rows in groupby(marked, key=lambda row: row.tobytes()):
        bottom = top + len(list(rows))
        row = np.frombuffer(key, dtype=np.bool_)
        changes = np.flatnonzero(np.diff(row.astype(np.int8), prepend=0, append=0))
        for left, right in changes.reshape(-1, 2):
            yield int(left), top, int(right), bottom
        top = bottom
