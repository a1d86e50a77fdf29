"""How large a JPEG XL picture is, by its header: the plugin that decodes it does so before it tells."""

from __future__ import annotations

import struct

from ..result import UndecodableError

SIGNATURES = (b"\xff\x0a", b"\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a")
"""Of a bare codestream, and of a container."""

_RATIOS = ((1, 1), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
"""Width to height (ISO/IEC 18181-1, 6.3); the first stands for none, as the width is given then."""
_LENGTHS = (9, 13, 18, 30)
"""Bits of a length that is no multiple of 8, by the two bits before it."""


def size_of(data: bytes) -> tuple[int, int]:
    """Return (width, height) in pixels, before the picture is turned; raises UndecodableError."""
    bits = _Bits(_codestream(data))
    small = bits.take(1)
    height = _length(bits, small)
    ratio = bits.take(3)
    across, down = _RATIOS[ratio]
    return (height * across // down if ratio else _length(bits, small)), height


def _length(bits: _Bits, small: int) -> int:
    return 8 * (bits.take(5) + 1) if small else bits.take(_LENGTHS[bits.take(2)]) + 1


def _codestream(data: bytes) -> bytes:
    """Return the begin of the codestream behind its signature."""
    if data.startswith(SIGNATURES[0]):
        return data[2:16]
    at = 0
    while at + 16 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = at + (16 if length == 1 else 8)
        if kind in (b"jxlc", b"jxlp"):
            body += 4 if kind == b"jxlp" else 0
            return data[body + 2 : body + 16]
        at += struct.unpack_from(">Q", data, at + 8)[0] if length == 1 else length
        if length == 0 or body > at:
            break
    raise _broken()


class _Bits:
    """Reads numbers, the lowest bit first."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "little")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        """Return the number in the next bits."""
        if count > self._left:
            raise _broken()
        taken = self._value & ((1 << count) - 1)
        self._value >>= count
        self._left -= count
        return taken


def _broken() -> UndecodableError:
    return UndecodableError("the JPEG XL picture is broken or truncated (it does not say its size)")
