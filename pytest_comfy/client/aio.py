"""The wire of asyncio: HTTP and WebSocket by aiohttp, with the limits that the one that waits has."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import urlencode
from weakref import WeakSet

import aiohttp
from aiohttp import WSCloseCode, WSMsgType
from yarl import URL

from ..access import Access
from ..memory import SHARE, Budget
from ..text import plain
from .encoding import ACCEPTED, EncodingError
from .errors import ServerUnreachable
from .messages import (
    HELD,
    HELLO,
    Message,
    TooLong,
    binary_message,
    excuse,
    most_bytes,
    socket_address,
    text_message,
    too_long,
)
from .reply import (
    CHUNK,
    CONNECT_SECONDS,
    REFUSED,
    Body,
    Reply,
    allowed_by,
    certificate_told,
    innermost,
    reason_in,
    require_comfy,
)
from .waiters import Waiters
from .wire import Stream

_CLOSING_SECONDS = 1.0
_NO_TUNNEL = (
    "aiohttp asks the proxy that the environment names for no tunnel to http: name the server in NO_PROXY, "
    "give its https address, or use ComfyClient"
)
_PROXY = "the proxy that the environment names does not lead there"


class Aio:
    """The wire of a client that others go on beside. Its connections belong to the event loop that first used them.

    They are closed by `close`, else with their loop.
    """

    def __init__(self, access: Access, budget: Budget, timeout: float = 30.0) -> None:
        self.access = access
        self.url = access.url
        self.budget = budget
        self.timeout = timeout
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None
        self._life: AsyncGenerator[None, None] | None = None
        self._streams: WeakSet[AioStream] = WeakSet()
        self._ssl = access.ssl_context() if access.is_secure else True
        self._proxy = access.proxy()

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop that its connections belong to, None without any."""
        return self._loop

    async def request(
        self,
        method: str,
        path: str,
        *,
        limit: int | None = None,
        parsed: bool = True,
        timeout: float | None = None,
        params: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        data: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Reply:
        """Send one request, as `Http.request` does."""
        seconds = self.timeout if timeout is None else timeout
        deadline = time.monotonic() + seconds
        what = f"{self.url}{path}"
        allowed = allowed_by(self.budget, limit, parsed)
        address = URL(f"{what}?{urlencode(params)}" if params else what, encoded=True)
        limits = aiohttp.ClientTimeout(total=seconds, sock_connect=min(seconds, CONNECT_SECONDS))
        form = _form(files, data) if files or data else None
        session = await self._opened()
        try:
            async with session.request(
                method, address, data=form, timeout=limits, proxy=self._proxy, allow_redirects=False, **more
            ) as response:
                body = Body(method, response.headers, allowed, deadline, what)
                async for piece in response.content.iter_chunked(CHUNK):
                    body.add(piece)
                reply = Reply(response.status, response.headers, body.whole(), what, allowed)
        except EncodingError as error:
            raise ServerUnreachable(f"{what}: {plain(error, 200)}") from error
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise ServerUnreachable(f"{what}: {_reason(error, time.monotonic() >= deadline)}") from error
        require_comfy(reply, self.access, what)
        return reply

    async def open_stream(self, client_id: str, timeout: float, max_memory: int) -> Stream:
        """Open a socket, with a task that reads it."""
        session = await self._opened()
        address = URL(socket_address(self.url, client_id), encoded=True)
        try:
            async with asyncio.timeout(timeout):
                socket = await session.ws_connect(
                    address,
                    proxy=self._proxy,
                    max_msg_size=most_bytes(max_memory),
                    timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSING_SECONDS),
                )
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            told = _no_socket(self.url, error)
            if self._proxy is not None and not self.access.is_secure:
                told += f"; {_NO_TUNNEL}"
            raise ServerUnreachable(told) from error
        stream = AioStream(socket, max_memory)
        self._streams.add(stream)
        try:
            async with asyncio.timeout(timeout):
                await stream.greet()
        except BaseException as error:
            await stream.close()
            if isinstance(error, (aiohttp.ClientError, TimeoutError, OSError, ValueError)):
                raise ServerUnreachable(f"{self.url}: no WebSocket at /ws (no greeting)") from error
            raise
        return stream

    def alone(self) -> AbstractAsyncContextManager[Any]:
        """Let one task of the loop at a time do what is in the block."""
        loop = asyncio.get_running_loop()
        if self._lock is None or self._lock[0] is not loop:
            self._lock = loop, asyncio.Lock()
        return self._lock[1]

    async def nap(self, seconds: float) -> None:
        """Let others go on for so long."""
        await asyncio.sleep(seconds)

    async def close(self) -> None:
        """Close the connections."""
        life, self._life = self._life, None
        if life is not None:
            await life.aclose()

    async def _opened(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if self._session is None or self._session.closed or self._loop is not loop:
            headers = {"Accept-Encoding": ACCEPTED, **self.access.headers}
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._ssl),
                headers=headers,
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
            self._loop = loop
            # An asynchronous generator that was begun is ended with its loop.
            self._streams = WeakSet()
            self._life = _open_until_closed(self._session, self._streams)
            await anext(self._life)
        return self._session


async def _open_until_closed(session: aiohttp.ClientSession, streams: WeakSet[AioStream]) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        for stream in [*streams]:
            await stream.close()
        await session.close()


class AioStream:
    """One socket with one client id; messages are buffered until they are asked for.

    Several may ask at once: when one has taken a message, the others are given none before their time, so that they
    look whether it was about them.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, max_memory: int) -> None:
        self._socket = socket
        self._max_memory = max_memory
        self._loop = asyncio.get_running_loop()
        self._most = min(HELD, max_memory // SHARE)
        self._items: deque[Message] = deque()
        self._size = 0
        self._rests = self._closed = False
        self._waiters = Waiters()
        self._reader: asyncio.Task[None] | None = None

    async def greet(self) -> None:
        """Wait for the greeting and begin to read; raises ValueError where the socket ends before."""
        while True:
            message = await self._receive()
            if message is not None and message.closed:
                raise ValueError("closed")
            if message is not None and message.told_as[0] == "status":
                break
        self._keep(message)
        await self._socket.send_str(HELLO)
        self._reader = asyncio.create_task(self._read(), name="comfy-events")

    @property
    def alive(self) -> bool:
        """Whether the socket is still open, as far as is known."""
        return self._reader is not None and not self._reader.done()

    @property
    def spent(self) -> bool:
        """Whether it was closed, and what it told before was taken."""
        return not self._items and (self._closed or not self.alive)

    async def next(self, timeout: float) -> Message | None:
        """Return the next message, None when none comes within `timeout` seconds, or another asker took it."""
        if not self._items and not self.spent:
            await self._waiters.change(max(0.0, timeout))
        if self._items:
            message = self._items.popleft()
            self._size -= message.size
            self._waiters.wake()
            return message
        return Message(time.monotonic(), closed=True) if self.spent else None

    def discard(self) -> None:
        """Forget what is buffered: messages between two runs belong to neither."""
        self._empty(rests=False)

    def rest(self) -> None:
        """Buffer nothing until the next `discard`: no run is going on."""
        self._empty(rests=True)

    async def close(self) -> None:
        """Close the socket and wait until the reader has ended."""
        self._closed = True
        self._waiters.wake()
        if self._loop is not asyncio.get_running_loop():
            return  # its own has ended, and closed it
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait([self._reader])
        with contextlib.suppress(aiohttp.ClientError, OSError, RuntimeError):  # it may be gone already
            await self._socket.close()

    async def _read(self) -> None:
        while True:
            message = await self._receive()
            while self._size > self._most and not self._rests:
                await self._waiters.change(None)
            if message is not None:
                self._keep(message)
                if message.closed:
                    return

    async def _receive(self) -> Message | None:
        frame = await self._socket.receive()
        now = time.monotonic()
        try:
            if frame.type is WSMsgType.TEXT:
                return text_message(now, frame.data.encode("utf-8", "surrogatepass"), self._max_memory)
            if frame.type is WSMsgType.BINARY:
                return binary_message(now, frame.data)
            if frame.type is WSMsgType.ERROR and getattr(frame.data, "code", 0) == WSCloseCode.MESSAGE_TOO_BIG:
                raise too_long(most_bytes(self._max_memory), excuse(self._max_memory))
        except TooLong as error:
            return Message(now, closed=True, told=str(error))
        return Message(now, closed=True)

    def _keep(self, message: Message) -> None:
        if not self._rests:
            self._items.append(message)
            self._size += message.size
            self._waiters.wake()

    def _empty(self, rests: bool) -> None:
        self._items.clear()
        self._size = 0
        self._rests = rests
        self._waiters.wake()


def _form(files: Mapping[str, tuple[str, bytes, str]] | None, fields: Mapping[str, str] | None) -> aiohttp.FormData:
    # Names go as they are: ComfyUI takes no escapes off.
    form = aiohttp.FormData(quote_fields=False)
    for name, (filename, content, kind) in (files or {}).items():
        form.add_field(name, content, filename=filename, content_type=kind)
    for name, value in (fields or {}).items():
        form.add_field(name, value)
    return form


def _no_socket(url: str, error: BaseException) -> str:
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return f"{url}: no WebSocket at /ws (answered {error.status})"
    if isinstance(error, TimeoutError):
        return f"{url}: no WebSocket at /ws (no answer in time)"
    return f"{url}: {_reason(error, False)}"


def _reason(error: BaseException, late: bool) -> str:
    text = str(error)
    if isinstance(error, (aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError)):
        return f"{_PROXY} ({plain(innermost(text), 120)})"
    if isinstance(error, aiohttp.ClientSSLError):
        return certificate_told(text)
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return "no connection in time"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "no whole answer in time" if late else "the answer broke off"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "unknown host"
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, ConnectionRefusedError):
        return REFUSED
    if (told := reason_in(text)) is not None:
        return told
    if isinstance(error, (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
        return "connection lost"
    return plain(text, 200) or "connection lost"
