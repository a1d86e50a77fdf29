"""The server of the review page: on 127.0.0.1 alone, and for whoever has its token alone."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Container, Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import web

from ...server.threaded import ThreadedServer
from ..html import assets
from ..reading import Refused
from .decisions import APPROVED, LONGEST_REASON, REJECTED
from .guard import Keys, guard, refused, tell_browsers
from .sending import send_file

if TYPE_CHECKING:
    from .desk import Desk, Sheets

_LARGEST_BODY = 2**16
_INDEX = "index.html"
_TYPES = {"js": "text/javascript", "css": "text/css"}


class ReviewServer(ThreadedServer):
    """Serves the report of a desk, and takes the decisions that are made on its page.

    secret  that of the desk's pages
    port    0 picks a free one
    """

    def __init__(self, desk: Desk, secret: str, port: int = 0) -> None:
        super().__init__("127.0.0.1", port, "the review page")
        self._desk = desk
        self._keys = Keys(secrets.token_urlsafe(32), secret)
        self._pages: Container[str] = ()
        self._assets = {path: content.encode() for path, content in assets.served().items()}

    @property
    def address(self) -> str:
        """The address of the page, with its token. Raises RuntimeError before `start()`."""
        return f"{self.url}/?token={self._keys.token}"

    def ticket(self) -> str:
        """Return an address of the page that can be opened once."""
        ticket = secrets.token_urlsafe(32)
        self._keys.add_ticket(ticket)
        return f"{self.url}/?token={ticket}"

    async def open(self) -> web.Application:
        """Make the application."""
        keys = self._keys
        app = web.Application(middlewares=[guard(lambda: self._bound, keys)], client_max_size=_LARGEST_BODY)
        app.on_response_prepare.append(tell_browsers(assets.policy(inline=False), self._paths))
        app.router.add_route("GET", "/-/state", self._state)
        app.router.add_route("GET", "/{path:.*}", self._get)
        app.router.add_route("POST", "/-/check", self._check)
        app.router.add_route("POST", "/-/decide", self._decide)
        app.router.add_route("POST", "/-/undo", self._undo)
        return app

    def _paths(self) -> Container[str]:
        return self._pages

    async def _sheets(self) -> Sheets:
        sheets: Sheets = await _done(self._desk.sheets)
        self._pages = {"", *sheets.pages}
        return sheets

    async def _get(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        if path in self._assets:
            return web.Response(body=self._assets[path], content_type=_TYPES[path.rpartition(".")[2]], charset="utf-8")
        sheets = await self._sheets()
        if (page := sheets.pages.get(path or _INDEX)) is not None:
            return web.Response(text=page, content_type="text/html")
        if path not in sheets.files:
            raise refused("there is no such page or file in the report", 404)
        return await send_file(request, self._desk.report, path)

    async def _state(self, request: web.Request) -> web.StreamResponse:
        await self._sheets()
        return web.json_response(await _done(self._desk.state))

    async def _check(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request, {"version": str, "case": str})
        return web.json_response({"refused": await _done(self._desk.check, body["version"], body["case"])})

    async def _decide(self, request: web.Request) -> web.StreamResponse:
        kinds = {"version": str, "case": str, "output": (str, type(None)), "decision": str, "reason": str}
        body = await _body(request, kinds)
        if body["decision"] not in (APPROVED, REJECTED) or len(body["reason"]) > LONGEST_REASON:
            raise refused("that is no decision", 400)
        await _done(self._desk.decide, *body.values())
        return web.json_response(await _done(self._desk.state, body["case"]))

    async def _undo(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request, {"version": str, "number": int})
        case = await _done(self._desk.undo, body["version"], body["number"])
        return web.json_response(await _done(self._desk.state, case))


async def _body(request: web.Request, kinds: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was sent, which has just these keys, in this order, and values of these kinds."""
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError):
        raise refused("that is no JSON", 400) from None
    if not isinstance(body, dict) or body.keys() != kinds.keys():
        raise refused("that is nothing that the page would ask", 400)
    if any(isinstance(body[key], bool) or not isinstance(body[key], kind) for key, kind in kinds.items()):
        raise refused("that is nothing that the page would ask", 400)
    return {key: body[key] for key in kinds}


async def _done(act: Any, *values: Any) -> Any:
    """Do something that reads or writes files, beside the loop; what is refused is answered with its sentence."""
    try:
        return await asyncio.to_thread(act, *values)
    except Refused as error:
        raise refused(str(error), 409) from error
