"""Placeholder pictures as OpenEXR: scanlines of three channels of float32, uncompressed."""

from __future__ import annotations

import io
import struct

_MAGIC = b"\x76\x2f\x31\x01\x02\x00\x00\x00"
_FLOAT = 2
"""The kind of a channel's values."""


def exr(png: bytes, prompt: str) -> bytes:
    """Return the picture of a PNG, values 0 to 1; `prompt` (JSON) is an attribute, as SaveImageAdvanced writes it."""
    from PIL import Image

    with Image.open(io.BytesIO(png)) as picture:
        width, height = picture.size
        bands = [
            band.convert("F").point(lambda value: value * (1 / 255)).tobytes()
            for band in picture.convert("RGB").split()
        ]
    # Channels stand in the order of their names in each line: B, G, R.
    stride, channels = 4 * width, [bands[2], bands[1], bands[0]]
    lines = [b"".join(band[y * stride : (y + 1) * stride] for band in channels) for y in range(height)]
    head = _MAGIC + _attributes(width, height, prompt)
    first, size = len(head) + 8 * height, 8 + 3 * stride
    offsets = struct.pack(f"<{height}Q", *(first + y * size for y in range(height)))
    return head + offsets + b"".join(struct.pack("<ii", y, len(line)) + line for y, line in enumerate(lines))


def _attributes(width: int, height: int, prompt: str) -> bytes:
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    channels = b"".join(name + b"\0" + struct.pack("<iB3xii", _FLOAT, 0, 1, 1) for name in (b"B", b"G", b"R")) + b"\0"
    told = [
        (b"channels", b"chlist", channels),
        (b"compression", b"compression", b"\0"),
        (b"dataWindow", b"box2i", window),
        (b"displayWindow", b"box2i", window),
        (b"lineOrder", b"lineOrder", b"\0"),
        (b"pixelAspectRatio", b"float", struct.pack("<f", 1.0)),
        (b"prompt", b"string", prompt.encode()),
        (b"screenWindowCenter", b"v2f", struct.pack("<2f", 0.0, 0.0)),
        (b"screenWindowWidth", b"float", struct.pack("<f", 1.0)),
    ]
    return (
        b"".join(name + b"\0" + kind + b"\0" + struct.pack("<i", len(data)) + data for name, kind, data in told) + b"\0"
    )
