"""What ComfyUI says and refuses before any route is asked: foreign pages, and where its own page may connect to."""

from __future__ import annotations

from collections.abc import Callable, Collection
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware

from ..versions import Trait, Version
from .life import Handler, Life

_OFFLINE = "--offline"
_OFFLINE_BEFORE = "--disable-api-nodes"
"""Still understood by those that have the other."""

_ALLOWED = {
    "Access-Control-Allow-Methods": "POST, GET, DELETE, PUT, OPTIONS, PATCH",
    "Access-Control-Allow-Headers": "Content-Type, Authorization",
    "Access-Control-Allow-Credentials": "true",
}


def origin_only(life: Callable[[], Life]) -> Middleware:
    """Return the middleware that refuses what other pages ask (403, empty) and answers OPTIONS."""

    @web.middleware
    async def checked(request: web.Request, handler: Handler) -> web.StreamResponse:
        strict = life().version.has(Trait.CROSS_SITE_REFUSED)
        if strict and request.headers.get("Sec-Fetch-Site") == "cross-site":
            return web.Response(status=403)
        if "Origin" in request.headers and _is_foreign(request.host, request.headers["Origin"]):
            return web.Response(status=403)
        if request.method == "OPTIONS":
            return web.Response()
        return await handler(request)

    return checked


def any_origin(origin: str) -> Middleware:
    """Return the middleware in place of `origin_only` that lets pages of `origin` ask, "*" for all (CORS).

    As in ComfyUI, nothing is refused: browsers keep pages of other origins from the answers.
    """

    @web.middleware
    async def allowed(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = web.Response() if request.method == "OPTIONS" else await handler(request)
        if not response.prepared:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers.update(_ALLOWED)
        return response

    return allowed


def content_policy(life: Callable[[], Life]) -> Middleware:
    """Return the middleware that adds the header by which a server without API nodes keeps its page at home."""

    @web.middleware
    async def with_policy(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        version = life().version
        if version.is_modern and not response.prepared and _is_offline(life().facts.argv, version):
            response.headers["Content-Security-Policy"] = _policy(version)
        return response

    return with_policy


def _is_offline(argv: Collection[str], version: Version) -> bool:
    return _OFFLINE_BEFORE in argv or (version.has(Trait.OFFLINE_FLAG) and _OFFLINE in argv)


def _policy(version: Version) -> str:
    connect = "connect-src 'self' data:" if version.has(Trait.DATA_IN_POLICY) else "connect-src 'self'"
    return (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
        f"style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; {connect}; "
        "frame-src 'self'; object-src 'self';"
    )


def _is_foreign(host: str, origin: str) -> bool:
    """Tell whether a page from elsewhere asks (ComfyUI server.py; hosts on loopback only, as ours is)."""
    there, here = urlsplit(origin.lower()), urlsplit(f"//{host.lower()}")
    if there.hostname is None or here.hostname is None:
        return False
    both_have_ports = there.port is not None and here.port is not None
    return there.hostname != here.hostname or (both_have_ports and there.port != here.port)
