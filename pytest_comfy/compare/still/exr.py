"""Decode OpenEXR, which Pillow does not read."""

from __future__ import annotations

import hashlib
import struct

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..extras import load
from ..memory import require
from ..result import UndecodableError

SIGNATURE = b"\x76\x2f\x31\x01"

_WINDOW = b"dataWindow\0box2i\0" + struct.pack("<i", 16)
_BYTES = 110
"""Bytes a pixel that comparing takes at most, of four channels of 32-bit floats; measured with a margin."""
_HEADER = 2**16  # bytes in which the window is looked for; what others say of a picture comes after it


def decode_exr(data: bytes, most_pixels: int) -> tuple[Image.Image, str, tuple[float, float]]:
    """Return the picture, a digest of its values, and the lowest and highest of them.

    One channel gives mode F. Colours are cut off to 0 to 1 and become 8-bit RGB or RGBA, as linear as they are.
    Raises UndecodableError for anything but a complete picture of at most `most_pixels`, MissingExtraError, and
    TooLargeError.
    """
    av = load("av", "an EXR picture needs PyAV: pip install 'pytest-comfy[video]'")
    _check_size(data, most_pixels)
    try:
        decoder = av.CodecContext.create("exr", "r")
        frames = [*decoder.decode(av.Packet(data)), *decoder.decode(None)]
        frame = frames[0]
        planes = [
            np.frombuffer(bytes(plane), "<f4").reshape(-1, plane.line_size // 4)[: frame.height, : frame.width]
            for plane in frame.planes
        ]
        name = frame.format.name
    except (av.FFmpegError, ValueError, IndexError, MemoryError) as error:
        reason = " ".join(str(error).split())[:120]
        raise UndecodableError(f"the EXR picture is broken or truncated ({reason})") from error
    digest = hashlib.sha256(name.encode() + b"".join(plane.tobytes() for plane in planes)).hexdigest()
    return _picture(name, planes), digest, _bounds(planes)


def _check_size(data: bytes, most_pixels: int) -> None:
    at = data.find(_WINDOW, 0, _HEADER)
    if at < 0 or len(data) < at + len(_WINDOW) + 16:
        raise UndecodableError("the EXR picture is broken or truncated (it does not say its size)")
    left, top, right, bottom = struct.unpack_from("<4i", data, at + len(_WINDOW))
    width, height = right - left + 1, bottom - top + 1
    if width > 0 and height > 0:
        require(width * height * _BYTES, f"the EXR picture is {width}x{height}, and to compare it")
    if right < left or bottom < top or (right - left + 1) * (bottom - top + 1) > most_pixels:
        raise UndecodableError(
            f"the EXR picture is {right - left + 1}x{bottom - top + 1}, more than {most_pixels} pixels are refused"
        )


def _picture(name: str, planes: list[npt.NDArray[np.float32]]) -> Image.Image:
    if name.startswith("gray") and len(planes) == 1:
        return Image.fromarray(np.ascontiguousarray(planes[0]))
    if not name.startswith("gbr") or len(planes) not in (3, 4):
        raise UndecodableError(f"the EXR picture has channels that are not compared ({name})")
    green, blue, red, *alpha = planes
    values = np.nan_to_num(np.stack([red, green, blue, *alpha], axis=2), nan=0.0)
    return Image.fromarray(np.rint(values.clip(0, 1) * 255).astype(np.uint8))


def _bounds(planes: list[npt.NDArray[np.float32]]) -> tuple[float, float]:
    finite = np.concatenate([plane[np.isfinite(plane)] for plane in planes[:3]])
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
