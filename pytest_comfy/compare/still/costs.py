"""Bytes a pixel that a picture takes while it is compared: measured at 4096x4096, with a margin of a tenth.

All of a comparison is counted, the golden picture at hand and their fingerprints included.
"""

from __future__ import annotations

from PIL import Image

DRAWING = 20
"""How many more it takes to draw what differs: the sheet of three panels, and its PNG."""
JXL = 60
"""Of JPEG XL, whose header does not tell the mode of the picture where its size stands."""

_STILLS = {"1": 20, "L": 20, "P": 20, "RGB": 17, "CMYK": 26, "YCbCr": 26, "RGBA": 28, "LA": 33, "PA": 33, "I;16": 50}
_OTHERS = 61
_DECODERS = {"WEBP": 20, "AVIF": 8, "JXL": 9, "JPEG2000": 13}
"""What decoders keep beside the pictures that they give."""
_ANIMATION = 40
_CLEAR = 33
"""Of palettes and the like that are transparent in part."""


def picture_cost(image: Image.Image, frames: int) -> int:
    """Return the bytes that comparing a picture takes, which was opened and not yet decoded."""
    if frames > 1:
        return image.width * image.height * _ANIMATION
    cost = _STILLS.get(image.mode, _OTHERS)
    if "transparency" in image.info:
        cost = max(cost, _CLEAR)
    return image.width * image.height * (cost + _DECODERS.get(image.format or "", 0))
