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

from ..access import Access
from .encoding import ACCEPTED
from .heads import Headers, Sized, answer_of
from .reply import CONNECT_SECONDS

_PORT = 80
_PLAIN = re.compile(r"[\w/.~-]+", re.ASCII)
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?")
_SENT = {"User-Agent": "pytest-comfy", "Accept-Encoding": ACCEPTED, "Accept": "*/*", "Connection": "keep-alive"}
"""With every request, unless whoever uses the client says otherwise."""


class Loopback:
    """The connections to one server, by its address without a path."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        self._address = parts.hostname or "", parts.port or _PORT
        self._base = parts.path.rstrip("/")
        told = {name.lower() for name in headers}
        sent = {name: value for name, value in {"Host": parts.netloc, **_SENT}.items() if name.lower() not in told}
        self._head = "".join(f"\r\n{name}: {value}" for name, value in (sent | dict(headers)).items())
        self._idle: list[socket.socket] = []

    @classmethod
    def to(cls, access: Access) -> Loopback | None:
        """Return the connections to a server, None where it is on another machine, or a library has to look at how it
        is asked."""
        plain = all(_NAME.fullmatch(name) and _VALUE.fullmatch(value) for name, value in access.headers.items())
        path = urlsplit(access.url).path
        is_near = access.is_loopback and not access.is_secure and plain and (not path or _is_usual(path))
        return cls(access.url, access.headers) if is_near else None

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
        head = f"{method} {self._base}{target} HTTP/1.1{self._head}"
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
                if _says_nothing(idle):
                    return idle
                idle.close()  # nothing was asked, so what can be read is the end
        try:
            connection = socket.create_connection(self._address, min(seconds, CONNECT_SECONDS))
        except TimeoutError as error:
            from urllib3.exceptions import ConnectTimeoutError

            raise ConnectTimeoutError(str(error)) from error
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


class LoopbackAnswer:
    """Status, headers, and a body that is to be read once, by `read` or `stream`."""

    def __init__(self, response: Sized | HTTPResponse, connection: socket.socket, idle: list[socket.socket]) -> None:
        self.status = response.status
        self.headers = response.headers if isinstance(response, Sized) else Headers(response.headers.items())
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
            from urllib3.exceptions import ProtocolError

            raise ProtocolError("Connection broken: the body is not whole")
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
    if not isinstance(error, (HTTPException, OSError)):
        raise error
    from urllib3 import exceptions

    if isinstance(error, TimeoutError):
        raise exceptions.TimeoutError(str(error)) from error
    raise exceptions.ProtocolError(told, error) from error


def _is_usual(path: str) -> bool:
    """Whether a path can stand in a request as it is, and leads nowhere up."""
    return _PLAIN.fullmatch(path) is not None and "/." not in path


def _says_nothing(connection: socket.socket) -> bool:
    """Whether nothing is to be read on a connection, not even its end."""
    connection.setblocking(False)
    try:
        connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False
