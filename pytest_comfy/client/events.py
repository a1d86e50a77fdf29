"""The WebSocket: a reader in a thread of its own, so that nothing is missed while HTTP is asked."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from typing import Any

import websocket

from ..access import Access, socket_options
from ..memory import DEFAULT_MAX_MEMORY, SHARE
from ..text import plain
from .buffer import Buffer
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
from .reply import REFUSED, certificate_told

_AHEAD = 1 << 16
"""Bytes that are taken from a socket at once."""
_HEAD, _TWO_BYTES = 4, 126
"""Bytes of a frame's head as far as it is looked at here, and what stands for a length of two bytes (RFC 6455, 5.2)."""
_WHOLE = (0x81, 0x82)
"""First byte of a text, and of bytes, that have one frame."""


class EventStream:
    """One socket with one client id; messages are buffered until they are asked for.

    max_memory  bytes that a run may keep, of which a message may take a part
    messages    where they are buffered; a buffer of its own unless one is given

    Raises ServerUnreachable when the socket cannot be opened or does not greet.
    """

    def __init__(
        self,
        access: Access,
        client_id: str,
        timeout: float = 10.0,
        max_memory: int = DEFAULT_MAX_MEMORY,
        messages: Buffer[Message] | None = None,
    ) -> None:
        url = access.url
        self._max_memory = max_memory
        self._messages: Buffer[Message] = messages or Buffer(min(HELD, max_memory // SHARE))
        self._closing = False
        address = socket_address(url, client_id)
        try:
            # The JSON parser finds broken UTF-8 as well, a hundred times faster.
            options = socket_options(access)
            tls = options.pop("sslopt", None)
            self._socket = _LimitedSocket(enable_multithread=True, skip_utf8_validation=True, sslopt=tls)
            self._socket.most, self._socket.excuse = most_bytes(max_memory), excuse(max_memory)
            self._socket.settimeout(timeout)
            self._socket.connect(address, **options)
            self._greeting(timeout)
            self._socket.send(HELLO)
            self._socket.settimeout(None)
        except (websocket.WebSocketException, OSError, ValueError) as error:
            self._socket.shutdown()
            if isinstance(error, ConnectionRefusedError):
                raise ServerUnreachable(f"{url}: {REFUSED}") from error
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
            return text_message(now, data, self._max_memory)
        if opcode == websocket.ABNF.OPCODE_BINARY:
            return binary_message(now, data)
        raise websocket.WebSocketConnectionClosedException("closed by the server")


class _LimitedSocket(websocket.WebSocket):
    """Ends the connection rather than take a message of more than `most` bytes.

    What is there already is taken at once: the library asks for the head, the length and the content of a message one
    by one, and each time other threads come in between. A message that is there whole, in one frame as servers send
    them, is taken out here; all others are left to the library.
    """

    most = 0
    excuse = ""
    _taken = 0
    _ahead = b""
    _at = 0

    def recv_data(self, control_frame: bool = False) -> Any:
        self._taken = 0
        if self._at >= len(self._ahead):
            self._ahead, self._at = super()._recv(_AHEAD), 0
        return self._plain() or super().recv_data(control_frame)

    def _plain(self) -> tuple[int, bytes] | None:
        """Take out the next message, as its opcode and content; None where it is of another sort, or not there yet."""
        data, at = self._ahead, self._at
        if len(data) - at < _HEAD or data[at] not in _WHOLE:
            return None
        size, start = data[at + 1], at + 2
        if size == _TWO_BYTES:
            size, start = int.from_bytes(data[at + 2 : at + _HEAD]), at + _HEAD
        elif size > _TWO_BYTES:  # longer still, or masked
            return None
        end = start + size
        if end > len(data) or end - at > self.most:
            return None
        self._at = end
        return data[at] & 0xF, data[start:end]

    def _recv(self, bufsize: int) -> bytes:
        if self._at >= len(self._ahead):
            self._ahead, self._at = super()._recv(max(bufsize, _AHEAD)), 0
        data = self._ahead[self._at : self._at + bufsize]
        self._at += len(data)
        self._taken += len(data)
        if self._taken > self.most:
            raise too_long(self.most, self.excuse)
        return data
