"""The WebSocket: a reader in a thread of its own, so that nothing is missed while HTTP is asked."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import websocket

from ..access import Access, socket_options
from ..memory import DEFAULT_MAX_MEMORY, OPTION, SHARE, in_words, json_cost
from ..text import plain
from .buffer import Buffer
from .errors import ServerUnreachable
from .http import certificate_told

_HELD = 64 << 20
"""Bytes of messages that wait to be taken."""
_OBJECTS = 512
"""Bytes that any message takes for itself."""
_GREETING_SECONDS = 10.0

_META = 1 << 16
"""Bytes of the JSON before a picture, which names node and prompt."""

BINARY_PREVIEW = 1
BINARY_TEXT = 3
BINARY_PREVIEW_WITH_METADATA = 4
_IMAGE_TYPES = {1: "image/jpeg", 2: "image/png"}


@dataclass(frozen=True)
class Message:
    """What arrived, when (monotonic seconds): JSON in `json`, or a picture frame in `meta` and `binary`.

    size  bytes of memory, an upper estimate
    told  why no more is taken from the socket, where that is our doing
    """

    at: float
    json: dict[str, Any] | None = None
    meta: dict[str, Any] | None = None
    binary: bytes = b""
    closed: bool = False
    size: int = 0
    told: str = ""


class TooLong(ValueError):
    """A message that takes more memory than is allowed; the text is one sentence for the user."""


class EventStream:
    """One socket with one client id; messages are buffered until they are asked for.

    max_memory  bytes that a run may keep, of which a message may take a part

    Raises ServerUnreachable when the socket cannot be opened or does not greet.
    """

    def __init__(
        self, access: Access, client_id: str, timeout: float = 10.0, max_memory: int = DEFAULT_MAX_MEMORY
    ) -> None:
        url = access.url
        self._max_memory = max_memory
        self._messages: Buffer[Message] = Buffer(min(_HELD, max_memory // SHARE))
        self._closing = False
        address = _socket_address(url, client_id)
        try:
            # The JSON parser finds broken UTF-8 as well, a hundred times faster.
            options = socket_options(access)
            tls = options.pop("sslopt", None)
            self._socket = _LimitedSocket(enable_multithread=True, skip_utf8_validation=True, sslopt=tls)
            # Its pieces are joined, and what it says is taken from it.
            self._socket.most, self._socket.excuse = max_memory // SHARE // 2, _excuse(max_memory)
            self._socket.settimeout(timeout)
            self._socket.connect(address, **options)
            self._greeting(timeout)
            # The first text message a client sends is the only one in which it may ask for these.
            self._socket.send(json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}}))
            self._socket.settimeout(None)
        except (websocket.WebSocketException, OSError, ValueError) as error:
            self._socket.shutdown()
            if isinstance(error, ConnectionRefusedError):
                raise ServerUnreachable(f"{url}: connection refused: is ComfyUI running there?") from error
            if isinstance(error, ssl.SSLError):
                raise ServerUnreachable(f"{url}: {certificate_told(str(error))}") from error
            raise ServerUnreachable(f"{url}: no WebSocket at /ws ({plain(error, 200)})") from error
        self._reader = threading.Thread(target=self._read, name="comfy-events", daemon=True)
        self._reader.start()

    @property
    def alive(self) -> bool:
        """Whether the socket is still open, as far as is known."""
        return self._reader.is_alive()

    def next(self, timeout: float) -> Message | None:
        """Return the next message, None when none comes within `timeout` seconds."""
        return self._messages.get(max(0.0, timeout))

    def discard(self) -> None:
        """Forget what is buffered: messages between two runs belong to neither."""
        self._messages.begin()

    def rest(self) -> None:
        """Buffer nothing until the next `discard`: no run is going on."""
        self._messages.rest()

    def close(self) -> None:
        """Close the socket and wait until the reader has ended."""
        self._closing = True
        self._messages.close()
        with contextlib.suppress(websocket.WebSocketException, OSError):  # it may be gone already
            self._socket.send_close()
        if self._socket.sock is not None:
            # Closing alone does not wake a reader that waits for a server which says nothing.
            with contextlib.suppress(OSError):
                self._socket.sock.shutdown(socket.SHUT_RDWR)
        self._socket.shutdown()
        self._reader.join(5.0)

    def _greeting(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            message = self._receive()
            if message is not None and message.json and message.json.get("type") == "status":
                self._messages.put(message)
                return
        raise ValueError("no greeting")

    def _read(self) -> None:
        try:
            while True:
                message = self._receive()
                if message is not None:
                    self._messages.put(message)
        except TooLong as error:
            self._messages.put(Message(time.monotonic(), closed=True, told=str(error)))
        except (websocket.WebSocketException, OSError, ValueError, struct.error, AttributeError):
            # websocket-client raises AttributeError when another thread shuts the socket down.
            self._messages.put(Message(time.monotonic(), closed=True))
        finally:
            if not self._closing:
                self._socket.shutdown()

    def _receive(self) -> Message | None:
        opcode, data = self._socket.recv_data()
        now = time.monotonic()
        if opcode == websocket.ABNF.OPCODE_TEXT:
            cost = json_cost(data)
            if cost > self._max_memory // SHARE:
                raise TooLong(
                    f"a message on the WebSocket, {in_words(len(data))} of JSON, takes up to {in_words(cost)} of "
                    f"memory, {_excuse(self._max_memory)}"
                )
            return _text_message(now, data, cost + _OBJECTS)
        if opcode == websocket.ABNF.OPCODE_BINARY:
            return _binary_message(now, data)
        raise websocket.WebSocketConnectionClosedException("closed by the server")


class _LimitedSocket(websocket.WebSocket):
    """Ends the connection rather than take a message of more than `most` bytes."""

    most = 0
    excuse = ""
    _taken = 0

    def recv_data(self, control_frame: bool = False) -> Any:
        self._taken = 0
        return super().recv_data(control_frame)

    def _recv(self, bufsize: int) -> bytes:
        data: bytes = super()._recv(bufsize)
        self._taken += len(data)
        if self._taken > self.most:
            raise TooLong(f"a message on the WebSocket is larger than {in_words(self.most)}, {self.excuse}")
        return data


def _excuse(max_memory: int) -> str:
    return f"too much of the {in_words(max_memory)} that {OPTION} allows one run: raise it if that is right"


def _text_message(now: float, data: bytes, size: int) -> Message | None:
    try:
        message = json.loads(data)
    except (ValueError, RecursionError):
        return None  # broken text is no message of ours; the run is judged by history in any case
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return None
    if not isinstance(message.get("data"), dict):
        message["data"] = {}
    return Message(now, json=message, size=size)


def _binary_message(now: float, data: bytes) -> Message | None:
    """Take a frame apart (ComfyUI's protocol.py: big-endian uint32 event, then the event's own header)."""
    if len(data) < 8:
        return None
    event, second = struct.unpack_from(">II", data)
    if event == BINARY_PREVIEW:
        meta: dict[str, Any] = {"image_type": _IMAGE_TYPES.get(second, "image/png")}
        return Message(now, meta=meta, binary=data[8:], size=len(data) + _OBJECTS)
    if event == BINARY_PREVIEW_WITH_METADATA and second <= min(_META, len(data) - 8):
        head = data[8 : 8 + second]
        try:
            meta = json.loads(head)
        except (ValueError, RecursionError):
            return None
        size = len(data) + json_cost(head) + _OBJECTS
        return Message(now, meta=meta, binary=data[8 + second :], size=size) if isinstance(meta, dict) else None
    return None


def _socket_address(url: str, client_id: str) -> str:
    parts = urlsplit(url)
    scheme = "wss" if parts.scheme == "https" else "ws"
    query = urlencode({"clientId": client_id})
    return urlunsplit((scheme, parts.netloc, f"{parts.path.rstrip('/')}/ws", query, ""))
