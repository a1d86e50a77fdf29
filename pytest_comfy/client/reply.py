"""An answer over HTTP and its limits, whichever library reads it."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..access import Access
from ..memory import Budget, in_words, json_cost
from ..text import plain
from .encoding import Unpacker
from .errors import GatewayAnswered, ServerUnreachable, TooLarge

SMALL = 16 * 10**6
PROMPT = 128 * 10**6
QUEUE = 256 * 10**6
"""Bytes of memory that answers may become: what has a line to say; a refusal, which lists all choices of an input; and
a queue, which holds the prompts and workflows of all who wait. Others have what is left of the run's."""
CHUNK = 1 << 18
"""Bytes of a body that are read at once."""
CONNECT_SECONDS = 10.0
"""The most that a connection is waited for."""
REFUSED = "connection refused: is ComfyUI running there?"

_WHOLE = 64 << 20
_PARSED = 3
"""How many times its bytes JSON takes at least: bytes, text, and what is made of that."""


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


class Body:
    """What has come of the body of one answer: bounded in bytes and in time, and never there twice.

    deadline  monotonic seconds

    Raises TooLarge, ServerUnreachable and EncodingError, each as soon as it is known.
    """

    def __init__(self, method: str, headers: Mapping[str, str], allowed: Allowed, deadline: float, what: str) -> None:
        self._allowed, self._deadline, self._what = allowed, deadline, what
        claimed = headers.get("Content-Length", "") if method != "HEAD" else ""
        encoding = headers.get("Content-Encoding", "") if method != "HEAD" else ""
        self._claimed = int(claimed) if claimed.isdigit() else None
        self._packed = bool(encoding)
        self._unpacker = Unpacker(encoding)
        self._received = 0
        self._first = b""
        self._joined: io.BytesIO | None = None
        if self._claimed is not None and self._claimed > allowed.most_bytes:
            raise TooLarge(f"{what}: the answer is {in_words(self._claimed)}{allowed.parsed}, {allowed.excuse}")

    @property
    def fits_at_once(self) -> bool:
        """Whether it may be read as one piece."""
        return self._claimed is not None and self._claimed <= _WHOLE and not self._packed

    def add(self, piece: bytes) -> None:
        """Take a piece as it came."""
        for part in self._unpacker.feed(piece):
            self._keep(part)

    def whole(self) -> bytes:
        """Return the body, of which all has come."""
        for part in self._unpacker.end():
            self._keep(part)
        self._require_time()
        if self._claimed is not None and self._received < self._claimed and not self._packed:
            raise ServerUnreachable(
                f"{self._what}: the answer broke off after {self._received} of {self._claimed} bytes"
            )
        return self._first if self._joined is None else self._joined.getvalue()

    def _keep(self, part: bytes) -> None:
        begun = self._received > 0
        self._received += len(part)
        if self._received > self._allowed.most_bytes:
            raise TooLarge(
                f"{self._what}: the answer is {in_words(self._received)} and goes on{self._allowed.parsed}, "
                f"{self._allowed.excuse}"
            )
        self._require_time()
        if not begun:
            self._first = part
            return
        if self._joined is None:
            self._joined = io.BytesIO()
            self._joined.write(self._first)
            self._first = b""
        self._joined.write(part)

    def _require_time(self) -> None:
        if time.monotonic() >= self._deadline:
            raise ServerUnreachable(f"{self._what}: no whole answer in time")


def allowed_by(budget: Budget, limit: int | None, parsed: bool) -> Allowed:
    """Return what an answer may become, by what is left of the run's memory and by a limit of its own."""
    most, excuse = budget.left, budget.excuse()
    if limit is not None and limit < most:
        most, excuse = limit, f"more than the {in_words(limit)} that such an answer may take"
    return Allowed(most, excuse, parsed)


def require_comfy(reply: Reply, access: Access, what: str) -> None:
    """Raise GatewayAnswered for an answer that no ComfyUI gives."""
    told = _gateway(reply, access)
    if told:
        raise GatewayAnswered(f"{what}: {told}", reply.status)


def is_passing(status: int) -> bool:
    """Whether an answer says nothing of what was asked for: a proxy, a login, or a server that is busy."""
    return 300 <= status < 400 or status in (408, 425, 429) or status >= 500


def _gateway(reply: Reply, access: Access) -> str | None:
    """Return what an answer tells that no ComfyUI gives; None for any other."""
    if reply.status == 401:
        if any(name.lower() == "authorization" for name in access.headers):
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


def reason_in(text: str) -> str | None:
    """Return what the text of a library's error means for a person, None for what is not known."""
    if "CERTIFICATE" in text:
        return certificate_told(text)
    if "refused" in text:
        return REFUSED
    if any(
        one in text
        for one in ("Name or service not known", "getaddrinfo", "NameResolution", "Name resolution", "name resolution")
    ):
        return "unknown host"
    return None


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
    return f"no TLS connection ({plain(innermost(text), 120)})"


def innermost(text: str) -> str:
    """Return what the libraries put innermost into their texts: the reason itself."""
    return text.rsplit("(", 1)[-1].strip(")'\" ") or text
