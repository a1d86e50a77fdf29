"""`/internal/*`: what ComfyUI's own web page asks, and nobody else should (internal_routes.py)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from aiohttp import web

from ..files import FOLDERS
from ..versions import Trait
from .life import Handler, Life

_STARTED = "Starting pytest-comfy's fake ComfyUI server\n"
_COLUMNS, _ROWS = 80, 24
"""Size of a terminal that is none."""


def add_internal_routes(app: web.Application, life: Callable[[], Life]) -> None:
    """Add the routes, which are not to be found under /api, and refuse all else below /internal as ComfyUI does."""

    async def logs(request: web.Request) -> web.StreamResponse:
        return web.json_response("".join(f"{entry['t']} - {entry['m']}" for entry in _entries(life())))

    async def raw_logs(request: web.Request) -> web.StreamResponse:
        return web.json_response({"entries": _entries(life()), "size": {"cols": _COLUMNS, "rows": _ROWS}})

    async def subscribe(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        # The fake logs nothing more, so there is nothing to send; but a bad body fails as it does there.
        hash((body["clientId"], bool(body["enabled"])))
        return web.Response()

    async def folder_paths(request: web.Request) -> web.StreamResponse:
        return web.json_response({folder: [] for folder in life().facts.models(life().version)})

    async def files(request: web.Request) -> web.StreamResponse:
        kind = request.match_info["kind"]
        if kind not in FOLDERS:
            return web.json_response({"error": "Invalid directory type"}, status=400)
        names = [name for subfolder, name in life().files.names(kind) if not subfolder]
        if life().version.is_modern:
            names = [name for name in names if not name.startswith(".")]
        if life().version.has(Trait.ANNOTATED_FILES):
            names = [f"{name} [{kind}]" for name in names]
        return web.json_response(names)

    async def nowhere(request: web.Request) -> web.StreamResponse:
        raise web.HTTPNotFound

    def refuse(allowed: tuple[str, ...]) -> Handler:
        async def refused(request: web.Request) -> web.StreamResponse:
            raise web.HTTPMethodNotAllowed(request.method, allowed)

        return refused

    # Plain routes where ComfyUI has a sub-application: all that is seen of that is that /api does not have them.
    for path, handler in (
        ("/logs", logs),
        ("/logs/raw", raw_logs),
        ("/folder_paths", folder_paths),
        ("/files/{kind}", files),
    ):
        app.router.add_get("/internal" + path, handler)
        app.router.add_route("*", "/internal" + path, refuse(("GET", "HEAD")))
    app.router.add_patch("/internal/logs/subscribe", subscribe)
    app.router.add_route("*", "/internal/logs/subscribe", refuse(("PATCH",)))
    app.router.add_route("*", "/internal{rest:(/.*)?}", nowhere)


def _entries(life: Life) -> list[dict[str, Any]]:
    return [{"t": datetime.fromtimestamp(life.began).isoformat(), "m": _STARTED}]
