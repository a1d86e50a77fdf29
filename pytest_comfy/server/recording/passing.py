"""HTTP passed through: streamed both ways, as it came but for what HTTP itself asks of a proxy."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import web

from ...golden.exchanges import parameters
from ...workflow.secrets import secret_headers
from .answers import MOST, Kept, bare_path, decoded, is_asked_for, is_kept
from .headers import end_to_end, target_of, to_upstream
from .sockets import Sockets, is_upgrade, with_upgrade
from .upstream import FAILURES, Upstream, said

_UPLOADS = ("/upload/image", "/upload/mask")
_DEFAULTS = ("Content-Type", "Date", "Server")
"""Headers that aiohttp adds to answers that have none of their own."""


@dataclass(frozen=True)
class Taken:
    """An answer that went by whole, and what it answered."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    body_sha256: str | None
    status: int
    headers: Mapping[str, str]
    kept: Kept


class Recorder(Protocol):
    """Who is told what went by."""

    def problem(self, text: str) -> None:
        """Note what is not recorded, and why."""

    def taken(self, answer: Taken) -> None:
        """Keep an answer."""

    async def before_history_changes(self) -> None:
        """Called before entries of the history are deleted."""

    def uploading(self) -> AbstractAsyncContextManager[Callable[[int, bytes], None]]:
        """Called around an upload; gives what is to be called with status and body of the answer."""

    def posting(
        self, body: bytes, headers: Mapping[str, Any]
    ) -> AbstractAsyncContextManager[Callable[[int, bytes], None]]:
        """Called around a prompt's post; gives what is to be called with status and body of the answer.

        headers  of the request, those that hold secrets
        """


class Given(web.StreamResponse):
    """An answer with the headers the server gave, and no others."""

    def __init__(self, status: int, reason: str | None, headers: Mapping[str, str]) -> None:
        super().__init__(status=status, reason=reason, headers=headers)
        self.given = {name.lower() for name in headers}


class Passing:
    """Answers every request with what the server answers to it."""

    def __init__(self, upstream: Upstream, sockets: Sockets, recorder: Recorder) -> None:
        self._upstream = upstream
        self._sockets = sockets
        self._recorder = recorder

    async def only_given_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        """Take out what aiohttp added; for its signal on_response_prepare."""
        if isinstance(response, Given):
            for name in _DEFAULTS:
                if name.lower() not in response.given:
                    response.headers.pop(name, None)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Pass one request through."""
        target = target_of(request.raw_path)
        if target is None:
            return web.Response(status=400, text="The recording proxy passes on requests for paths only.\n")
        try:
            if is_upgrade(request):
                passed = await self._sockets.tunnel(request)
                if passed is not None:
                    return passed
            if request.method == "POST" and bare_path(request.path) == "/prompt":
                return await self._prompt(request, target)
            if request.method == "POST" and bare_path(request.path) in _UPLOADS:
                return await self._upload(request, target)
            if request.method == "POST" and bare_path(request.path) == "/history":
                await self._recorder.before_history_changes()
            return await self._plain(request, target)
        except FAILURES as error:
            text = (
                f"The ComfyUI at {self._upstream.url} does not answer the recording proxy ({said(error)}): "
                "is it running there?\n"
            )
            return web.Response(status=502, text=text)

    async def _plain(self, request: web.Request, target: str) -> web.StreamResponse:
        query = parameters(bare_path(request.path), request.query.items())
        asked_for = is_asked_for(request.method, request.path, query)
        hashed = hashlib.sha256() if asked_for and request.can_read_body else None
        body = _body(request, hashed.update if hashed else None) if request.can_read_body else None
        async with self._ask(request, target, body) as answer:
            kept = Kept() if asked_for and is_kept(request.method, answer.status, answer.headers) else None
            whole = await _pass_back(request, answer, kept.take if kept else None)
            if kept is not None and whole.complete:
                self._recorder.taken(
                    Taken(
                        request.method,
                        request.path,
                        query,
                        hashed.hexdigest() if hashed else None,
                        answer.status,
                        answer.headers.copy(),
                        kept,
                    )
                )
            return whole.response

    async def _upload(self, request: web.Request, target: str) -> web.StreamResponse:
        body = _body(request, None) if request.can_read_body else None
        async with self._recorder.uploading() as answered, self._ask(request, target, body) as answer:
            kept = Kept()
            whole = await _pass_back(request, answer, kept.take)
            if whole.complete and not kept.too_large:
                answered(answer.status, decoded(kept.body, answer.headers.get("Content-Encoding", "")) or b"")
            return whole.response

    async def _prompt(self, request: web.Request, target: str) -> web.StreamResponse:
        parts: list[bytes] = []
        size = 0
        source = _body(request, None)
        async for part in source:
            parts.append(part)
            size += len(part)
            if size > MOST:
                self._recorder.problem(f"a prompt of more than {MOST >> 20} MiB is passed on and not recorded")
                async with self._ask(request, target, _chain(parts, source)) as answer:
                    return (await _pass_back(request, answer, None)).response
        body = b"".join(parts)
        async with self._recorder.posting(body, secret_headers(request.headers.items())) as answered:
            sent = _chain(parts, source) if request.can_read_body or parts else None
            async with self._ask(request, target, sent) as answer:
                kept = Kept()
                # Read to its end also for a client that has left: the prompt runs in any case.
                whole = await _pass_back(request, answer, kept.take, to_the_end=True)
                if not kept.too_large:
                    answered(answer.status, kept.body)
                return whole.response

    def _ask(self, request: web.Request, target: str, body: AsyncIterator[bytes] | None) -> Any:
        upstream = self._upstream
        headers = to_upstream(request.raw_headers, upstream.scheme, upstream.netloc)
        if is_upgrade(request):
            headers.extend(with_upgrade(request))
        return upstream.request(request.method, target, headers, body)


@dataclass(frozen=True)
class _PassedBack:
    response: web.StreamResponse
    complete: bool


async def _pass_back(
    request: web.Request, answer: Any, take: Callable[[bytes], None] | None, to_the_end: bool = False
) -> _PassedBack:
    """Give the client the answer; where the server breaks off, so does the connection to the client."""
    response = Given(answer.status, answer.reason, end_to_end(answer.raw_headers))
    gone = False
    try:
        await response.prepare(request)
    except OSError:
        gone = True
    try:
        async for part in answer.content.iter_any():
            if take is not None:
                take(part)
            if not gone:
                try:
                    await response.write(part)
                except OSError:
                    gone = True
            if gone and not to_the_end:
                return _PassedBack(response, False)
        if not gone:
            await response.write_eof()
    except asyncio.CancelledError:
        raise
    except FAILURES:
        # What was said so far stands; a proper end would make a part look like the whole.
        response.force_close()
        if request.transport is not None:
            request.transport.close()
        return _PassedBack(response, False)
    return _PassedBack(response, True)


async def _body(request: web.Request, take: Callable[[bytes], object] | None) -> AsyncIterator[bytes]:
    async for part in request.content.iter_any():
        if take is not None:
            take(part)
        yield part


async def _chain(parts: list[bytes], rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
    async for part in rest:
        yield part
