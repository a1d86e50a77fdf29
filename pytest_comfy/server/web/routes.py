"""The routes, plain and under /api, and ComfyUI's manner of refusing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from ...golden import GoldenError
from ...workflow.secrets import secret_headers
from ..execution import posting
from ..recordings.facts import facts_of
from ..wire.messages import MAX_UPLOAD, features
from .about import about_routes
from .assets import add_asset_routes
from .exchanges import serve_recorded
from .internal import add_internal_routes
from .jobs import job_routes
from .life import Handler, Life, Route, World, lives
from .pages import add_files, cache_control, page_routes
from .policy import any_origin, content_policy, origin_only
from .uploads import upload
from .users import user_routes
from .view import view

_BAD_REQUEST = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    RecursionError,
    OSError,
    GoldenError,
)


@web.middleware
async def _manners(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn bad requests into ComfyUI's silent 500."""
    try:
        return await handler(request)
    except _BAD_REQUEST:
        text = "500 Internal Server Error\n\nServer got itself in trouble"
        response = web.Response(status=500, text=text)
        response.force_close()
        return response


def make_app(world: World) -> web.Application:
    """Return the application."""
    life = lives(world)
    web_root = world.web_root

    @web.middleware
    async def with_faults(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await (world.faults.answer(request, handler) if world.faults else handler(request))

    middlewares = [
        with_faults,
        cache_control(life),
        _manners,
        origin_only(life) if world.cors_origin is None else any_origin(world.cors_origin),
        content_policy(life),
        serve_recorded(life, world.behind),
    ]
    app = web.Application(middlewares=middlewares, client_max_size=MAX_UPLOAD)
    routes = [
        *_run_routes(world),
        *_file_routes(life),
        *about_routes(life, web_root),
        *user_routes(life),
        *job_routes(life),
        *page_routes(life, web_root),
    ]
    for prefix in ("/api", ""):
        for method, path, handler in routes:
            if method == "GET":
                app.router.add_get(prefix + path, handler)
            else:
                app.router.add_route(method, prefix + path, handler)
    add_internal_routes(app, life)
    add_asset_routes(app, life)
    add_files(app, web_root)
    return app


def _run_routes(world: World) -> list[Route]:
    async def ws(request: web.Request) -> web.StreamResponse:
        def told() -> Mapping[str, Any]:
            return facts_of(world.library).recorded("/features") or features(world.version)

        return await world.hub.serve(request, told, lambda client: world.engine.greet(client))

    async def get_prompt(request: web.Request) -> web.StreamResponse:
        return web.json_response({"exec_info": {"queue_remaining": world.engine.remaining}})

    async def post_prompt(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        source = request.headers.get("Comfy-Usage-Source")
        answer = posting.post_prompt(body, world, secret_headers(request.headers.items()), source)
        if isinstance(answer, posting.Unanswered):
            assert world.behind is not None
            answer = await world.behind.answer(answer, body)
        status, reply = answer
        return web.json_response(reply, status=status)

    async def get_queue(request: web.Request) -> web.StreamResponse:
        running = [job.as_item() for job in world.engine.running]
        pending = [job.as_item() for job in world.engine.pending]
        return web.json_response({"queue_running": running, "queue_pending": pending})

    async def post_queue(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if _told(body, "clear"):
            world.engine.clear()
        for prompt_id in _told(body, "delete"):
            world.engine.delete(prompt_id)
        return web.Response()

    async def interrupt(request: web.Request) -> web.StreamResponse:
        try:
            body = await request.json()
        except json.JSONDecodeError:
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
        if _told(body, "clear"):
            world.engine.history.clear()
        for prompt_id in _told(body, "delete"):
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


def _told(body: Any, name: str) -> Any:
    """Return a member of a body. ComfyUI looks whether it is there, so that a list or a text passes for an object."""
    return body[name] if name in body else ()  # noqa: SIM401


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


def _file_routes(life: Callable[[], Life]) -> list[Route]:
    async def get_view(request: web.Request) -> web.StreamResponse:
        return view(request, life().files, life().version)

    async def upload_image(request: web.Request) -> web.StreamResponse:
        return await upload(request, life().files)

    async def upload_mask(request: web.Request) -> web.StreamResponse:
        return await upload(request, life().files, mask=True)

    return [
        ("GET", "/view", get_view),
        ("POST", "/upload/image", upload_image),
        ("POST", "/upload/mask", upload_mask),
    ]
