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
    name = encoding.strip().lower()
    if name in ("", "identity"):
        yield from pieces
    elif name in ("gzip", "x-gzip", "deflate"):
        yield from _inflated(pieces, _ZLIB if name == "deflate" else _GZIP)
    else:
        raise EncodingError(f"the answer is encoded as {name[:40]!r}, and {ACCEPTED} was asked for")


def _inflated(pieces: Iterable[bytes], bits: int) -> Iterator[bytes]:
    reader, members, begun = zlib.decompressobj(wbits=bits), 0, False
    try:
        for piece in pieces:
            while piece:
                if reader.eof:  # gzip may go on with another member
                    reader, members, begun = zlib.decompressobj(wbits=bits), members + 1, False
                elif bits == _ZLIB and not begun and not _is_zlib(piece):
                    reader = zlib.decompressobj(wbits=_RAW)  # which some servers call deflate
                begun = True
                yield reader.decompress(piece, PIECE)
                piece = reader.unused_data if reader.eof else reader.unconsumed_tail
        while begun and not reader.eof and (last := reader.decompress(b"", PIECE)):
            yield last
    except zlib.error as error:
        if not members:  # behind a whole member, others ignore what is none
            raise EncodingError(f"the answer is not packed as it says ({error})") from error
        return
    if begun and not reader.eof:
        raise EncodingError("the answer is packed, and breaks off")


def _is_zlib(start: bytes) -> bool:
    """Whether a body has the header of RFC 1950; a single byte tells by its method alone."""
    return start[0] & 0x0F == 8 and (len(start) < 2 or int.from_bytes(start[:2], "big") % 31 == 0)
