"""Who may ask, and what browsers are told: only the page that the person opened gets anything, and only it decides."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Container
from typing import TYPE_CHECKING, TypeAlias

from aiohttp import web

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

Signal: TypeAlias = Callable[[web.Request, web.StreamResponse], Awaitable[None]]
"""What is called before an answer is sent."""
HEADER = "X-Comfy-Review"
"""Of requests that decide something: what the page was given. No other site can send it unasked."""
_SECURE = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; media-src 'self'; sandbox"
"""Of all that is not a page of ours: a picture of SVG may look as it does, and run nothing."""

_REFUSALS = {
    400: web.HTTPBadRequest,
    403: web.HTTPForbidden,
    404: web.HTTPNotFound,
    409: web.HTTPConflict,
    415: web.HTTPUnsupportedMediaType,
}


class Keys:
    """The secrets of one server.

    token  in the address that is printed; whoever has it may look, and gets the cookie
    page   in the pages; what is decided is told with it
    """

    def __init__(self, token: str, page: str) -> None:
        self.token, self.page = token, page
        self._tickets: set[str] = set()

    def add_ticket(self, ticket: str) -> None:
        """Let in who comes with a ticket, once; command lines of browsers, which other users can read, hold one."""
        self._tickets.add(ticket)

    def admits(self, given: str) -> bool:
        """Whether what stands in an address lets in."""
        if is_same(given, self.token):
            return True
        found = next((one for one in self._tickets if is_same(given, one)), None)
        self._tickets.discard(found or "")
        return found is not None


def is_same(given: str, secret: str) -> bool:
    """Whether two texts are the same, in a time that does not tell how much of them is."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode())


def guard(port: Callable[[], int], keys: Keys) -> Middleware:
    """Return the middleware that every request passes: the right Host, a token or the cookie, our own Origin."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        hosts = [f"{name}:{port()}" for name in ("127.0.0.1", "localhost")]
        host = request.headers.getall("Host", [])
        if len(host) != 1 or host[0] not in hosts:
            raise refused("this is no address of the review page")
        cookie = cookie_name(port())
        given = request.query.getall("token", [])
        came_in = request.method == "GET" and len(given) == 1 and keys.admits(given[0])
        if not came_in and not is_same(request.cookies.get(cookie, ""), keys.token):
            raise refused("the address lacks its token: open the one that `pytest-comfy review` printed")
        if request.method != "GET":
            _refuse_foreign(request, keys)
        response = await handler(request)
        if came_in:
            response.set_cookie(cookie, keys.token, path="/", httponly=True, samesite="Strict")
        return response

    return guarded


def cookie_name(port: int) -> str:
    """Return the cookie's name; browsers hold those of all ports of a host together."""
    return f"comfy-review-{port}"


def refused(why: str, status: int = 403) -> web.HTTPException:
    """Return an answer that is one sentence."""
    return _REFUSALS[status](text=f"{why}\n")


def tell_browsers(policy: str, pages: Callable[[], Container[str]]) -> Signal:
    """Return what adds to each answer what browsers must not do with it; `pages` are the paths that have scripts."""

    async def prepare(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(_SECURE)
        own = request.path.lstrip("/") in pages() and response.status == 200
        response.headers["Content-Security-Policy"] = f"{policy}; frame-ancestors 'none'" if own else _SANDBOX

    return prepare


def _refuse_foreign(request: web.Request, keys: Keys) -> None:
    """Refuse what another site sends, or a form: neither can set our header, nor say that it is of our origin."""
    origin = request.headers.getall("Origin", [])
    if origin != [f"http://{request.headers['Host']}"]:
        raise refused("decisions are taken on the review page alone: its origin is another one")
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        raise refused("decisions are taken on the review page alone: another site asks")
    if not is_same(request.headers.get(HEADER, ""), keys.page):
        raise refused("decisions are taken on the review page alone: its token is missing")
    if request.content_type != "application/json":
        raise refused("decisions are told in JSON", 415)
