"""Bytes a pixel that a picture takes while it is compared, or drawn: measured at 4096x4096, with a margin.

All of it is counted, the golden picture at hand, their fingerprints, and the sheet of what differs included.
"""

from __future__ import annotations

from PIL import Image

JXL = 52
"""Of JPEG XL, whose header does not tell the mode of the picture where its size stands."""

_STILLS = {"1": 32, "L": 32, "P": 32, "RGB": 29, "CMYK": 40, "YCbCr": 40, "RGBA": 38, "LA": 46, "PA": 46, "I;16": 50}
_OTHERS = 61
_DECODERS = {"WEBP": 20, "AVIF": 8, "JXL": 9, "JPEG2000": 13}
"""What decoders keep beside the pictures that they give."""
_ANIMATION = 46
_CLEAR = 46
"""Of palettes and the like that are transparent in part."""


def bytes_a_pixel(image: Image.Image, frames: int) -> int:
    """Return the bytes that comparing a picture of so many frames takes for each of its pixels; it need not be
    decoded yet."""
    if frames > 1:
        return _ANIMATION
    cost = _STILLS.get(image.mode, _OTHERS)
    if "transparency" in image.info:
        cost = max(cost, _CLEAR)
    return cost + _DECODERS.get(image.format or "", 0)
