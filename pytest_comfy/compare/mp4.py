"""Refuse MP4 and MOV files that would make FFmpeg take memory and time without bound."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from .result import UndecodableError

MAX_BOXES = 2**18
"""Most boxes walked through: a day of one-second fragments."""

_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf"}
# Where the number of samples stands in tables that may declare samples without spending a byte on each.
_COUNTS = {b"stsz": 8, b"stz2": 8, b"trun": 4}


def check_boxes(data: bytes) -> None:
    """Refuse headers that are compressed, and tables with more samples than the file has bytes.

    FFmpeg makes an index of 24 bytes a sample, and unpacks what is compressed, whatever the size. Anything that
    is no MP4 passes. Raises UndecodableError.
    """
    for name, at, end in _boxes(data):
        if name == b"cmov":
            raise UndecodableError("the file is broken: its header is compressed, which is refused")
        where = at + _COUNTS.get(name, len(data))
        if where + 4 <= end and struct.unpack_from(">I", data, where)[0] > len(data):
            raise UndecodableError("the file is broken: it declares more samples than it has bytes")


def _boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, first byte and end of the body of each box; those that go on beyond their parent end with it."""
    pending = [(0, len(data))]
    count = 0
    while pending:
        at, end = pending.pop()
        while at + 8 <= end:
            size, name = struct.unpack_from(">I4s", data, at)
            body = at + 8
            if size == 1 and at + 16 <= end:
                size, body = struct.unpack_from(">Q", data, body)[0], at + 16
            stop = min(at + size, end) if size else end
            if stop < body:
                break
            count += 1
            if count > MAX_BOXES:
                raise UndecodableError(f"the file is broken: it has more than {MAX_BOXES} boxes")
            yield name, body, stop
            if name in _CONTAINERS:
                pending.append((body, stop))
            at = stop
