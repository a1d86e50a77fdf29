"""Faults of HTTP: what a client meets on a bad day of the server, or of a proxy before it.

`path` may have wildcards, and stands for the same path below /api as well; `method` None stands for all.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from aiohttp import web

from .model import Fault, Handler, RequestFault, check_seconds, is_socket

_CHUNK = 16
_GARBAGE = b"\x00pytest-comfy\xff"


def http_status(
    status: int, *, text: str = "", path: str = "*", method: str | None = None, nth: int = 1, times: int = 1
) -> Fault:
    """Answer with this status and text instead of handling the request."""
    if not 200 <= status <= 599:
        raise ValueError(f"http_status: status={status} is none of a final answer: 200 to 599")

    async def act(request: web.Request, handler: Handler) -> web.StreamResponse:
        return web.Response(status=status, text=text)

    return RequestFault("http_status", act, method, path, nth, times)


def slow(seconds: float, *, path: str = "*", method: str | None = None, nth: int = 1, times: int = 1) -> Fault:
    """Handle the request at once and answer it late: a prompt's messages come before the answer to its post.

    The handshake of a WebSocket, whose handling ends with the connection, is late as a whole.
    """
    check_seconds("slow", seconds)

    async def act(request: web.Request, handler: Handler) -> web.StreamResponse:
        if is_socket(request):
            await asyncio.sleep(seconds)
            return await handler(request)
        response = await handler(request)
        await asyncio.sleep(seconds)
        return response

    return RequestFault("slow", act, method, path, nth, times)


def trickle(
    seconds: float, *, chunk: int = _CHUNK, path: str = "*", method: str | None = None, nth: int = 1, times: int = 1
) -> Fault:
    """Send the body in pieces of `chunk` bytes, with so many seconds between them."""
    check_seconds("trickle", seconds)
    if chunk < 1:
        raise ValueError(f"trickle: chunk={chunk} is no number of bytes to send: at least 1")

    async def act(request: web.Request, handler: Handler) -> web.StreamResponse:
        response, body = await _answered(request, handler)
        if not body:
            return response
        stream = _begun(response, len(body))
        with contextlib.suppress(ConnectionError):  # the client does not wait so long
            await stream.prepare(request)
            for at in range(0, len(body), chunk):
                if at:
                    await asyncio.sleep(seconds)
                await stream.write(body[at : at + chunk])
            await stream.write_eof()
        return stream

    return RequestFault("trickle", act, method, path, nth, times, whole=True)


def truncated(share: float = 0.5, *, path: str = "*", method: str | None = None, nth: int = 1, times: int = 1) -> Fault:
    """Promise the whole body, send this share of it (0 to less than 1) and end the connection."""
    if not 0 <= share < 1:
        raise ValueError(f"truncated: share={share} is no part of a body: 0 to less than 1")

    async def act(request: web.Request, handler: Handler) -> web.StreamResponse:
        response, body = await _answered(request, handler)
        # An empty body cannot be cut: one byte is promised and not sent.
        stream = _begun(response, max(1, len(body)))
        with contextlib.suppress(ConnectionError):
            await stream.prepare(request)
            await stream.write(body[: int(len(body) * share)])
        if request.transport is not None:
            request.transport.close()  # sends what is written, which `abort` may not
        return stream

    return RequestFault("truncated", act, method, path, nth, times, whole=True)


def content_type(
    media_type: str = "text/html",
    *,
    path: str = "*",
    method: str | None = None,
    nth: int = 1,
    times: int = 1,
) -> Fault:
    """Send the right body under the wrong Content-Type."""
    if not (media_type and media_type.isascii() and media_type.isprintable()):
        raise ValueError(f"content_type: media_type={media_type!r} cannot stand in a header")

    async def act(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        response.headers["Content-Type"] = media_type
        return response

    return RequestFault("content_type", act, method, path, nth, times, whole=True)


def malformed_json(*, path: str = "*", method: str | None = None, nth: int = 1, times: int = 1) -> Fault:
    """Send a body that breaks off in the middle of its JSON, as long as the answer says."""

    async def act(request: web.Request, handler: Handler) -> web.StreamResponse:
        response, body = await _answered(request, handler)
        return _with_body(response, _broken_json(body))

    return RequestFault("malformed_json", act, method, path, nth, times, whole=True)


def _broken_json(body: bytes) -> bytes:
    """Return the first half of a body, and see to it that it is no JSON: half a number is one."""
    half = body[: len(body) // 2]
    try:
        json.loads(half)
    except (ValueError, RecursionError):
        return half or b"{"
    return b"{" + half


def drop_connection(*, path: str = "*", method: str | None = None, nth: int = 1, times: int = 1) -> Fault:
    """Cut the connection instead of answering; the request is not handled."""

    async def act(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    return RequestFault("drop_connection", act, method, path, nth, times)


def image_missing(*, path: str = "/view", nth: int = 1, times: int = 0) -> Fault:
    """Answer 404 to downloads: the run is told of, its picture is gone."""

    async def act(request: web.Request, handler: Handler) -> web.StreamResponse:
        return web.Response(status=404)

    return RequestFault("image_missing", act, "GET", path, nth, times)


def corrupted_image(*, path: str = "/view", nth: int = 1, times: int = 0) -> Fault:
    """Send downloads of the right length, with garbage in place of their second half."""

    async def act(request: web.Request, handler: Handler) -> web.StreamResponse:
        response, body = await _answered(request, handler)
        half = len(body) // 2
        garbage = (_GARBAGE * (len(body) // len(_GARBAGE) + 1))[: len(body) - half]
        return _with_body(response, body[:half] + garbage) if body else response

    return RequestFault("corrupted_image", act, "GET", path, nth, times, whole=True)


def disk_full(*, path: str = "/upload/*", nth: int = 1, times: int = 0) -> Fault:
    """Fail uploads as ComfyUI does when its disk is full: the error is not caught, the answer a bare 500."""

    async def act(request: web.Request, handler: Handler) -> web.StreamResponse:
        await request.read()
        text = "500 Internal Server Error\n\nServer got itself in trouble"
        response = web.Response(status=500, text=text)
        response.force_close()
        return response

    return RequestFault("disk_full", act, "POST", path, nth, times)


def history_lags(times: int = 3, *, nth: int = 1) -> Fault:
    """Answer `{}` to the first questions for the history of a finished run: its entry comes late.

    Questions that have no entry to tell of are not counted. The queue has forgotten the run meanwhile.
    """
    return _HistoryLags(nth, times)


class _HistoryLags(RequestFault):
    def __init__(self, nth: int, times: int) -> None:
        super().__init__("history_lags", self._late, "GET", "/history/*", nth, times)

    def meets(self, request: web.Request) -> bool:
        """Meet every question: whether it counts is known when it is answered."""
        return self.concerns(request)

    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a question, late or not; only the late ones are noted."""
        return await self._late(request, handler)

    async def _late(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        response, body = await _answered(request, handler)
        try:
            has_entry = bool(json.loads(body))
        except ValueError:
            has_entry = False  # another fault has broken it
        if not has_entry or not self.is_due():
            return response
        self.fire()
        return _with_body(response, b"{}")


async def _answered(request: web.Request, handler: Handler) -> tuple[web.StreamResponse, bytes]:
    """Return an answer and its body; an answer without one, such as a 304, has an empty body."""
    response = await handler(request)
    if isinstance(response, web.FileResponse):
        text = f"pytest-comfy: {request.path} is sent from a file, which this fault cannot change: aim it elsewhere\n"
        raise web.HTTPInternalServerError(text=text)
    body: Any = response.body if isinstance(response, web.Response) else None
    return response, bytes(body or b"")


def _begun(response: web.StreamResponse, length: int) -> web.StreamResponse:
    stream = web.StreamResponse(status=response.status, headers=_headers(response))
    stream.content_length = length
    return stream


def _with_body(response: web.StreamResponse, body: bytes) -> web.Response:
    return web.Response(status=response.status, headers=_headers(response), body=body)


def _headers(response: web.StreamResponse) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name != "Content-Length"}
