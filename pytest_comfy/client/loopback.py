"""HTTP to a server on this machine, where what a library does around a request takes longer than the request itself.

Connections are kept open, a request leaves in one piece, and answers are read as `heads` and http.client do.
"""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator, Mapping
from http.client import HTTPException, HTTPResponse
from typing import NoReturn
from urllib.parse import urlsplit

import urllib3
from urllib3.util import wait_for_read

from .heads import Sized, answer_of, joined
from .reply import CONNECT_SECONDS

_PORT = 80
_PLAIN = re.compile(r"[\w/.~-]+", re.ASCII)


class Loopback:
    """The connections to one server, by its address without a path."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        self._address = parts.hostname or "", parts.port or _PORT
        host = {} if any(name.lower() == "host" for name in headers) else {"Host": parts.netloc}
        self._head = "".join(f"\r\n{name}: {value}" for name, value in (host | dict(headers)).items())
        self._idle: list[socket.socket] = []

    @staticmethod
    def takes(path: str) -> bool:
        """Whether a path can stand in a request as it is."""
        return _PLAIN.fullmatch(path) is not None

    def send(self, method: str, target: str, seconds: float, body: bytes | None) -> LoopbackAnswer:
        """Return an answer of which the body is still to be read.

        target   path and query, percent-encoded
        seconds  that may pass between two bytes
        body     JSON

        Raises OSError, and what urllib3 would.
        """
        head = f"{method} {target} HTTP/1.1{self._head}"
        if body is not None:
            head += f"\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        elif method == "POST":
            head += "\r\nContent-Length: 0"
        connection = self._connected(seconds)
        try:
            connection.settimeout(seconds)
            connection.sendall(f"{head}\r\n\r\n".encode("latin-1") + (body or b""))
            response = answer_of(connection, method)
        except BaseException as error:
            connection.close()
            _raise(error, "Connection aborted.")
        return LoopbackAnswer(response, connection, self._idle)

    def close(self) -> None:
        """Close the connections; the next request opens another."""
        while self._idle:
            self._idle.pop().close()

    def _connected(self, seconds: float) -> socket.socket:
        with contextlib.suppress(IndexError):
            while True:
                idle = self._idle.pop()
                if not wait_for_read(idle, timeout=0.0):
                    return idle
                idle.close()  # nothing was asked, so what can be read is the end
        try:
            connection = socket.create_connection(self._address, min(seconds, CONNECT_SECONDS))
        except TimeoutError as error:
            raise urllib3.exceptions.ConnectTimeoutError(str(error)) from error
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


class LoopbackAnswer:
    """Status, headers, and a body that is to be read once, by `read` or `stream`."""

    def __init__(self, response: Sized | HTTPResponse, connection: socket.socket, idle: list[socket.socket]) -> None:
        self.status = response.status
        self.headers = response.headers if isinstance(response, Sized) else joined(response.headers.items())
        self._response = response
        self._connection = connection
        self._idle = idle
        self._is_whole = False

    def read(self) -> bytes:
        """Return the body; raises what urllib3 would."""
        try:
            data = self._response.read()
        except (HTTPException, OSError) as error:
            _raise(error, f"Connection broken: {error!r}")
        self._is_whole = True
        return data

    def stream(self, size: int) -> Iterator[bytes]:
        """Yield the body in pieces; raises what urllib3 would."""
        try:
            while piece := self._response.read(size):
                yield piece
        except (HTTPException, OSError) as error:
            _raise(error, f"Connection broken: {error!r}")
        if self._response.length:
            raise urllib3.exceptions.ProtocolError("Connection broken: the body is not whole")
        self._is_whole = True

    def fileno(self) -> int:
        """Return the number of the socket while the body is read; raises ValueError afterwards."""
        return self._response.fileno()

    def close(self) -> None:
        """Keep the connection where the answer was read to its end, and else end it."""
        self._response.close()
        if self._is_whole and not self._response.will_close:
            self._idle.append(self._connection)
        else:
            self._connection.close()


def _raise(error: BaseException, told: str) -> NoReturn:
    """Raise an error of a connection as urllib3 has it."""
    if isinstance(error, TimeoutError):
        raise urllib3.exceptions.TimeoutError(str(error)) from error
    if isinstance(error, (HTTPException, OSError)):
        raise urllib3.exceptions.ProtocolError(told, error) from error
    raise error
