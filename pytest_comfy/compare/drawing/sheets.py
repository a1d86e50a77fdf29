"""What the pictures of differences share: the colours of heat, of paper and of what is not there."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

GAP = 8
"""Pixels between panels."""
BACKGROUND = (32, 32, 32)
OUTSIDE = (96, 0, 160)
"""Violet: where only one of the two is; no heat has this colour."""
FAINTEST = 0.25
"""Heat of the smallest difference there can be, so that one level is seen as well as a hundred."""

Heat = npt.NDArray[np.float32]


def glow(differences: Heat) -> Image.Image:
    """Colour differences from 0 to 1. The square root lifts small ones: 1 level of 255 gets 0.30, 16 levels 0.44."""
    heat = np.where(differences > 0, FAINTEST + (1 - FAINTEST) * np.sqrt(differences), 0.0)
    return Image.fromarray((ramp(heat) * 255).astype(np.uint8))


def ramp(heat: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Return the colours of heat from 0 to 1, (height, width, 3): black, then red, yellow and white."""
    return np.stack([heat * 3, heat * 3 - 1, heat * 3 - 2], axis=2).clip(0, 1)


def png(sheet: Image.Image) -> bytes:
    """Return the finished picture as a PNG: a sixth larger than it could be, in a quarter of the time."""
    stream = io.BytesIO()
    sheet.save(stream, "PNG", compress_level=1)
    return stream.getvalue()
