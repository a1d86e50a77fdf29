"""The connected clients: each has its own queue of messages and a task that sends them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from aiohttp import WSMsgType, web

from .messages import Audience, message

Frame = str | bytes

_CLOSE_WAIT = 0.05
"""Seconds for a client to answer the closing; it may not be reading at all."""

_MOST_WAITING = 2_000
"""Messages waiting for one client before a run pauses for it."""

_STALLED_AFTER = 5.0
"""Seconds a run waits for a client that does not read; then the client is dropped."""


_AT_ONCE = 1 << 15
"""Bytes of messages from which on they are sent one by one."""

_REMEMBERED = 10_000
"""Clients of which it is known that they opened a socket, or that they do not."""


class Client:
    """One WebSocket connection."""

    def __init__(self, sid: str, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.sid = sid
        self.wants_metadata = False
        self._socket = socket
        self._request = request
        self._waiting: deque[Frame] = deque()
        self._wake = asyncio.Event()
        self._silent = False

    @property
    def crowded(self) -> bool:
        """Whether too many messages wait for this client."""
        return len(self._waiting) > _MOST_WAITING

    def send(self, text: Frame) -> None:
        """Queue a text or binary message."""
        if not self._silent:
            self._waiting.append(text)
            self._wake.set()

    def silence(self) -> None:
        """Send nothing more, and keep the connection open."""
        self._silent = True

    async def pump(self) -> None:
        """Send what is queued, for ever."""
        while True:
            while self._waiting:
                if together := self._together():
                    self._request.transport.write(together)  # type: ignore[union-attr]  # there is one, if so
                    continue
                text = self._waiting.popleft()
                if isinstance(text, str):
                    await self._socket.send_str(text)
                else:
                    await self._socket.send_bytes(text)
            self._wake.clear()
            await self._wake.wait()

    def _together(self) -> bytes:
        """Return texts that wait as one piece, of whose frames each would be sent, and wake the client, by itself.

        Nothing where only one waits, where the client does not keep up, or frames are to be packed: those are left to
        aiohttp.
        """
        transport = self._request.transport
        if len(self._waiting) < 2 or transport is None or transport.get_write_buffer_size():
            return b""
        frames = bytearray()
        while self._waiting and not (self._socket.compress or self._socket.closed or len(frames) > _AT_ONCE):
            text = self._waiting[0]
            if not isinstance(text, str) or len(text) > _AT_ONCE:
                break
            frames += _framed(text.encode())
            self._waiting.popleft()
        return bytes(frames)

    async def listen(self, features: Callable[[], Mapping[str, Any]]) -> None:
        """Read until the client leaves; only a first message `feature_flags` means anything."""
        first = True
        async for received in self._socket:
            if received.type != WSMsgType.TEXT or not first:
                continue
            try:
                data = json.loads(received.data)
            except ValueError:
                continue
            first = not isinstance(data, dict)
            if not first and data.get("type") == "feature_flags":
                flags = data.get("data")
                self.wants_metadata = isinstance(flags, dict) and flags.get("supports_preview_metadata") is True
                self.send(message("feature_flags", features()))

    async def close(self, code: int = 1001) -> None:
        """Send what is queued and close the connection, also where the client does not answer."""
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self._flush(), _CLOSE_WAIT)
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self._socket.close(code=code), _CLOSE_WAIT * 2)
        self.drop()

    async def _flush(self) -> None:
        while self._waiting:
            await asyncio.sleep(0)

    def drop(self) -> None:
        """Cut the connection."""
        if self._request.transport is not None:
            self._request.transport.abort()


class Hub:
    """Clients by sid. Messages for a sid that is not connected are dropped, as in ComfyUI.

    gate  asked for every message of a run and every status: returns the frames to send in its place, and to whom
    """

    def __init__(self) -> None:
        self.gate: Callable[[str, Frame, Sequence[Client]], Iterable[tuple[Frame, Sequence[Client]]]] | None = None
        self._clients: dict[str, Client] = {}
        self._connections: set[Client] = set()
        self._met: dict[str, None] = {}
        self._awaited: dict[str, asyncio.Event] = {}

    async def serve(
        self, request: web.Request, features: Callable[[], Mapping[str, Any]], greet: Callable[[Client], None]
    ) -> web.WebSocketResponse:
        """Handle one connection from handshake to end; `greet` sends the first messages.

        features  tells what the server can do, to a client that says what it can
        """
        socket = web.WebSocketResponse(timeout=_CLOSE_WAIT)
        await socket.prepare(request)
        client = Client(request.query.get("clientId") or uuid.uuid4().hex, socket, request)
        self._clients.pop(client.sid, None)
        self._clients[client.sid] = client
        self._connections.add(client)
        self._meet(client.sid)
        greet(client)
        pump = asyncio.ensure_future(client.pump())
        # A connection that breaks while sending ends in `listen` as well.
        pump.add_done_callback(lambda task: None if task.cancelled() else task.exception())
        try:
            await client.listen(features)
        finally:
            pump.cancel()
            self._connections.discard(client)
            # As in ComfyUI, whoever reconnected before the old connection ended is forgotten with it.
            self._clients.pop(client.sid, None)
        return socket

    async def met(self, sid: Any, seconds: float, stop: asyncio.Event) -> None:
        """Wait until a client opens its first socket, `seconds` at most and once, or until `stop`."""
        if seconds <= 0 or not isinstance(sid, str) or sid in self._met:
            return
        opened = self._awaited[sid] = asyncio.Event()
        waiting = [asyncio.ensure_future(one.wait()) for one in (opened, stop)]
        try:
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()
            # Whoever has not come by now only asks for history: later runs need not wait.
            self._meet(sid)

    def _meet(self, sid: str) -> None:
        self._met[sid] = None
        if len(self._met) > _REMEMBERED:
            del self._met[next(iter(self._met))]
        if (event := self._awaited.pop(sid, None)) is not None:
            event.set()

    def targets(self, audience: Audience, owner: Any) -> list[Client]:
        """Return who gets a message for `audience` of a prompt with the client_id `owner` (or None)."""
        if audience is Audience.ALL or (owner is None and audience is Audience.OWNER_OR_ALL):
            return list(self._clients.values())
        client = self._clients.get(owner) if isinstance(owner, str) else None
        return [] if client is None else [client]

    def send(self, kind: str, audience: Audience, owner: Any, text: str) -> None:
        """Send a text message of type `kind`."""
        self.deliver(kind, self.targets(audience, owner), text)

    def deliver(self, kind: str, clients: Sequence[Client], frame: Frame) -> None:
        """Send a message to these clients."""
        # A message that is sent late must not reach those whom only the one before it is for.
        sent = ((frame, clients),) if self.gate is None else self.gate(kind, frame, clients)
        for one, receivers in sent:
            for client in receivers:
                client.send(one)

    def connected(self, sid: Any = None) -> list[Client]:
        """Return all connections, or those of one sid."""
        return [one for one in self._connections if sid is None or one.sid == sid]

    async def room(self) -> None:
        """Wait until every client has taken most of its messages."""
        for _ in range(int(_STALLED_AFTER / 0.01)):
            if not any(client.crowded for client in self._clients.values()):
                return
            await asyncio.sleep(0.01)
        for client in [client for client in self._clients.values() if client.crowded]:
            client.drop()

    async def close(self) -> None:
        """Close all connections."""
        await asyncio.gather(*(client.close() for client in list(self._connections)))


def _framed(data: bytes) -> bytes:
    """Return a text as a frame of a server (RFC 6455, 5.2): its last and only one, unmasked and not packed."""
    size = len(data)
    head = bytes((size,)) if size < 126 else b"\x7e" + size.to_bytes(2) if size < 2**16 else b"\x7f" + size.to_bytes(8)
    return b"\x81" + head + data
