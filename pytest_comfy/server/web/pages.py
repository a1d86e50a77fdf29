"""What a browser sees: `/`, the web page's files where a folder of them was given, and what is nowhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Middleware

from ..versions import Trait, Version
from .life import Handler, Life, Route

_NEVER_KEPT = {"Cache-Control": "no-cache", "Pragma": "no-cache", "Expires": "0"}
_NEVER_STORED = {**_NEVER_KEPT, "Cache-Control": "no-store, must-revalidate"}
_IMAGES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
_HOUR, _DAY = 3600, 86400
_KEPT_A_DAY = (200, 201, 202, 203, 204, 205, 206, 301, 308)

_NOTE = """\
This is pytest-comfy's fake ComfyUI server: it replays recorded runs and computes nothing.
Its API is ComfyUI's: try /system_stats, /object_info or /queue.
"""


def page_routes(life: Callable[[], Life], web_root: Path | None) -> list[Route]:
    """Return the route of `/`: index.html of `web_root`, or a note that says what this server is."""

    async def root(request: web.Request) -> web.StreamResponse:
        headers = _NEVER_STORED if life().version.has(Trait.NEVER_STORED) else _NEVER_KEPT
        if web_root is None:
            return web.Response(text=_NOTE, headers=headers)
        return web.FileResponse(web_root / "index.html", headers=headers)

    return [("GET", "/", root)]


def add_files(app: web.Application, web_root: Path | None) -> None:
    """Answer all other paths; to be called last.

    As ComfyUI serves its web page at `/`, an unknown path is 404 for GET and 405 for all else.
    """
    if web_root is None:
        app.router.add_get("/{path:.*}", not_found)
    else:
        app.router.add_static("/", web_root)


async def not_found(request: web.Request) -> web.StreamResponse:
    """Answer for a file that is not there: in text where the path leads out of the folder, else without a word."""
    depth = 0
    names = request.path[1:].split("/")
    for name in names:
        depth += {"..": -1, ".": 0, "": 0}.get(name, 1)
        if depth < 0:
            raise web.HTTPNotFound
    if request.path.startswith("//") or "\0" in request.path:
        raise web.HTTPNotFound
    response = web.StreamResponse(status=404)
    if request.path.lower().endswith(_IMAGES):
        # There the file turns out to be missing only after the middleware has seen a 200.
        response.headers["Cache-Control"] = f"public, max-age={_DAY}"
    return response


def extensions(web_root: Path | None) -> list[str]:
    """Return `GET /extensions`: the scripts of the web page that extend it."""
    if web_root is None:
        return []
    found = sorted((web_root / "extensions").rglob("*.js"))
    names = [path.relative_to(web_root) for path in found]
    return ["/" + name.as_posix() for name in names if not any(part.startswith(".") for part in name.parts)]


def cache_control(life: Callable[[], Life]) -> Middleware:
    """Return the middleware that says how long a file may be kept.

    That goes by the ending of the path, never by what was asked in the query.
    """

    @web.middleware
    async def controlled(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        kept = _kept(request.path, response.status, life().version)
        if kept is not None:
            response.headers.setdefault("Cache-Control", kept)
        return response

    return controlled


def _kept(path: str, status: int, version: Version) -> str | None:
    """Return the Cache-Control header (ComfyUI cache_middleware.py)."""
    name = path.rpartition("/")[2]
    if status == 500:
        # Failures never pass ComfyUI's middleware.
        return None
    if path.endswith((".js", ".css")) or (name.startswith("index") and name.endswith(".json")):
        return "no-store" if version.has(Trait.NEVER_STORED) else "no-cache"
    if not path.lower().endswith(_IMAGES):
        return None
    if status == 404:
        return f"public, max-age={_HOUR}"
    if status in _KEPT_A_DAY:
        return f"public, max-age={_DAY}"
    return "no-cache" if status in (302, 303, 307) else None
