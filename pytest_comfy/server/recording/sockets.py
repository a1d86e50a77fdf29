"""WebSockets: a client's bytes passed through as they are, a copy of them read, and sockets of the proxy's own.

ComfyUI addresses the messages of a run to the socket of its client_id. A client that has none open, or leaves
early, would leave nothing to record: then, and only then, the proxy opens one under that id. The first socket of a
client that has posted already is served from it; before a later one it is closed, as ComfyUI knows one socket an id.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
import weakref
from collections import Counter
from collections.abc import Callable

from aiohttp import web

from .adopting import OPCODES, OwnSocket
from .frames import FrameError, FrameReader, close_frame
from .headers import target_of, to_upstream
from .tape import ANYONE, NOBODY, Message, read_message
from .upstream import FAILURES, Upstream

_CHUNK = 1 << 16
_HANDSHAKE_SECONDS = 10.0
_CLOSING_SECONDS = 2.0
_LATE_SECONDS = 1.0
"""For which the socket of our own outlives the first run of a client that has none yet."""

_HEAD = 1 << 16

Hear = Callable[[str, float, Message], None]
"""Source (client id), the clock's time, message."""


def is_upgrade(request: web.Request) -> bool:
    """Tell whether a request asks for a WebSocket."""
    words = {word.strip().lower() for word in request.headers.get("Connection", "").split(",")}
    return request.headers.get("Upgrade", "").strip().lower() == "websocket" and "upgrade" in words


class Passed(web.StreamResponse):
    """Stands for an answer whose bytes were written without aiohttp: there is nothing more to send."""

    async def prepare(self, request: web.BaseRequest) -> None:
        """Do nothing."""
        self.force_close()

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing."""


class Sockets:
    """All sockets to the server. `waits_for` tells whether runs go on whose messages a source would hear."""

    def __init__(
        self, upstream: Upstream, hear: Hear, closed: Callable[[str], None], waits_for: Callable[[str], bool]
    ) -> None:
        self._upstream = upstream
        self._hear = hear
        self._closed = closed
        self._waits_for = waits_for
        self._clients: Counter[str] = Counter()
        self._own: dict[str, tuple[OwnSocket, asyncio.Task[None]]] = {}
        self._met: set[str] = set()
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()
        self._tasks: set[asyncio.Task[None]] = set()
        self._tunnels: set[asyncio.StreamWriter] = set()
        self._listener = f"pytest-comfy-{uuid.uuid4().hex}"
        self._closing = False

    async def ensure(self, source: str) -> None:
        """Open a socket of our own for a source that has none; without one the run is recorded from history."""
        if source == NOBODY or self._closing:
            return
        lock = self._lock(source)
        async with lock:
            if self._clients[source] or source in self._own:
                return
            with contextlib.suppress(*FAILURES):
                socket = await self._upstream.socket(self._listener if source == ANYONE else source)
                # Asked for first, as only the first message may; it makes previews tell their node.
                flags = {"type": "feature_flags", "data": {"supports_preview_metadata": True}}
                await socket.send_str(json.dumps(flags))
                own = OwnSocket(socket)
                self._own[source] = (own, asyncio.create_task(self._listen(source, own)))

    async def release(self, source: str) -> None:
        """Close the socket of our own, if there is one, and see it closed."""
        lock = self._lock(source)
        async with lock:
            await self._release(source)

    async def release_idle(self, source: str) -> None:
        """Close the socket of our own unless a run still needs it, or its client is still to come."""
        if source in self._own and source not in self._met and source not in (ANYONE, NOBODY):
            await asyncio.sleep(_LATE_SECONDS)
        lock = self._lock(source)
        async with lock:
            if not self._waits_for(source) and not self._clients[source]:
                await self._release(source)

    async def close(self) -> None:
        """Close all sockets."""
        self._closing = True
        for source in list(self._own):
            await self.release(source)
        for writer in list(self._tunnels):
            writer.close()
        for task in list(self._tasks):
            task.cancel()

    async def tunnel(self, request: web.Request) -> web.StreamResponse | None:
        """Pass a client's WebSocket through, to its end; None when the server does not agree to it."""
        is_comfy = request.path in ("/ws", "/api/ws")
        source = request.query.get("clientId", "") if is_comfy else ""
        tunnel = _Tunnel(self._upstream, request)
        if source:
            # Held in a name: the dictionary keeps a lock only as long as somebody else does.
            lock = self._lock(source)
            async with lock:
                own = self._late(source, request)
                if own is None:
                    await self._release(source)
                    opened = await tunnel.open()
                self._met.add(source)
                self._clients[source] += own is not None or opened
            if own is not None:
                return await self._adopted(source, own, request)
        else:
            opened = await tunnel.open()
        if not opened:
            return None
        listener = _Listener(source, self._hear, self._learn) if is_comfy else None
        self._tunnels.add(tunnel.server)
        try:
            await tunnel.run(listener)
        finally:
            self._tunnels.discard(tunnel.server)
            if listener is not None:
                self._left(listener.source)
        return Passed()

    def _late(self, source: str, request: web.Request) -> OwnSocket | None:
        """Return the socket of our own that a client is served from which opens its first one after it has posted."""
        own = self._own.get(source)
        is_first = own is not None and source not in self._met and not self._clients[source]
        return own[0] if own is not None and is_first and web.WebSocketResponse().can_prepare(request).ok else None

    async def _adopted(self, source: str, own: OwnSocket, request: web.Request) -> web.StreamResponse:
        client = web.WebSocketResponse(compress=False, max_msg_size=0)
        try:
            await client.prepare(request)
            await own.serve(client)
        finally:
            self._left(source)
        await self.release_idle(source)
        return client

    def _lock(self, source: str) -> asyncio.Lock:
        return self._locks.setdefault(source, asyncio.Lock())

    def _learn(self, source: str) -> None:
        self._clients[source] += 1

    def _left(self, source: str) -> None:
        if not source:
            return
        self._clients[source] -= 1
        if self._clients[source] > 0:
            return
        del self._clients[source]
        self._closed(source)
        if self._waits_for(source) and not self._closing:
            task = asyncio.create_task(self.ensure(source))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _release(self, source: str) -> None:
        if source not in self._own:
            return
        own, task = self._own.pop(source)
        with contextlib.suppress(Exception):
            await asyncio.wait_for(own.socket.close(), _CLOSING_SECONDS)
        own.end()
        task.cancel()

    async def _listen(self, source: str, own: OwnSocket) -> None:
        with contextlib.suppress(*FAILURES):
            async for received in own.socket:
                if received.type not in OPCODES:
                    continue
                payload = received.data.encode() if isinstance(received.data, str) else received.data
                message = read_message(OPCODES[received.type], payload)
                if message is not None:
                    self._hear(source, time.monotonic(), message)
                if source not in (ANYONE, NOBODY):
                    own.take(OPCODES[received.type], payload)
        own.end()
        if self._own.get(source, (None,))[0] is own:
            del self._own[source]
        self._closed(source)


class _Listener:
    """Reads a copy of what the server sends to one client."""

    def __init__(self, source: str, hear: Hear, learn: Callable[[str], None]) -> None:
        self.source = source
        self.frames: FrameReader | None = None
        self._hear = hear
        self._learn = learn

    def take(self, data: bytes) -> None:
        """Read a piece; what cannot be read ends the reading, never the passing through."""
        if self.frames is None:
            return
        try:
            for opcode, payload in self.frames.feed(data):
                message = read_message(opcode, payload)
                if message is not None:
                    self._take(message)
        except FrameError:
            self.frames = None

    def _take(self, message: Message) -> None:
        sid = message.data.get("sid")
        if message.kind == "status" and isinstance(sid, str) and sid and not self.source:
            # The server chose the id; only this greeting tells it.
            self.source = sid
            self._learn(sid)
        if self.source:
            self._hear(self.source, time.monotonic(), message)


class _Hijacked(asyncio.StreamReaderProtocol):
    """Takes a connection over from aiohttp, which still hears of its end."""

    def __init__(self, reader: asyncio.StreamReader, before: asyncio.BaseProtocol) -> None:
        super().__init__(reader)
        self._before = before

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._before.connection_lost(exc)


class _Tunnel:
    """One WebSocket of a client, and the one to the server that belongs to it."""

    server: asyncio.StreamWriter

    def __init__(self, upstream: Upstream, request: web.Request) -> None:
        self._upstream = upstream
        self._request = request
        self._head = b""
        self._from_server = asyncio.StreamReader()

    async def open(self) -> bool:
        """Ask the server with the client's own words; whether it agreed. Raises one of FAILURES."""
        target = target_of(self._request.raw_path)
        if target is None:
            return False
        upstream = self._upstream
        headers = upstream.signed(to_upstream(self._request.raw_headers, upstream.scheme, upstream.netloc))
        headers["Connection"], headers["Upgrade"] = "Upgrade", "websocket"
        lines = [f"GET {upstream.prefix}{target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        async with asyncio.timeout(_HANDSHAKE_SECONDS):
            reader, writer = await upstream.connection(_HEAD)
            try:
                writer.write("\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape"))
                head = await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                head = b""
            except BaseException:
                writer.close()
                raise
        if head.split(b" ", 2)[1:2] != [b"101"]:
            writer.close()
            return False
        self._head, self._from_server, self.server = head, reader, writer
        return True

    async def run(self, listener: _Listener | None) -> None:
        """Pass bytes both ways until one side is gone, then end the other as it would have ended."""
        transport = self._request.transport
        if not isinstance(transport, asyncio.Transport) or transport.is_closing():
            await self._leave(None)
            return
        if listener is not None:
            listener.frames = FrameReader.agreed(_header(self._head, b"sec-websocket-extensions"))
        reader = asyncio.StreamReader()
        protocol = _Hijacked(reader, transport.get_protocol())
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        with contextlib.suppress(RuntimeError):
            transport.resume_reading()
        client = asyncio.StreamWriter(transport, protocol, reader, asyncio.get_running_loop())
        client.write(self._head)
        down = asyncio.create_task(self._down(client, listener))
        up = asyncio.create_task(self._up(reader))
        try:
            await asyncio.wait((down, up), return_when=asyncio.FIRST_COMPLETED)
            if not down.done():
                await self._leave(down)
        finally:
            up.cancel()
            down.cancel()
            self.server.close()
            client.close()
            await asyncio.gather(up, down, return_exceptions=True)

    async def _down(self, client: asyncio.StreamWriter, listener: _Listener | None) -> None:
        gone = False
        with contextlib.suppress(OSError):
            while data := await self._from_server.read(_CHUNK):
                gone = gone or client.is_closing()
                if not gone:
                    client.write(data)
                if listener is not None:
                    listener.take(data)
                if not gone:
                    try:
                        await client.drain()
                    except OSError:
                        gone = True

    async def _up(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                self.server.write(data)
                await self.server.drain()

    async def _leave(self, down: asyncio.Task[None] | None) -> None:
        """See the server's side closed: the id is free for another socket only then."""
        if down is None:
            self.server.close()
            return
        # A client that said Close has this answered at once; one that died has not said it.
        if not (await asyncio.wait((down,), timeout=0.2))[0]:
            with contextlib.suppress(OSError):
                self.server.write(close_frame(1001))
                await asyncio.wait((down,), timeout=_CLOSING_SECONDS)


def _header(head: bytes, name: bytes) -> str:
    values = []
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            values.append(value.strip().decode("latin-1"))
    return ", ".join(values)


def with_upgrade(request: web.Request) -> dict[str, str]:
    """Return the hop-by-hop headers of a handshake, for the server to refuse it in its own words."""
    return {"Connection": "Upgrade", "Upgrade": request.headers["Upgrade"]}
