"""Draw maps of values: golden, actual and a heat map side by side, a row for each pair of maps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from .sheets import BACKGROUND, GAP, glow, png

PANEL = 192
"""Pixels that a panel's longer side has at least, where the map is smaller."""
MOST = 512
"""Most pixels along a panel's sides; larger maps are reduced."""

Map = npt.NDArray[np.floating]


def map_sheet(pairs: Sequence[tuple[Map, Map]]) -> bytes:
    """Return a PNG of pairs of maps, each (height, width) with values from 0 to 1, each pair of one shape.

    Maps are grey. Heat is the absolute difference on a fixed scale, as of pictures.
    """
    rows = [[_grey(before), _grey(after), _heat(before, after)] for before, after in pairs]
    sizes = [_size(row[0].size) for row in rows]
    width = max(size[0] for size in sizes)
    height = sum(size[1] for size in sizes) + GAP * (len(sizes) - 1)
    sheet = Image.new("RGB", (3 * width + 2 * GAP, height), BACKGROUND)
    top = 0
    for row, size in zip(rows, sizes, strict=True):
        for column, panel in enumerate(row):
            sheet.paste(panel.resize(size, Image.Resampling.NEAREST), (column * (width + GAP), top))
        top += size[1] + GAP
    return png(sheet)


def _grey(values: Map) -> Image.Image:
    return Image.fromarray(np.rint(values.clip(0, 1) * 255).astype(np.uint8)).convert("RGB")


def _heat(before: Map, after: Map) -> Image.Image:
    return glow(np.abs(after - before).clip(0, 1).astype(np.float32))


def _size(size: tuple[int, int]) -> tuple[int, int]:
    longer = max(size)
    times = -(-PANEL // longer) if longer <= MOST else MOST / longer
    return max(1, round(size[0] * times)), max(1, round(size[1] * times))
