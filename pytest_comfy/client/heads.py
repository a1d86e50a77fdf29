"""The head of an answer over HTTP: http.client reads it by a parser of mail, which takes longer than all the rest.

A plain head, such as ComfyUI sends, is read here; any other is left to http.client as if nobody had looked at it.
"""

from __future__ import annotations

import io
import re
import socket
from collections.abc import Iterable, Iterator, Mapping
from http.client import HTTPResponse, IncompleteRead
from typing import Any, cast

_STATUS = re.compile(rb"HTTP/1\.1 ([2-5][0-9]{2})(?: [\t\x20-\x7e]*)?\r\n")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e]*)\r\n")
_LENGTH = re.compile(r"[0-9]{1,18}")
_LONGEST, _MOST = 1 << 16, 100
"""Bytes of a line and lines of a head, as http.client has them."""
_WITHOUT_BODY = (204, 304)


class Headers(Mapping[str, str]):
    """Headers by their names, whatever the case; those that stand there several times are one."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, str] = {}
        for name, value in pairs:
            name = name.lower()
            self._values[name] = f"{self._values[name]}, {value}" if name in self._values else value

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class Sized:
    """An answer of which the head tells how many bytes it has; it is read as an HTTPResponse is.

    length  bytes that are still to be read
    """

    def __init__(self, status: int, headers: Mapping[str, str], length: int, stream: io.BufferedReader) -> None:
        self.status = status
        self.headers = headers
        self.length = length
        self.will_close = "close" in headers.get("Connection", "").lower()
        self._stream = stream

    def read(self, size: int | None = None) -> bytes:
        """Return the body, or its next bytes; raises OSError, and IncompleteRead where the body is not whole."""
        if self._stream.closed:
            return b""
        data = self._stream.read(self.length if size is None else min(size, self.length))
        self.length -= len(data)
        if size is None and self.length:
            raise IncompleteRead(data, self.length)
        if not self.length or not data:
            self._stream.close()
        return data

    def fileno(self) -> int:
        """Return the number of the socket; raises ValueError once all was read."""
        return self._stream.fileno()

    def close(self) -> None:
        """Read no more."""
        self._stream.close()


def answer_of(connection: socket.socket, method: str) -> Sized | HTTPResponse:
    """Return an answer of which the head was read; raises OSError and HTTPException."""
    stream = connection.makefile("rb")
    try:
        lines = [stream.readline(_LONGEST + 1)]
        while lines[-1].endswith(b"\n") and lines[-1] not in (b"\r\n", b"\n") and len(lines) <= _MOST:
            lines.append(stream.readline(_LONGEST + 1))
        plain = _plain(lines) if method != "HEAD" else None
        if plain is not None:
            return Sized(*plain, stream)
        response = HTTPResponse(cast(Any, _Again(b"".join(lines), stream)), method=method)
        response.begin()
        return response
    except BaseException:
        stream.close()  # as long as it is open, the connection is
        raise


def _plain(lines: list[bytes]) -> tuple[int, Headers, int] | None:
    """Return status, headers and length of what comes, None where that is for others to find out."""
    status = _STATUS.fullmatch(lines[0])
    if status is None or int(status[1]) in _WITHOUT_BODY or lines[-1] != b"\r\n":
        return None
    found = [_HEADER.fullmatch(line) for line in lines[1:-1]]
    if not all(found):
        return None
    pairs = [(one[1].decode("ascii"), one[2].decode("ascii")) for one in found if one is not None]
    headers = Headers(pairs)
    length = _LENGTH.fullmatch(headers.get("Content-Length", ""))
    return (int(status[1]), headers, int(length[0])) if length and "Transfer-Encoding" not in headers else None


class _Again(io.RawIOBase):
    """What stands in for a socket to http.client: first what was read of it already, then what comes."""

    def __init__(self, read: bytes, stream: io.BufferedReader) -> None:
        self._read = memoryview(read)
        self._stream = stream

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._read:
            return self._stream.readinto1(buffer)
        size = min(len(buffer), len(self._read))
        buffer[:size] = self._read[:size]
        self._read = self._read[size:]
        return size

    def fileno(self) -> int:
        return self._stream.fileno()

    def close(self) -> None:
        self._stream.close()
        super().close()
