"""The routes, plain and under /api, and ComfyUI's manner of refusing."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, Protocol
from urllib.parse import urlsplit

from aiohttp import web

from . import info, posting, view
from .engine import Engine
from .hub import Hub
from .library import Library
from .posting import PostedPrompts
from .wire import FEATURES, MAX_UPLOAD

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_BAD_REQUEST = (ValueError, TypeError, KeyError, AttributeError, AssertionError, RecursionError, OSError)


class World(Protocol):
    """What the routes act on; `reset` replaces all but the hub."""

    hub: Hub
    engine: Engine
    library: Library
    posted: PostedPrompts


@web.middleware
async def _manners(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse foreign origins, answer OPTIONS, and turn bad requests into ComfyUI's silent 500."""
    if "Origin" in request.headers and _is_foreign(request.host, request.headers["Origin"]):
        return web.Response(status=403)
    if request.method == "OPTIONS":
        return web.Response()
    try:
        return await handler(request)
    except _BAD_REQUEST:
        text = "500 Internal Server Error\n\nServer got itself in trouble"
        response = web.Response(status=500, text=text)
        response.force_close()
        return response


def _is_foreign(host: str, origin: str) -> bool:
    """Tell whether a page from elsewhere asks (ComfyUI server.py; hosts on loopback only, as ours is)."""
    there, here = urlsplit(origin.lower()), urlsplit(f"//{host.lower()}")
    if there.hostname is None or here.hostname is None:
        return False
    both_have_ports = there.port is not None and here.port is not None
    return there.hostname != here.hostname or (both_have_ports and there.port != here.port)


def make_app(world: World) -> web.Application:
    """Return the application."""
    app = web.Application(middlewares=[_manners], client_max_size=MAX_UPLOAD)
    for method, path, handler in _routes(world):
        for prefix in ("", "/api"):
            if method == "GET":
                app.router.add_get(prefix + path, handler)
            else:
                app.router.add_route(method, prefix + path, handler)
    # ComfyUI serves its web page here: unknown paths are 404 for GET, and 405 for all else.
    app.router.add_get("/{anything:.*}", _not_found)
    return app


async def _not_found(request: web.Request) -> web.StreamResponse:
    raise web.HTTPNotFound


def _routes(world: World) -> list[tuple[str, str, Handler]]:
    return [*_run_routes(world), *_file_routes(world), *_info_routes(world)]


def _run_routes(world: World) -> list[tuple[str, str, Handler]]:
    async def ws(request: web.Request) -> web.StreamResponse:
        return await world.hub.serve(request, lambda client: world.engine.greet(client))

    async def get_prompt(request: web.Request) -> web.StreamResponse:
        return web.json_response({"exec_info": {"queue_remaining": world.engine.remaining}})

    async def post_prompt(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        status, reply = posting.post_prompt(body, world.engine, world.library, world.posted)
        return web.json_response(reply, status=status)

    async def get_queue(request: web.Request) -> web.StreamResponse:
        running = [job.as_item() for job in world.engine.running]
        pending = [job.as_item() for job in world.engine.pending]
        return web.json_response({"queue_running": running, "queue_pending": pending})

    async def post_queue(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if body.get("clear"):
            world.engine.clear()
        for prompt_id in body.get("delete") or ():
            world.engine.delete(prompt_id)
        return web.Response()

    async def interrupt(request: web.Request) -> web.StreamResponse:
        try:
            body = await request.json()
        except ValueError:
            body = {}
        world.engine.interrupt(body.get("prompt_id") or None)
        return web.Response()

    async def free(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if body.get("free_memory"):
            world.engine.forget_cache()
        return web.Response()

    async def get_history(request: web.Request) -> web.StreamResponse:
        most = int(request.query["max_items"]) if "max_items" in request.query else None
        offset = int(request.query.get("offset", -1))
        return _history(list(world.engine.history.items()), most, offset)

    async def get_history_entry(request: web.Request) -> web.StreamResponse:
        prompt_id = request.match_info["prompt_id"]
        entry = world.engine.history.get(prompt_id)
        return _history([] if entry is None else [(prompt_id, entry)])

    async def post_history(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if body.get("clear"):
            world.engine.history.clear()
        for prompt_id in body.get("delete") or ():
            world.engine.history.pop(prompt_id, None)
        return web.Response()

    return [
        ("GET", "/ws", ws),
        ("GET", "/prompt", get_prompt),
        ("POST", "/prompt", post_prompt),
        ("GET", "/queue", get_queue),
        ("POST", "/queue", post_queue),
        ("POST", "/interrupt", interrupt),
        ("POST", "/free", free),
        ("GET", "/history", get_history),
        ("GET", "/history/{prompt_id}", get_history_entry),
        ("POST", "/history", post_history),
    ]


def _history(entries: list[tuple[str, str]], most: int | None = None, offset: int = -1) -> web.Response:
    """Return history entries, which are JSON already; the slicing is ComfyUI's (execution.py get_history)."""
    if offset < 0 and most is not None:
        offset = len(entries) - most
    chosen = entries[max(0, offset) :]
    if most is not None:
        # ComfyUI counts after it has added one, so that even 0 gives one item.
        chosen = chosen[: max(1, most)]
    text = ", ".join(f"{json.dumps(prompt_id)}: {entry}" for prompt_id, entry in chosen)
    return web.Response(text=f"{{{text}}}", content_type="application/json")


def _file_routes(world: World) -> list[tuple[str, str, Handler]]:
    async def get_view(request: web.Request) -> web.StreamResponse:
        return view.view(request, world.engine.files)

    async def upload_image(request: web.Request) -> web.StreamResponse:
        return await view.upload(request, world.engine.files)

    async def upload_mask(request: web.Request) -> web.StreamResponse:
        return await view.upload(request, world.engine.files, mask=True)

    return [
        ("GET", "/view", get_view),
        ("POST", "/upload/image", upload_image),
        ("POST", "/upload/mask", upload_mask),
    ]


def _info_routes(world: World) -> list[tuple[str, str, Handler]]:
    def answer(make: Callable[[], Any]) -> Handler:
        async def handler(request: web.Request) -> web.StreamResponse:
            return web.json_response(make())

        return handler

    async def one_class(request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        known = info.node_definitions(world.library)
        return web.json_response({name: known[name]} if name in known else {})

    def folder(shape: Callable[[list[str]], Any]) -> Handler:
        async def handler(request: web.Request) -> web.StreamResponse:
            names = info.models(world.library).get(request.match_info["folder"])
            return web.Response(status=404) if names is None else web.json_response(shape(names))

        return handler

    return [
        ("GET", "/object_info", answer(lambda: info.node_definitions(world.library))),
        ("GET", "/object_info/{name}", one_class),
        ("GET", "/system_stats", answer(lambda: info.system_stats(world.library.environment))),
        ("GET", "/features", answer(lambda: FEATURES)),
        ("GET", "/embeddings", answer(lambda: _stems(info.models(world.library)["embeddings"]))),
        ("GET", "/extensions", answer(list)),
        ("GET", "/models", answer(lambda: list(info.models(world.library)))),
        ("GET", "/models/{folder}", folder(lambda names: names)),
        ("GET", "/experiment/models", answer(lambda: info.experiment_folders(info.models(world.library)))),
        ("GET", "/experiment/models/{folder}", folder(info.experiment_models)),
        ("GET", "/users", answer(lambda: {"storage": "server", "migrated": False})),
        ("GET", "/settings", answer(dict)),
    ]


def _stems(names: list[str]) -> list[str]:
    return [name.rpartition(".")[0] or name for name in names]
