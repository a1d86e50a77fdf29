"""`/api/assets*` and `/api/tags`, as of a server whose assets are switched off: the routes are there, and answer 503.

They are off unless --enable-assets is given, in later versions only by --disable-assets.
"""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from ..versions import Trait
from .life import Handler, Life
from .pages import not_found

_ID = "{id:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}}"

_ROUTES = (
    ("HEAD", "/api/assets/hash/{hash}"),
    ("GET", "/api/assets"),
    ("POST", "/api/assets"),
    ("POST", "/api/assets/from-hash"),
    ("GET", "/api/assets/tags/refine"),
    ("POST", "/api/assets/seed"),
    ("GET", "/api/assets/seed/status"),
    ("POST", "/api/assets/seed/cancel"),
    ("POST", "/api/assets/prune"),
    ("GET", f"/api/assets/{_ID}"),
    ("PUT", f"/api/assets/{_ID}"),
    ("DELETE", f"/api/assets/{_ID}"),
    ("GET", f"/api/assets/{_ID}/content"),
    ("POST", f"/api/assets/{_ID}/tags"),
    ("DELETE", f"/api/assets/{_ID}/tags"),
    ("GET", "/api/tags"),
)
"""Those of 0.30.0 (app/assets/api/routes.py), which has none of them without /api."""

_LATER = (("POST", "/api/assets/export", Trait.ASSET_EXPORT),)

_DISABLED = {
    "error": {
        "code": "SERVICE_DISABLED",
        "message": "Assets system is disabled. Start the server with --enable-assets to use this feature.",
        "details": {},
    }
}


def add_asset_routes(app: web.Application, life: Callable[[], Life]) -> None:
    """Add the routes: 503, or as a path that is nowhere for versions that have no assets."""

    def disabled(trait: Trait) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            if life().version.has(trait):
                return web.json_response(_DISABLED, status=503)
            if request.method not in ("GET", "HEAD"):
                raise web.HTTPMethodNotAllowed(request.method, ("GET", "HEAD"))
            return await not_found(request)

        return answer

    for method, path, trait in (*((*route, Trait.ASSETS) for route in _ROUTES), *_LATER):
        app.router.add_route(method, path, disabled(trait))
        if method == "GET":
            app.router.add_head(path, disabled(trait))
