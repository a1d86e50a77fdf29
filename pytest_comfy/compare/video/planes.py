"""Decoded video frames as bytes and as pictures, the same with every version of PyAV."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

_YUV = re.compile(r"(yuv[aj]?4\d\dp|gray)(\d+le)?$")
_FULL_RANGE = 2  # ITU-T H.273 and libav: 1 is limited ("MPEG"), 2 is full ("JPEG"), 0 is unspecified
_WEIGHTS = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 7: (0.212, 0.087), 9: (0.2627, 0.0593), 10: (0.2627, 0.0593)}
_BT601 = 0.299, 0.114
"""Weights of red and blue in luma by ITU-T H.273's matrix coefficients: BT.709, FCC, SMPTE 240M, BT.2020.

All others, unspecified among them, are read as BT.601: it is what ComfyUI writes, without saying so."""

Matrix = tuple[float, ...]


def content(frame: Any) -> list[bytes]:
    """Return the decoded pixels of an av.VideoFrame: each plane row by row without padding, or RGB where not YUV."""
    if not _YUV.match(frame.format.name):
        return [to_picture(frame).tobytes()]
    wide = 1 if _bits(frame) == 8 else 2
    return [_rows(plane, wide * plane.width).tobytes() for plane in frame.planes]


def interpretation(frame: Any) -> str:
    """Name what else decides how the planes look: pixel format, size, matrix and range, defaults resolved."""
    matrix = frame.colorspace if frame.colorspace in _WEIGHTS else 5
    return f"{frame.format.name} {frame.width}x{frame.height} matrix {matrix} full {_is_full_range(frame)}"


def to_picture(frame: Any) -> Image.Image:
    """Convert an av.VideoFrame to RGB, or RGBA where it has alpha.

    Y, Cb and Cr go through Pillow rather than swscale, whose results depend on version and processor, with the
    frame's own matrix and range. Chroma of fewer pixels is repeated, as swscale does for ComfyUI's own loader.
    """
    if not _YUV.match(frame.format.name):
        alpha = any(component.is_alpha for component in frame.format.components)
        return Image.fromarray(frame.to_ndarray(format="rgba" if alpha else "rgb24"))
    bits = _bits(frame)
    planes = [_plane_picture(plane, bits) for plane in frame.planes]
    luma, size = planes[0], (frame.width, frame.height)
    if len(planes) == 1:
        neutral = Image.new("L", size, 128)
        chroma = [neutral, neutral]
    else:
        chroma = [plane.resize(size, Image.Resampling.NEAREST) for plane in planes[1:3]]
    matrix = _to_rgb(_WEIGHTS.get(frame.colorspace, _BT601), _is_full_range(frame))
    picture = Image.merge("RGB", (luma, *chroma)).convert("RGB", matrix)
    if len(planes) == 4:
        picture.putalpha(planes[3])
    return picture


def _is_full_range(frame: Any) -> bool:
    return bool(frame.color_range == _FULL_RANGE) or frame.format.name.startswith(("yuvj", "gray"))


def _to_rgb(weights: tuple[float, float], full_range: bool) -> Matrix:
    """Return the 3x4 matrix, by rows, from 8-bit Y, Cb, Cr to R, G, B (ITU-T H.273, equations 38 to 43)."""
    red, blue = weights
    green = 1 - red - blue
    luma, chroma, black = (1.0, 1.0, 0.0) if full_range else (255 / 219, 255 / 224, 16.0)
    rows = [
        (luma, 0.0, 2 * (1 - red) * chroma),
        (luma, -2 * (1 - blue) * blue / green * chroma, -2 * (1 - red) * red / green * chroma),
        (luma, 2 * (1 - blue) * chroma, 0.0),
    ]
    # Pillow adds the half for rounding itself.
    return tuple(number for y, cb, cr in rows for number in (y, cb, cr, -black * y - 128 * (cb + cr)))


def _bits(frame: Any) -> int:
    return int(frame.format.components[0].bits)


def _rows(plane: Any, row_bytes: int) -> npt.NDArray[np.uint8]:
    return np.frombuffer(plane, dtype=np.uint8).reshape(-1, plane.line_size)[: plane.height, :row_bytes]


def _plane_picture(plane: Any, bits: int) -> Image.Image:
    if bits == 8:
        return Image.fromarray(np.ascontiguousarray(_rows(plane, plane.width)))
    deep = _rows(plane, 2 * plane.width).copy().view("<u2").astype(np.uint32)
    half = 1 << (bits - 9)
    return Image.fromarray(((deep + half) >> (bits - 8)).clip(0, 255).astype(np.uint8))
