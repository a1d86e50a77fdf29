"""HTTP that is waited for, with limits: wall clock and size are bounded whatever the server does."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from ..access import Access
from ..memory import Budget
from ..text import plain
from .encoding import EncodingError
from .errors import ServerUnreachable
from .reply import (
    CHUNK,
    Body,
    Reply,
    allowed_by,
    certificate_told,
    innermost,
    reason_in,
    require_comfy,
)
from .sending import Answer, Sender

_WATCH_SECONDS = 0.25


class Http:
    """HTTP to one server. Every call ends within `timeout` seconds, also when the body trickles.

    budget  of the run that is going on; an answer may take what is left of it
    """

    def __init__(self, access: Access, timeout: float = 30.0) -> None:
        self.access = access
        self.url = access.url
        self.timeout = timeout
        self.budget = Budget()
        self._sender = Sender(access)
        self._watchdog = _Watchdog()

    def get(self, path: str, params: Mapping[str, str] | None = None, **limits: Any) -> Reply:
        """GET; raises ServerUnreachable when no whole answer comes."""
        return self.request("GET", path, params=params, **limits)

    def post(self, path: str, body: Any = None, **more: Any) -> Reply:
        """POST a JSON body, or what requests takes as `files` and `data`."""
        return self.request("POST", path, **({"json": body} if body is not None else {}), **more)

    def request(
        self,
        method: str,
        path: str,
        *,
        limit: int | None = None,
        parsed: bool = True,
        timeout: float | None = None,
        **more: Any,
    ) -> Reply:
        """Send one request; raises ServerUnreachable when no whole answer comes in time, and TooLarge.

        limit   bytes of memory that the answer may become, where that is less than is left of the run's
        parsed  whether it is to be JSON, which takes more than its bytes
        """
        seconds = self.timeout if timeout is None else timeout
        deadline = time.monotonic() + seconds
        what = f"{self.url}{path}"
        allowed = allowed_by(self.budget, limit, parsed)
        response: Answer | None = None
        try:
            response = self._sender.send(method, path, seconds, **more)
            with self._watchdog.watching(response, deadline):
                content = _whole(response, Body(method, response.headers, allowed, deadline, what))
            reply = Reply(response.status, response.headers, content, what, allowed)
            require_comfy(reply, self.access, what)
            return reply
        except EncodingError as error:
            raise ServerUnreachable(f"{what}: {plain(error, 200)}") from error
        except _failures() as error:
            from requests.exceptions import InvalidURL

            if isinstance(error, InvalidURL):
                raise ServerUnreachable(f"{self.url}: not an address ({plain(error, 200)})") from error
            late = time.monotonic() >= deadline
            raise ServerUnreachable(f"{what}: {_reason(error, response is not None, late)}") from error
        finally:
            if response is not None:
                response.close()

    def close(self) -> None:
        """Close the connections."""
        self._watchdog.close()
        self._sender.close()


def _whole(response: Answer, body: Body) -> bytes:
    # Read as one piece where that is safe: urllib3's buffers copy every byte twice.
    for piece in [response.read()] if body.fits_at_once else response.stream(CHUNK):
        body.add(piece)
    return body.whole()


def _failures() -> tuple[type[Exception], ...]:
    """Return what a request fails with; what they are of is loaded once one fails."""
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    return RequestException, HTTPError, OSError


class _Watchdog:
    """Ends answers that are not whole by their deadline.

    requests bounds the silence between two bytes, which a server that trickles never reaches. One thread
    looks after all answers of a client, as a timer for each would cost more than many a request.
    """

    def __init__(self) -> None:
        self._open: dict[int, tuple[float, Answer]] = {}
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def watching(self, response: Answer, deadline: float) -> Iterator[None]:
        """Look after one answer while its body is read."""
        if self._thread is None:
            self._closed.clear()
            self._thread = threading.Thread(target=self._watch, name="comfy-http", daemon=True)
            self._thread.start()
        self._open[id(response)] = (deadline, response)
        try:
            yield
        finally:
            self._open.pop(id(response), None)

    def close(self) -> None:
        """End the thread."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _watch(self) -> None:
        while not self._closed.wait(_WATCH_SECONDS):
            now = time.monotonic()
            for deadline, response in list(self._open.values()):
                if now >= deadline:
                    _shut(response)


def _shut(response: Answer) -> None:
    """Wake the reader of a body; closing would wait for it, and a detached socket hangs by its number only."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sock = socket.socket(fileno=response.fileno())
        try:
            sock.shutdown(socket.SHUT_RDWR)
        finally:
            sock.detach()


def _reason(error: Exception, begun: bool, late: bool) -> str:
    """Return why there is no whole answer, of which the head was there already if it had `begun`."""
    from requests.exceptions import RequestException
    from urllib3 import exceptions

    text = str(error)
    cause = error.reason if isinstance(error, exceptions.MaxRetryError) else error
    if isinstance(cause, exceptions.SSLError):
        return certificate_told(text)
    if isinstance(cause, exceptions.ProxyError):
        return f"the proxy that the environment names does not lead there ({plain(innermost(text), 120)})"
    if not isinstance(cause, exceptions.NewConnectionError):
        if isinstance(cause, exceptions.ConnectTimeoutError):
            return "no connection in time"
        if isinstance(cause, exceptions.TimeoutError):
            return "no answer in time"
    if (told := reason_in(text)) is not None:
        return told
    if begun and isinstance(cause, exceptions.ProtocolError):
        return "no whole answer in time" if late else "the answer broke off"  # late: our watchdog broke it off
    if isinstance(error, RequestException) or begun:
        return plain(text, 200)
    return "connection lost"
