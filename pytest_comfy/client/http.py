"""HTTP with limits: wall clock and size are bounded whatever the server does."""

from __future__ import annotations

import contextlib
import json
import math
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from ..text import plain
from .errors import ServerUnreachable, TooLarge

_CHUNK = 1 << 20
_WHOLE = 64 << 20
_WATCH_SECONDS = 0.25
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}

JSON_LIMIT = 256 << 20
FILE_LIMIT = 2 << 30

RETRIES = (0.1, 0.5, 2.0)
"""Seconds between tries of a request that may be made again."""
_LEAST = 0.05


class Reply:
    """A whole answer: status, headers and body."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes, what: str) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self._what = what

    def json(self) -> Any:
        """Return the body as JSON; raises ServerUnreachable when it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            start = plain(self.body[:80].decode("utf-8", "replace"))
            raise ServerUnreachable(
                f"{self._what}: answered {self.status} with what is no JSON ({start!r}): "
                "is this address a ComfyUI server?"
            ) from error

    def object(self) -> dict[str, Any]:
        """Return the body as a JSON object; raises ServerUnreachable when it is none."""
        value = self.json()
        if not isinstance(value, dict):
            raise ServerUnreachable(f"{self._what}: answered JSON of another shape than ComfyUI does")
        return value


class Http:
    """HTTP to one server. Every call ends within `timeout` seconds, also when the body trickles."""

    def __init__(self, url: str, timeout: float = 30.0) -> None:
        self.url = url
        self.timeout = timeout
        self._session = requests.Session()
        self._watchdog = _Watchdog()
        # Looking up proxies and .netrc costs more than a request on loopback, where neither has a use.
        self._proxied = (urlsplit(url).hostname or "") not in _LOOPBACK
        self._session.trust_env = self._proxied
        self._headers = dict(self._session.headers)

    def get(self, path: str, params: Mapping[str, str] | None = None, **limits: Any) -> Reply:
        """GET; raises ServerUnreachable when no whole answer comes."""
        return self.request("GET", path, params=params, **limits)

    def get_again(self, path: str, params: Mapping[str, str] | None = None, *, timeout: float, **limits: Any) -> Reply:
        """GET, and again where no whole answer came or a proxy answered for the server; asking twice harms nothing.

        Raises ServerUnreachable when that does not help, or not in time.
        """
        deadline = time.monotonic() + timeout
        pauses = iter(RETRIES)
        while True:
            failed: ServerUnreachable | None = None
            try:
                reply = self.get(path, params, timeout=max(deadline - time.monotonic(), _LEAST), **limits)
                if not _is_passing(reply.status):
                    return reply
            except TooLarge:
                raise
            except ServerUnreachable as error:
                failed = error
            pause = next(pauses, math.inf)
            if time.monotonic() + pause >= deadline:
                if failed is not None:
                    raise failed
                return reply
            time.sleep(pause)

    def post(self, path: str, body: Any = None, **more: Any) -> Reply:
        """POST a JSON body, or what requests takes as `files` and `data`."""
        return self.request("POST", path, **({"json": body} if body is not None else {}), **more)

    def request(
        self, method: str, path: str, *, limit: int = JSON_LIMIT, timeout: float | None = None, **more: Any
    ) -> Reply:
        """Send one request; raises ServerUnreachable when no whole answer comes in time."""
        seconds = self.timeout if timeout is None else timeout
        deadline = time.monotonic() + seconds
        what = f"{self.url}{path}"
        try:
            # Prepared apart from the session, whose merging of settings takes longer than to send on loopback.
            request = requests.Request(method, what, self._headers, **more).prepare()
            settings: dict[str, Any] = {}
            if self._proxied:
                settings.update(self._session.merge_environment_settings(what, {}, True, None, None))
            settings.update(stream=True, timeout=(min(seconds, 10.0), seconds), allow_redirects=False)
            with self._session.send(request, **settings) as response:
                with self._watchdog.watching(response, deadline):
                    body = b"".join(_limited(response, limit, deadline, what))
                return Reply(response.status_code, response.headers, body, what)
        except requests.exceptions.InvalidURL as error:
            raise ServerUnreachable(f"{self.url}: not an address ({plain(error, 200)})") from error
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise ServerUnreachable(f"{what}: {_reason(error, time.monotonic() >= deadline)}") from error

    def close(self) -> None:
        """Close the connections."""
        self._watchdog.close()
        self._session.close()


def _limited(response: requests.Response, limit: int, deadline: float, what: str) -> Iterator[bytes]:
    claimed = response.headers.get("Content-Length", "")
    received = 0
    if claimed.isdigit() and int(claimed) > limit:
        raise TooLarge(f"{what}: announces {claimed} bytes, more than the {limit} allowed")
    encoded = "Content-Encoding" in response.headers
    whole = claimed.isdigit() and int(claimed) <= _WHOLE and not encoded and not response.is_redirect
    # Read as one piece where that is safe: urllib3's buffers copy every byte twice.
    for chunk in [response.raw.read(decode_content=False)] if whole else response.iter_content(_CHUNK):
        received += len(chunk)
        if received > limit:
            raise TooLarge(f"{what}: sends more than the {limit} bytes allowed")
        if time.monotonic() > deadline:
            break
        yield chunk
    if time.monotonic() >= deadline:
        raise ServerUnreachable(f"{what}: no whole answer in time")
    if claimed.isdigit() and received < int(claimed) and not encoded:
        raise ServerUnreachable(f"{what}: the answer broke off after {received} of {claimed} bytes")


def _is_passing(status: int) -> bool:
    """Whether an answer says nothing of what was asked for: a proxy, a login, or a server that is busy."""
    return 300 <= status < 400 or status in (408, 425, 429) or status >= 500


class _Watchdog:
    """Ends answers that are not whole by their deadline.

    requests bounds the silence between two bytes, which a server that trickles never reaches. One thread
    looks after all answers of a client, as a timer for each would cost more than many a request.
    """

    def __init__(self) -> None:
        self._open: dict[int, tuple[float, requests.Response]] = {}
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def watching(self, response: requests.Response, deadline: float) -> Iterator[None]:
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


def _shut(response: requests.Response) -> None:
    """Wake the reader of a body; closing would wait for it, and a detached socket hangs by its number only."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sock = socket.socket(fileno=response.raw.fileno())
        try:
            sock.shutdown(socket.SHUT_RDWR)
        finally:
            sock.detach()


def _reason(error: Exception, late: bool) -> str:
    text = str(error)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError)):
        return "no answer in time"
    if "refused" in text:
        return "connection refused: is ComfyUI running there?"
    if "Name or service not known" in text or "getaddrinfo" in text or "NameResolution" in text:
        return "unknown host"
    if isinstance(error, (requests.exceptions.ChunkedEncodingError, urllib3.exceptions.ProtocolError)):
        return "no whole answer in time" if late else "the answer broke off"  # late: our watchdog broke it off
    if isinstance(error, requests.exceptions.ConnectionError):
        return "connection lost"
    return plain(text, 200)
