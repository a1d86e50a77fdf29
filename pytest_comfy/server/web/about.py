"""The routes by which a server tells of itself: nodes, models, machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from ..recordings.replacing import replacements_of
from ..versions import Trait
from ..wire.messages import features
from . import info
from .life import Handler, Life, Route
from .pages import extensions, not_found


def about_routes(life: Callable[[], Life], web_root: Path | None) -> list[Route]:
    """Return the routes."""

    def answer(make: Callable[[Life], Any]) -> Handler:
        async def handler(request: web.Request) -> web.StreamResponse:
            return web.json_response(make(life()))

        return handler

    def since(trait: Trait, handler: Handler) -> Handler:
        async def handled(request: web.Request) -> web.StreamResponse:
            return await (handler if life().version.has(trait) else not_found)(request)

        return handled

    async def object_info(request: web.Request) -> web.StreamResponse:
        body = life().facts.object_info(life().files)
        return web.Response(body=body, content_type="application/json", charset="utf-8")

    async def one_class(request: web.Request) -> web.StreamResponse:
        return web.json_response(life().facts.one_class(request.match_info["name"], life().files))

    async def models(request: web.Request) -> web.StreamResponse:
        names = _models(life()).get(request.match_info["folder"])
        return web.Response(status=404) if names is None else web.json_response(names)

    async def experiment_models(request: web.Request) -> web.StreamResponse:
        folder = request.match_info["folder"]
        names, facts = _models(life()).get(folder), life().facts.model_facts()
        if names is None:
            return web.Response(status=404)
        return web.json_response(info.experiment_models(names, lambda name: facts.get((folder, name), {})))

    async def view_metadata(request: web.Request) -> web.StreamResponse:
        asked = request.match_info["folder"], request.query.get("filename", "")
        told = info.view_metadata(life().facts.model_facts().get(asked, {}))
        # ComfyUI answers so for a model without metadata too: the fake has no models to read.
        return web.Response(status=404) if told is None else web.json_response(told)

    async def model_preview(request: web.Request) -> web.StreamResponse:
        index = int(request.match_info["index"])
        if request.match_info["folder"] in _models(life()) and index not in (-1, 0):
            raise IndexError("a folder of models has one place here")
        return web.Response(status=404)

    return [
        ("GET", "/object_info", object_info),
        ("GET", "/object_info/{name}", one_class),
        ("GET", "/system_stats", answer(lambda now: info.system_stats(now.facts.environment, now.version))),
        ("GET", "/features", answer(lambda now: features(now.version))),
        ("GET", "/embeddings", answer(lambda now: [_stem(name) for name in _models(now)["embeddings"]])),
        ("GET", "/extensions", answer(lambda now: extensions(web_root))),
        ("GET", "/models", answer(lambda now: list(_models(now)))),
        ("GET", "/models/{folder}", models),
        ("GET", "/experiment/models", answer(lambda now: info.experiment_folders(_models(now), now.version))),
        ("GET", "/experiment/models/{folder}", experiment_models),
        ("GET", "/experiment/models/preview/{folder}/{index}/{name:.*}", model_preview),
        ("GET", "/view_metadata/{folder}", view_metadata),
        ("GET", "/workflow_templates", answer(lambda now: {})),
        ("GET", "/i18n", answer(lambda now: {})),
        ("GET", "/global_subgraphs", since(Trait.MODERN, answer(lambda now: {}))),
        ("GET", "/global_subgraphs/{id}", since(Trait.MODERN, answer(lambda now: None))),
        ("GET", "/node_replacements", since(Trait.NODE_REPLACEMENTS, answer(lambda now: replacements_of(now.library)))),
    ]


def _models(life: Life) -> dict[str, list[str]]:
    return life.facts.models(life.version)


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name
