"""Bodies without their Content-Encoding, a piece at a time: what a few bytes become is never there at once."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

ACCEPTED = "gzip, deflate"
"""What is asked for: other encodings are unpacked by packages that do not bound what comes of a piece."""
PIECE = 1 << 20
"""Most bytes that come out at once."""

_GZIP, _ZLIB, _RAW = zlib.MAX_WBITS | 16, zlib.MAX_WBITS, -zlib.MAX_WBITS


class EncodingError(ValueError):
    """The body is not encoded as its header says, or in a way that was not asked for."""


def decoded(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Yield a body unpacked, at most PIECE bytes at once; raises EncodingError."""
    unpacker = Unpacker(encoding)
    for piece in pieces:
        yield from unpacker.feed(piece)
    yield from unpacker.end()


class Unpacker:
    """Takes the Content-Encoding off a body that comes in pieces; raises EncodingError."""

    def __init__(self, encoding: str) -> None:
        name = encoding.strip().lower()
        if name not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise EncodingError(f"the answer is encoded as {name[:40]!r}, and {ACCEPTED} was asked for")
        self._packed = name not in ("", "identity")
        self._bits = _ZLIB if name == "deflate" else _GZIP
        if self._packed:
            self._reader = zlib.decompressobj(wbits=self._bits)
        self._members = 0
        self._begun = self._over = False

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Yield what a piece becomes, at most PIECE bytes at once."""
        if not self._packed:
            yield piece
            return
        try:
            while piece and not self._over:
                if self._reader.eof:  # gzip may go on with another member
                    self._reader, self._members = zlib.decompressobj(wbits=self._bits), self._members + 1
                    self._begun = False
                elif self._bits == _ZLIB and not self._begun and not _is_zlib(piece):
                    self._reader = zlib.decompressobj(wbits=_RAW)  # which some servers call deflate
                self._begun = True
                yield self._reader.decompress(piece, PIECE)
                piece = self._reader.unused_data if self._reader.eof else self._reader.unconsumed_tail
        except zlib.error as error:
            self._broken(error)

    def end(self) -> Iterator[bytes]:
        """Yield what is still held, once all has come."""
        if not self._packed or self._over:
            return
        try:
            while self._begun and not self._reader.eof and (last := self._reader.decompress(b"", PIECE)):
                yield last
        except zlib.error as error:
            self._broken(error)
            return
        if self._begun and not self._reader.eof:
            raise EncodingError("the answer is packed, and breaks off")

    def _broken(self, error: zlib.error) -> None:
        if not self._members:  # behind a whole member, others ignore what is none
            raise EncodingError(f"the answer is not packed as it says ({error})") from error
        self._over = True


def _is_zlib(start: bytes) -> bool:
    """Whether a body has the header of RFC 1950; a single byte tells by its method alone."""
    return start[0] & 0x0F == 8 and (len(start) < 2 or int.from_bytes(start[:2], "big") % 31 == 0)
