"""The fake server as a respx route: code that uses httpx is answered in this process, without a port.

A request of httpx goes as bytes into aiohttp's own protocol object, and the answer comes out of httpcore's
own parser: status, headers, bodies and errors are those of a connection over a network.
Needs the extra `httpx`.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Awaitable
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpcore
import httpx
import respx
from aiohttp import web

from .fake import FakeComfyServer
from .faults.events import RefuseConnections

URL = "http://127.0.0.1:8188"
"""Where ComfyUI listens when it is not told otherwise."""

ROUTE = "comfyui"
"""Name of the route that stands for the server."""

_PORTS = {"http": 80, "https": 443}
_ERRORS: dict[type[Exception], type[httpx.RequestError]] = {
    httpcore.ConnectError: httpx.ConnectError,
    httpcore.ReadTimeout: httpx.ReadTimeout,
    httpcore.ReadError: httpx.ReadError,
    httpcore.WriteError: httpx.WriteError,
    httpcore.LocalProtocolError: httpx.LocalProtocolError,
    httpcore.RemoteProtocolError: httpx.RemoteProtocolError,
}
_REFUSED = "[Errno 111] Connection refused"

_awaited: ContextVar[bool] = ContextVar("_awaited", default=False)
"""Whether the request that is being resolved comes from an AsyncClient."""


class InProcess:
    """A fake server that httpx finds at one or several URLs while a `with` block lasts.

    server  runs in its thread; one made with listen=False will do
    urls    where it is to be found, `URL` where none is given; raises ValueError for what is no such URL

    Requests to other places raise respx's error unless `router` has a route for them. Routes that a test adds
    win over the server where they name what they are for. Answers are complete when httpx gets them: a body
    that breaks off is met when the request is sent, not while a stream is read. WebSockets are not spoken.
    """

    def __init__(self, server: FakeComfyServer, *urls: str) -> None:
        self.server = server
        self.router: respx.MockRouter = _Router(assert_all_called=False)
        self._bases = [_Base.of(url) for url in urls or (URL,)]
        self._url = (urls or (URL,))[0].rstrip("/")
        self._route = self.router.route(scheme__in=list(_PORTS), name=ROUTE).mock(side_effect=self._resolve)

    def __enter__(self) -> Self:
        self.router.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.router.stop(quiet=True)

    @property
    def url(self) -> str:
        """The first of its URLs, no slash at the end."""
        return self._url

    def mock(self, url: str) -> None:
        """Let the server be found at this URL as well; raises ValueError for what is no URL of http or https."""
        self._bases.append(_Base.of(url))

    def _resolve(self, request: httpx.Request) -> httpx.Response | Awaitable[httpx.Response] | None:
        """Answer as a side effect of respx; None lets it look at the next route."""
        targets = [target for base in self._bases if (target := base.target(request.url)) is not None]
        if not targets or self._is_for_the_test(request):
            return None
        future = self._asked(request, targets[0])
        return asyncio.wrap_future(future) if _awaited.get() else _result(future)

    def _is_for_the_test(self, request: httpx.Request) -> bool:
        # respx takes the first route that matches, and ours is the first. A route without a pattern is for all
        # the rest, which the server is no part of.
        others = [route for route in self.router.routes if route is not self._route]
        return any(route.pattern and route.pattern.match(request) for route in others)

    def _asked(self, request: httpx.Request, target: bytes) -> concurrent.futures.Future[httpx.Response]:
        loop = self.server.loop
        asking = _answer(self.server, request, target)
        try:
            if loop is not None:
                return asyncio.run_coroutine_threadsafe(asking, loop)
        except RuntimeError:  # closed since
            pass
        asking.close()
        raise httpx.ConnectError(_REFUSED, request=request)


class _Router(respx.MockRouter):
    """Lets side effects know whether they may be awaited, which respx does not tell them."""

    def resolve(self, request: httpx.Request) -> Any:
        token = _awaited.set(False)
        try:
            return super().resolve(request)
        finally:
            _awaited.reset(token)

    async def aresolve(self, request: httpx.Request) -> Any:
        token = _awaited.set(True)
        try:
            return await super().aresolve(request)
        finally:
            _awaited.reset(token)


@dataclass(frozen=True, slots=True)
class _Base:
    """What a URL must begin with: scheme, host, port and the folders of its path."""

    place: tuple[str, str, int | None]
    folders: bytes

    @classmethod
    def of(cls, url: str) -> _Base:
        try:
            parsed = httpx.URL(url)
        except (httpx.InvalidURL, TypeError):
            parsed = httpx.URL("")
        if parsed.scheme not in _PORTS or not parsed.host or parsed.query or parsed.fragment:
            raise ValueError(f"{url!r} is no URL of a server: give one such as {URL}")
        return cls(_place(parsed), parsed.raw_path.rstrip(b"/"))

    def target(self, url: httpx.URL) -> bytes | None:
        """Return path and query as the server is to see them, or None for a URL of somewhere else."""
        rest = url.raw_path.removeprefix(self.folders)
        outside = not url.raw_path.startswith(self.folders) or rest[:1] not in (b"", b"/", b"?")
        if _place(url) != self.place or outside:
            return None
        return rest if rest.startswith(b"/") else b"/" + rest


def _place(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or _PORTS.get(url.scheme)


def _result(future: concurrent.futures.Future[httpx.Response]) -> httpx.Response:
    try:
        return future.result()
    except BaseException:
        # Ctrl-C must not leave the server at work on what nobody waits for.
        future.cancel()
        raise


async def _answer(server: FakeComfyServer, request: httpx.Request, target: bytes) -> httpx.Response:
    """Ask the server on its own loop, over a connection for this request alone.

    Obeys the read timeout of the request; raises httpx.RequestError.
    """
    url = httpcore.URL(scheme=b"http", host=b"in-process", target=target)
    asked = httpcore.Request(
        request.method.encode("ascii"),
        url,
        headers=request.headers.raw,
        content=request.content,
        extensions={"timeout": request.extensions.get("timeout", {})},
    )
    try:
        async with httpcore.AsyncHTTP11Connection(url.origin, _connect(server)) as connection:
            response = await connection.handle_async_request(asked)
            if response.status == 101:
                raise httpx.UnsupportedProtocol(
                    "a WebSocket needs a server that listens: use the fixture comfy_server", request=request
                )
            body = await response.aread()
    except tuple(_ERRORS) as error:
        raise _ERRORS[type(error)](str(error), request=request) from error
    told = {name: response.extensions[name] for name in ("http_version", "reason_phrase")}
    stream = httpx.ByteStream(body)
    return httpx.Response(response.status, headers=response.headers, stream=stream, extensions=told, request=request)


def _connect(server: FakeComfyServer) -> _Connection:
    runner: web.AppRunner | None = server.runner
    refused = any(isinstance(fault, RefuseConnections) for fault in server.faults)
    if refused or runner is None or runner.server is None:
        raise httpcore.ConnectError(_REFUSED)
    return _Connection(_Transport(runner.server()))


class _Transport(asyncio.Transport):
    """The server's end of a connection in memory; `received` is what it has sent."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        super().__init__({"peername": ("127.0.0.1", 0), "sockname": ("127.0.0.1", 8188)})
        self.received = asyncio.StreamReader()
        self.protocol = protocol
        self._closing = False
        protocol.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        if not self._closing:
            self.received.feed_data(bytes(data))

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self.received.feed_eof()
            # As with a socket, the protocol hears of it later, not in the midst of what it does.
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    def abort(self) -> None:
        self.close()

    def pause_reading(self) -> None:
        """Go on: the whole request is in memory anyway."""

    def resume_reading(self) -> None:
        """Nothing was paused."""


class _Connection(httpcore.AsyncNetworkStream):
    """The client's end."""

    def __init__(self, transport: _Transport) -> None:
        self._transport = transport

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            return await asyncio.wait_for(self._transport.received.read(max_bytes), timeout)
        except TimeoutError:
            raise httpcore.ReadTimeout("timed out") from None

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if self._transport.is_closing():
            raise httpcore.WriteError("connection closed by the server")
        self._transport.protocol.data_received(buffer)

    async def aclose(self) -> None:
        self._transport.close()
