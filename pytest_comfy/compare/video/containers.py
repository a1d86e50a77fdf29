"""Whether a video file is whole: the lengths that its container declares against the bytes that are there."""

from __future__ import annotations

import struct

from ..mp4 import check_boxes
from ..result import UndecodableError

_EBML = b"\x1a\x45\xdf\xa3"
_SEGMENT = b"\x18\x53\x80\x67"


def demuxer(data: bytes) -> str:
    """Return libav's name of the container, "mov" for MP4 and MOV, "matroska" for WEBM and MKV.

    Raises UndecodableError for others, some of which name further files to be read, and for files cut short.
    """
    if data.startswith(_EBML):
        _check_matroska(data)
        return "matroska"
    if data[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        _check_mov(data)
        check_boxes(data)
        return "mov"
    raise UndecodableError("the bytes are no MP4, MOV, MKV or WEBM")


def _check_mov(data: bytes) -> None:
    """Walk the outermost boxes, each a length and a name (ISO/IEC 14496-12, 4.2)."""
    at, names = 0, set()
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if length == 1 and at + 16 <= len(data):
            (length,) = struct.unpack_from(">Q", data, at + 8)
        elif length == 0:  # to the end of the file
            length = len(data) - at
        if length < 8:
            raise UndecodableError(f"the video is broken: a box of {length} bytes at byte {at}")
        if at + length > len(data):
            raise _truncated(at + length, len(data))
        names.add(name)
        at += length
    if b"moov" not in names and b"moof" not in names:
        raise UndecodableError("the video is truncated: it has no index of its frames")


def _check_matroska(data: bytes) -> None:
    """Read the lengths of the EBML header and of the segment after it (RFC 8794, 4 and 5; RFC 9559)."""
    header, at = _ebml_length(data, 4)
    at += header or 0
    if data[at : at + 4] != _SEGMENT:
        raise UndecodableError("the video is broken or truncated: it has no segment")
    segment, at = _ebml_length(data, at + 4)
    if segment is not None and at + segment > len(data):
        raise _truncated(at + segment, len(data))


def _ebml_length(data: bytes, at: int) -> tuple[int | None, int]:
    """Return a length and where what it measures begins; None for an unknown length, as of a live stream."""
    first = data[at] if at < len(data) else 0
    width = 9 - first.bit_length()
    if first == 0 or at + width > len(data):
        raise UndecodableError("the video is broken or truncated: it ends within its header")
    value = int.from_bytes(data[at : at + width], "big") & ((1 << 7 * width) - 1)
    return (None if value == (1 << 7 * width) - 1 else value), at + width


def _truncated(declared: int, there: int) -> UndecodableError:
    return UndecodableError(f"the video is truncated: {there} bytes of {declared}")
