"""HTTP with limits: wall clock and size are bounded whatever the server does."""

from __future__ import annotations

import contextlib
import io
import json
import math
import socket
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import requests
import urllib3

from ..access import Access
from ..memory import Budget, in_words, json_cost
from ..text import plain
from .encoding import ACCEPTED, EncodingError, decoded
from .errors import GatewayAnswered, ServerUnreachable, TooLarge

_CHUNK = 1 << 18
_WHOLE = 64 << 20
_WATCH_SECONDS = 0.25

SMALL = 16 * 10**6
PROMPT = 128 * 10**6
QUEUE = 256 * 10**6
"""Bytes of memory that answers may become: what has a line to say; a refusal, which lists all choices of an input; and
a queue, which holds the prompts and workflows of all who wait. Others have what is left of the run's."""
_PARSED = 3
"""How many times its bytes JSON takes at least: bytes, text, and what is made of that."""

RETRIES = (0.1, 0.5, 2.0)
"""Seconds between tries of a request that may be made again."""
_LEAST = 0.05
_DENIED = (401, 407)


@dataclass(frozen=True)
class Allowed:
    """Bytes of memory that one answer may become, what to tell where it would be more, and whether it is parsed."""

    most: int
    excuse: str
    is_parsed: bool

    @property
    def most_bytes(self) -> int:
        """The most bytes that the answer itself may have."""
        return self.most // _PARSED if self.is_parsed else self.most

    @property
    def parsed(self) -> str:
        """What to tell of an answer whose bytes alone are too many."""
        return f" and takes {_PARSED} times that once parsed" if self.is_parsed else ""


class Reply:
    """A whole answer: status, headers and body."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes, what: str, allowed: Allowed) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self._what = what
        self._allowed = allowed

    def json(self) -> Any:
        """Return the body as JSON; raises ServerUnreachable when it is none, and TooLarge before it takes memory."""
        cost = len(self.body) + json_cost(self.body)
        if cost > self._allowed.most:
            raise TooLarge(
                f"{self._what}: the answer, {in_words(len(self.body))} of JSON, takes up to {in_words(cost)} "
                f"of memory, {self._allowed.excuse}"
            )
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
    """HTTP to one server. Every call ends within `timeout` seconds, also when the body trickles.

    budget  of the run that is going on; an answer may take what is left of it
    """

    def __init__(self, access: Access, timeout: float = 30.0) -> None:
        self.access = access
        self.url = access.url
        self.timeout = timeout
        self.budget = Budget()
        self._session = requests.Session()
        self._watchdog = _Watchdog()
        self._headers = {**self._session.headers, "Accept-Encoding": ACCEPTED, **access.headers}
        self._settings: dict[str, Any] = {"stream": True}
        if access.is_secure:
            self._settings["verify"] = access.trusted()
        proxy = access.proxy()
        if proxy is not None:
            self._settings["proxies"] = {"http": proxy, "https": proxy}

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
            except ServerUnreachable as error:
                if isinstance(error, GatewayAnswered) and error.status in _DENIED:
                    raise
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
        allowed = self._allowed(limit, parsed)
        try:
            # Prepared apart from the session, whose merging of settings takes longer than to send on loopback.
            request = requests.Request(method, what, self._headers, **more).prepare()
            # The session would read all of a redirect's body, however large, to be able to follow it.
            adapter = self._session.get_adapter(request.url or what)
            with self._sent(adapter, request, (min(seconds, 10.0), seconds)) as response:
                with self._watchdog.watching(response, deadline):
                    body = _whole_body(_limited(response, allowed, deadline, what))
                reply = Reply(response.status_code, response.headers, body, what, allowed)
            told = self._gateway(reply)
            if told:
                raise GatewayAnswered(f"{what}: {told}", reply.status)
            return reply
        except requests.exceptions.InvalidURL as error:
            raise ServerUnreachable(f"{self.url}: not an address ({plain(error, 200)})") from error
        except EncodingError as error:
            raise ServerUnreachable(f"{what}: {plain(error, 200)}") from error
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise ServerUnreachable(f"{what}: {_reason(error, time.monotonic() >= deadline)}") from error

    def _sent(
        self, adapter: requests.adapters.BaseAdapter, request: requests.PreparedRequest, timeout: tuple[float, float]
    ) -> requests.Response:
        if self._settings.get("verify") is not False:
            return adapter.send(request, timeout=timeout, **self._settings)
        with warnings.catch_warnings():
            # Whoever turned it off knows.
            warnings.simplefilter("ignore", urllib3.exceptions.InsecureRequestWarning)
            return adapter.send(request, timeout=timeout, **self._settings)

    def _gateway(self, reply: Reply) -> str | None:
        """Return what an answer tells that no ComfyUI gives; None for any other."""
        if reply.status == 401:
            if any(name.lower() == "authorization" for name in self.access.headers):
                return "does not accept the login that was given (401): look at user name, password or token"
            return (
                'asks for a login (401): give --comfy-header "Authorization: Bearer ...", COMFY_HEADERS, or '
                "user:password@ in the address"
            )
        if reply.status == 407:
            return "the proxy on the way asks for a login (407): give user:password@ in HTTP_PROXY or HTTPS_PROXY"
        if 300 <= reply.status < 400 and reply.status != 304:
            where = plain(reply.headers.get("Location", "").partition("?")[0], 120) or "another place"
            return f"is sent on to {where} ({reply.status}): is that a login page, or the address to ask instead?"
        if reply.status in (502, 503, 504):
            text = plain(reply.body[:300].decode("utf-8", "replace")).strip()
            said = f" ({text})" if text and not text.startswith("<") else ""
            return f"the gateway before it answers {reply.status}{said}: no ComfyUI behind it answers now"
        return None

    def _allowed(self, limit: int | None, parsed: bool) -> Allowed:
        most, excuse = self.budget.left, self.budget.excuse()
        if limit is not None and limit < most:
            most, excuse = limit, f"more than the {in_words(limit)} that such an answer may take"
        return Allowed(most, excuse, parsed)

    def close(self) -> None:
        """Close the connections."""
        self._watchdog.close()
        self._session.close()


def _whole_body(pieces: Iterator[bytes]) -> bytes:
    """Join pieces without having them twice."""
    first = next(pieces, b"")
    second = next(pieces, None)
    if second is None:
        return first
    joined = io.BytesIO()
    joined.write(first)
    joined.write(second)
    del first, second
    for piece in pieces:
        joined.write(piece)
    return joined.getvalue()


def _limited(response: requests.Response, allowed: Allowed, deadline: float, what: str) -> Iterator[bytes]:
    claimed = response.headers.get("Content-Length", "")
    encoding = response.headers.get("Content-Encoding", "")
    received = 0
    if claimed.isdigit() and int(claimed) > allowed.most_bytes:
        raise TooLarge(f"{what}: the answer is {in_words(int(claimed))}{allowed.parsed}, {allowed.excuse}")
    whole = claimed.isdigit() and int(claimed) <= _WHOLE and not encoding
    # Read as one piece where that is safe: urllib3's buffers copy every byte twice.
    raw = [response.raw.read(decode_content=False)] if whole else response.raw.stream(_CHUNK, decode_content=False)
    for piece in decoded(raw, encoding):
        received += len(piece)
        if received > allowed.most_bytes:
            raise TooLarge(f"{what}: the answer is {in_words(received)} and goes on{allowed.parsed}, {allowed.excuse}")
        if time.monotonic() > deadline:
            break
        yield piece
    if time.monotonic() >= deadline:
        raise ServerUnreachable(f"{what}: no whole answer in time")
    if claimed.isdigit() and received < int(claimed) and not encoding:
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
    if isinstance(error, requests.exceptions.SSLError) or "CERTIFICATE" in text:
        return certificate_told(text)
    if isinstance(error, requests.exceptions.ProxyError):
        return f"the proxy that the environment names does not lead there ({plain(_innermost(text), 120)})"
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


def certificate_told(text: str) -> str:
    """Return what an error of TLS means for a person."""
    if "Hostname mismatch" in text or "doesn't match" in text or "IP address mismatch" in text:
        return "its certificate is for another name: ask for the server by that name"
    if "expired" in text:
        return "its certificate has expired"
    if "self-signed" in text or "self signed" in text or "unable to get" in text or "CERTIFICATE_VERIFY_FAILED" in text:
        return (
            "its certificate is not trusted: give the file of the authority that signed it with --comfy-ca=FILE, "
            "or --comfy-ca=off"
        )
    if "WRONG_VERSION_NUMBER" in text or "wrong version number" in text or "record layer failure" in text:
        return "speaks no TLS: write http:// instead of https://"
    return f"no TLS connection ({plain(_innermost(text), 120)})"


def _innermost(text: str) -> str:
    """Return what the libraries put innermost into their texts: the reason itself."""
    return text.rsplit("(", 1)[-1].strip(")'\" ") or text
