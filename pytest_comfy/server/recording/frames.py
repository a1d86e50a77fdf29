"""Reads the messages of a WebSocket from a copy of its bytes (RFC 6455, RFC 7692); changes nothing."""

from __future__ import annotations

import struct
import zlib

TEXT, BINARY, CLOSE = 1, 2, 8
"""Opcodes."""

MOST = 256 << 20
"""Bytes of one message; a longer one is no ComfyUI's."""

_CONTINUATION = 0
_TAIL = b"\x00\x00\xff\xff"


class FrameError(ValueError):
    """The bytes are no frames that can be read; the text says why."""


class FrameReader:
    """Takes bytes as they come and gives whole messages.

    deflate   whether permessage-deflate was agreed
    takeover  whether its window goes on from message to message
    """

    def __init__(self, deflate: bool = False, takeover: bool = True) -> None:
        self._deflate = deflate
        self._takeover = takeover
        self._inflate = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        self._bytes = bytearray()
        self._parts: list[bytes] = []
        self._opcode = 0
        self._compressed = False

    @classmethod
    def agreed(cls, extensions: str) -> FrameReader:
        """Return a reader of the server's messages after an answer with these Sec-WebSocket-Extensions."""
        words = [word.strip().lower() for word in extensions.replace(",", ";").split(";")]
        return cls("permessage-deflate" in words, "server_no_context_takeover" not in words)

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Return (opcode, payload) of the messages that are whole now; raises FrameError."""
        self._bytes += data
        found = []
        while (frame := self._frame()) is not None:
            message = self._message(*frame)
            if message is not None:
                found.append(message)
        return found

    def _frame(self) -> tuple[int, bool, bool, bytes] | None:
        """Return (opcode, final, compressed, payload) of the next frame once it is whole."""
        held = self._bytes
        if len(held) < 2:
            return None
        first, second = held[0], held[1]
        length, at = second & 0x7F, 2
        if length == 126:
            if len(held) < 4:
                return None
            (length,), at = struct.unpack_from(">H", held, 2), 4
        elif length == 127:
            if len(held) < 10:
                return None
            (length,), at = struct.unpack_from(">Q", held, 2), 10
        if length > MOST:
            raise FrameError(f"a frame of {length} bytes")
        masked = bool(second & 0x80)
        start = at + 4 * masked
        if len(held) < start + length:
            return None
        payload = bytes(held[start : start + length])
        if masked:
            payload = _unmask(payload, bytes(held[at : at + 4]))
        del held[: start + length]
        return first & 0x0F, bool(first & 0x80), bool(first & 0x40), payload

    def _message(self, opcode: int, final: bool, compressed: bool, payload: bytes) -> tuple[int, bytes] | None:
        if opcode >= CLOSE:
            return opcode, payload
        if opcode != _CONTINUATION:
            self._opcode, self._compressed, self._parts = opcode, compressed, []
        self._parts.append(payload)
        if sum(map(len, self._parts)) > MOST:
            raise FrameError(f"a message of more than {MOST} bytes")
        if not final:
            return None
        whole, self._parts = b"".join(self._parts), []
        return self._opcode, self._inflated(whole) if self._compressed and self._deflate else whole

    def _inflated(self, data: bytes) -> bytes:
        try:
            whole = self._inflate.decompress(data + _TAIL, MOST)
        except zlib.error as error:
            raise FrameError(f"a compressed message that is broken: {error}") from error
        if self._inflate.unconsumed_tail:
            raise FrameError(f"a message of more than {MOST} bytes")
        if not self._takeover or self._inflate.eof:
            self._inflate = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        return whole


def close_frame(code: int) -> bytes:
    """Return a client's Close frame; its mask is zero, which leaves the code readable."""
    return bytes((0x80 | CLOSE, 0x80 | 2)) + bytes(4) + struct.pack(">H", code)


def _unmask(payload: bytes, mask: bytes) -> bytes:
    whole = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(whole, "big")).to_bytes(len(payload), "big")
