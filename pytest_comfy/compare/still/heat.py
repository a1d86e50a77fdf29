"""The heat map of two pictures: where, and how much, their pixels differ."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ..drawing.sheets import OUTSIDE, Heat, glow
from .pixels import value_range, visible

_BAND_PIXELS = 2**18
"""Pixels that are measured at once: floats of all take ten times what the pictures do."""


def heat_map(before: Image.Image, after: Image.Image) -> Image.Image:
    """Return the heat map of two canonical pictures, as large as both; violet where only one of them is."""
    heat = Image.new("RGB", (max(before.width, after.width), max(before.height, after.height)), OUTSIDE)
    width, height = min(before.width, after.width), min(before.height, after.height)
    if before.mode != after.mode and width and height:
        before, after = (_with_alpha(picture.crop((0, 0, width, height))) for picture in (before, after))
    span = _span(before, after) if width and height else 1.0
    rows = max(1, _BAND_PIXELS // max(1, width))
    for top in range(0, height, rows):
        box = (0, top, width, min(height, top + rows))
        heat.paste(glow(_differences(before.crop(box), after.crop(box), span)), (0, top))
    return heat


def _span(before: Image.Image, after: Image.Image) -> float:
    """Return the range of values that the differences of one-channel pictures are measured in."""
    if before.mode in ("RGB", "RGBA", "I;16"):
        return 65535.0
    (low0, high0), (low1, high1) = value_range(before), value_range(after)
    return max(high0, high1) - min(low0, low1) or 1.0


def _differences(before: Image.Image, after: Image.Image, span: float) -> Heat:
    """Return the difference of every pixel, shape (height, width), 0 to 1 of the range of values."""
    if before.mode in ("RGB", "RGBA"):
        a, b = (np.asarray(_with_alpha(picture), dtype=np.int16) for picture in (before, after))
        levels: Heat = np.abs(a - b).max(axis=2).astype(np.float32) / 255
        return levels
    x, y = (np.asarray(picture).astype(np.float64) for picture in (before, after))
    same = (x == y) | (np.isnan(x) & np.isnan(y))
    apart = np.nan_to_num(np.abs(x - y) / span, nan=1.0, posinf=1.0)
    heat: Heat = np.where(same, 0.0, apart).clip(0, 1).astype(np.float32)
    return heat


def _with_alpha(picture: Image.Image) -> Image.Image:
    return picture if picture.mode == "RGBA" else visible(picture).convert("RGBA")
