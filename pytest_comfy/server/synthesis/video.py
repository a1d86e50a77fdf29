"""Placeholder videos, written by hand, as no encoder can be relied on.

WEBM holds VP8 key frames (whatever codec was asked for), MP4 holds JPEG frames (not H.264): FFmpeg and what
is built on it, PyAV and OpenCV among them, decode both; browsers show the WEBM, but not the MP4.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

_SLOWEST, _FASTEST = 0.1, 240.0
_TICKS = 1000


def webm(frames: Sequence[bytes], size: tuple[int, int], fps: float) -> bytes:
    """Return a WEBM file; `frames` are VP8 key frames of `size` (width, height)."""
    wait = 1000 / _rate(fps)
    head = _ebml("1A45DFA3", *(_uint(name, value) for name, value in (("4286", 1), ("42F7", 1), ("42F2", 4),
                                                                      ("42F3", 8), ("4287", 2), ("4285", 2))),
                 _ebml("4282", b"webm"))  # fmt: skip
    duration = struct.pack(">d", wait * len(frames))
    info = _ebml("1549A966", _uint("2AD7B1", 1_000_000), _ebml("4489", duration), _ebml("4D80", b"pytest-comfy"),
                 _ebml("5741", b"pytest-comfy"))  # fmt: skip
    picture = _ebml("E0", _uint("B0", size[0]), _uint("BA", size[1]))
    track = _ebml("AE", _uint("D7", 1), _uint("73C5", 1), _uint("9C", 0), _uint("83", 1), _ebml("86", b"V_VP8"),
                  _uint("23E383", round(wait * 1_000_000)), picture)  # fmt: skip
    clusters = [
        _ebml("1F43B675", _uint("E7", round(wait * number)), _ebml("A3", b"\x81\0\0\x80" + frame))
        for number, frame in enumerate(frames)
    ]
    return head + _ebml("18538067", info, _ebml("1654AE6B", track), *clusters)


def mp4(frames: Sequence[bytes], size: tuple[int, int], fps: float) -> bytes:
    """Return an MP4 file; `frames` are JPEG files of `size` (width, height)."""
    wait = round(_TICKS / _rate(fps))
    length = wait * len(frames)
    kind = _box("ftyp", b"isom" + struct.pack(">I", 512) + b"isomiso2mp41")
    content = _box("mdat", *frames)
    unity = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    movie = _box("mvhd", struct.pack(">5IIH10x", 0, 0, 0, _TICKS, length, 0x10000, 0x100), unity, bytes(24),
                 struct.pack(">I", 2))  # fmt: skip
    sides = struct.pack(">II", size[0] << 16, size[1] << 16)
    track = _box("tkhd", struct.pack(">6I", 3, 0, 0, 1, 0, length), bytes(16), unity, sides)
    media = _box("mdhd", struct.pack(">5IHH", 0, 0, 0, _TICKS, length, 0x55C4, 0))
    handler = _box("hdlr", bytes(8), b"vide", bytes(12), b"video\0")
    source = _box("dinf", _box("dref", struct.pack(">II", 0, 1), _box("url ", struct.pack(">I", 1))))
    table = _box(
        "stbl",
        _box("stsd", struct.pack(">II", 0, 1), _jpeg_entry(size)),
        _box("stts", struct.pack(">4I", 0, 1, len(frames), wait)),
        _box("stsc", struct.pack(">5I", 0, 1, 1, len(frames), 1)),
        _box("stsz", struct.pack(">3I", 0, 0, len(frames)), *(struct.pack(">I", len(frame)) for frame in frames)),
        _box("stco", struct.pack(">3I", 0, 1, len(kind) + 8)),
    )
    described = _box("minf", _box("vmhd", struct.pack(">I8x", 1)), source, table)
    return kind + content + _box("moov", movie, _box("trak", track, _box("mdia", media, handler, described)))


def _jpeg_entry(size: tuple[int, int]) -> bytes:
    # MPEG-4 systems' number of JPEG pictures is 0x6C, of a visual stream 4 (ISO/IEC 14496-1).
    decoder = b"\x6c\x11" + bytes(11)
    descriptor = struct.pack(">HB", 1, 0) + b"\x04" + bytes([len(decoder)]) + decoder + b"\x06\x01\x02"
    about = _box("esds", bytes(4), b"\x03", bytes([len(descriptor)]), descriptor)
    picture = struct.pack(">16xHHIIIH", size[0], size[1], 0x480000, 0x480000, 0, 1)
    return _box("mp4v", bytes(6), struct.pack(">H", 1), picture, bytes(32), struct.pack(">Hh", 24, -1), about)


def _rate(fps: float) -> float:
    return min(max(fps, _SLOWEST), _FASTEST)


def _box(name: str, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I", len(body) + 8) + name.encode() + body


def _ebml(name: str, *content: bytes) -> bytes:
    body = b"".join(content)
    return bytes.fromhex(name) + ((1 << 56) | len(body)).to_bytes(8, "big") + body


def _uint(name: str, value: int) -> bytes:
    return _ebml(name, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))
