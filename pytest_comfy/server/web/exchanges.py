"""Recorded answers of a real server, served before any that the fake would make up."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Middleware

from ...golden.exchanges import Exchange, Exchanges
from .life import Behind, Handler, Life

_STATE = {
    "prompt", "queue", "history", "view", "upload", "interrupt", "free", "ws", "jobs", "userdata", "v2", "settings",
    "users",
}  # fmt: skip
"""First names of the paths whose answers depend on what happened in this server life."""

_INTERNAL_STATE = {"files"}

_OF_THE_CONNECTION = {"connection", "content-length", "date", "keep-alive", "transfer-encoding", "server", "upgrade"}
"""Headers that the fake sets itself."""


def serve_recorded(life: Callable[[], Life], behind: Behind | None = None) -> Middleware:
    """Return the middleware. It also answers paths that no route knows, such as those of node packs.

    behind  the real server that is asked for the rest
    """

    @web.middleware
    async def recorded(request: web.Request, handler: Handler) -> web.StreamResponse:
        exchanges = life().library.exchanges
        if not (exchanges or behind) or request.method not in ("GET", "HEAD", "POST") or _is_state(request.path):
            return await handler(request)
        found = await _find(request, exchanges)
        if found is None and behind is not None and request.method == "GET":
            found = await behind.ask(bare(request.path), list(request.query.items()), request.raw_path)
            if found is not None:
                exchanges.add(found)
        return await handler(request) if found is None else _answer(found)

    return recorded


def bare(path: str) -> str:
    """Return a path without any `/api` in front."""
    while path.startswith("/api/"):
        path = path[4:]
    return path


def _is_state(path: str) -> bool:
    first, _, rest = bare(path)[1:].partition("/")
    if first == "internal":
        return rest.partition("/")[0] in _INTERNAL_STATE
    # The choices of object_info follow the uploads; Facts reads its recordings itself.
    return first in _STATE or first == "object_info"


async def _find(request: web.Request, exchanges: Exchanges) -> Exchange | None:
    path, query = bare(request.path), list(request.query.items())
    if request.method == "POST":
        return exchanges.find("POST", path, query, await request.read())
    own = exchanges.find(request.method, path, query)
    return own if own is not None or request.method == "GET" else exchanges.find("GET", path, query)


def _answer(exchange: Exchange) -> web.Response:
    """Return a recorded answer; what could not stand in an HTTP message is left out."""
    headers = {
        name: value
        for name, value in exchange.headers.items()
        if name.lower() not in _OF_THE_CONNECTION and name.isascii() and name.isprintable() and value.isprintable()
    }
    status = exchange.status if 200 <= exchange.status <= 599 else 500
    return web.Response(status=status, body=exchange.content, headers=headers)
