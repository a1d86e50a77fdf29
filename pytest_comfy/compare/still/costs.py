"""Bytes a pixel that a picture takes while it is compared, or drawn: measured at 4096x4096, with a margin of a tenth.

All of a comparison is counted, the golden picture at hand and their fingerprints included; drawing takes less.
"""

from __future__ import annotations

from PIL import Image

JXL = 66
"""Of JPEG XL, whose header does not tell the mode of the picture where its size stands."""

_STILLS = {"1": 40, "L": 40, "P": 40, "RGB": 36, "CMYK": 46, "YCbCr": 46, "RGBA": 46, "LA": 51, "PA": 51, "I;16": 50}
_OTHERS = 61
_DECODERS = {"WEBP": 20, "AVIF": 8, "JXL": 9, "JPEG2000": 13}
"""What decoders keep beside the pictures that they give."""
_ANIMATION = 52
_CLEAR = 51
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
