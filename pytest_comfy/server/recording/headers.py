"""What a proxy may change of a request and its answer: hop-by-hop headers, Host, and an Origin of its own."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote, urlsplit

from multidict import CIMultiDict

_HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
"""RFC 9110, section 7.6.1, and the older ones of RFC 2616, section 13.5.1."""


RawHeaders = Iterable[tuple[bytes, bytes]]
"""As aiohttp keeps them beside its own, which spell some names anew."""


def end_to_end(headers: RawHeaders) -> CIMultiDict[str]:
    """Return all headers, repeated ones too and in their order, that are not for one connection only."""
    texts = [(_writable(name), _writable(value)) for name, value in headers]
    dropped = set(_HOP_BY_HOP)
    for name, value in texts:
        if name.lower() == "connection":
            dropped |= {word.strip().lower() for word in value.split(",")}
    kept: CIMultiDict[str] = CIMultiDict()
    spelt: dict[str, str] = {}
    for name, value in texts:
        if name.lower() not in dropped:
            # A repeated header is sent as one only where it is spelt alike.
            kept.add(spelt.setdefault(name.lower(), name), value)
    return kept


def to_upstream(headers: RawHeaders, scheme: str, netloc: str) -> CIMultiDict[str]:
    """Return the headers of a request as they go to the server at `netloc` (host, or host:port).

    ComfyUI refuses requests whose Origin is not its Host. A page that came through the proxy has the proxy's
    address as Origin; it is told as the server's own, so that the check says what it would have said there.
    """
    sent = end_to_end(headers)
    host = next(iter(sent.popall("Host", ())), "")
    # The client was told to continue already; the body follows in any case.
    sent.popall("Expect", None)
    for origin in sent.popall("Origin", ()):
        own = bool(host) and _netloc(origin) == host.lower()
        sent.add("Origin", f"{scheme}://{netloc}" if own else origin)
    return CIMultiDict([("Host", netloc), *sent.items()])


def target_of(raw_path: str) -> str | None:
    """Return a request's target as the path and query to ask for, byte for byte; None where it has no path."""
    if not raw_path.startswith("/"):
        scheme, separator, rest = raw_path.partition("://")
        if not separator or scheme.lower() not in ("http", "https"):
            return None
        at = min((place for place in (rest.find("/"), rest.find("?")) if place >= 0), default=len(rest))
        raw_path = rest[at:] if rest[at:].startswith("/") else "/" + rest[at:]
    # What is not ASCII cannot stand in a request line that a strict parser reads.
    return quote(raw_path.encode("utf-8", "surrogateescape"), safe=_AS_THEY_ARE)


_AS_THEY_ARE = "".join(chr(code) for code in range(0x21, 0x7F))


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin.lower()).netloc
    except ValueError:
        return None


def _writable(raw: bytes) -> str:
    """Return a header's text as aiohttp can write it: bytes that are no UTF-8 are taken for Latin-1."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
