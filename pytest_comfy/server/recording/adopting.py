"""A socket of the proxy's own: recorded, and handed on to a client that posts first and opens its socket then.

ComfyUI knows one socket an id, and sends the messages of a run to it. A second one in the place of ours would come too
late for what was told in between, and for all of a short run: so the late client is served from ours, with what it
heard since the post.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
from typing import Any

import aiohttp
from aiohttp import web

from ..wire.messages import PREVIEW, PREVIEW_WITH_METADATA
from .frames import BINARY, TEXT

_MOST_BYTES = 32 << 20
"""Kept for a client that is to come; what is more is lost for it."""

_PNG = "image/png"

Sent = tuple[int, bytes]
"""Opcode and payload of a message."""


class OwnSocket:
    """One socket to the server under the id of a client that has none."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self._waiting: asyncio.Queue[Sent | None] = asyncio.Queue()
        self._size = 0
        self._served = False
        self._flags: Sent | None = None
        self._asked = self._metadata = False

    def take(self, opcode: int, payload: bytes) -> None:
        """Keep a message of the server for the client, or pass it on if there is one."""
        if opcode == TEXT and _kind(payload) == "feature_flags" and not self._asked:
            self._flags = (opcode, payload)
        elif self._served or self._size + len(payload) <= _MOST_BYTES:
            self._size += len(payload)
            self._waiting.put_nowait((opcode, payload))

    def end(self) -> None:
        """The server's side is closed."""
        self._waiting.put_nowait(None)

    async def serve(self, client: web.WebSocketResponse) -> None:
        """Pass messages both ways until one side is gone."""
        self._served = True
        tasks = [asyncio.create_task(self._down(client)), asyncio.create_task(self._up(client))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._served = False
        with contextlib.suppress(Exception):
            await client.close()

    async def _down(self, client: web.WebSocketResponse) -> None:
        with contextlib.suppress(OSError):
            while (sent := await self._waiting.get()) is not None:
                opcode, payload = sent
                self._size -= len(payload)
                if opcode == TEXT:
                    await client.send_str(payload.decode("utf-8", "replace"))
                else:
                    await client.send_bytes(payload if self._metadata else without_metadata(payload))

    async def _up(self, client: web.WebSocketResponse) -> None:
        first = True
        async for received in client:
            if received.type is aiohttp.WSMsgType.TEXT:
                told = _object(received.data.encode())
                if first and told.get("type") == "feature_flags":
                    # Ours were sent before the client came, and the server looks at the first ones only.
                    self._answer_flags(told.get("data"))
                else:
                    await self.socket.send_str(received.data)
                first = False
            elif received.type is aiohttp.WSMsgType.BINARY:
                await self.socket.send_bytes(received.data)

    def _answer_flags(self, flags: Any) -> None:
        self._asked = True
        self._metadata = isinstance(flags, dict) and flags.get("supports_preview_metadata") is True
        if self._flags is not None:
            self._waiting.put_nowait(self._flags)
            self._size += len(self._flags[1])


def without_metadata(payload: bytes) -> bytes:
    """Return a binary message as clients get it that have not asked for the metadata of previews."""
    if len(payload) < 8:
        return payload
    kind, length = struct.unpack_from(">II", payload)
    if kind != PREVIEW_WITH_METADATA or len(payload) < 8 + length:
        return payload
    image_type = _object(payload[8 : 8 + length]).get("image_type")
    return struct.pack(">II", PREVIEW, 2 if image_type == _PNG else 1) + payload[8 + length :]


def _kind(payload: bytes) -> Any:
    return _object(payload).get("type") if b"feature_flags" in payload else None


def _object(payload: bytes) -> dict[str, Any]:
    try:
        found = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


OPCODES = {aiohttp.WSMsgType.TEXT: TEXT, aiohttp.WSMsgType.BINARY: BINARY}
