"""Messages of the WebSocket, whichever library reads them: what they say, and how large they may be."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from ..memory import OPTION, SHARE, in_words, json_cost

HELD = 64 << 20
"""Bytes of messages that wait to be taken."""
HELLO = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})
"""The first text message a client sends is the only one in which it may ask for these."""
_OBJECTS = 512
"""Bytes that any message takes for itself."""
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

    @property
    def told_as(self) -> tuple[str, dict[str, Any]]:
        """Type and data of JSON; "" and nothing for a picture."""
        return (self.json or {}).get("type", ""), (self.json or {}).get("data", {})


class TooLong(ValueError):
    """A message that takes more memory than is allowed; the text is one sentence for the user."""


def text_message(now: float, data: bytes, max_memory: int) -> Message | None:
    """Take a text message apart; None for what is none of ComfyUI's, and TooLong is raised before it takes memory."""
    cost = json_cost(data)
    if cost > max_memory // SHARE:
        raise TooLong(
            f"a message on the WebSocket, {in_words(len(data))} of JSON, takes up to {in_words(cost)} of "
            f"memory, {excuse(max_memory)}"
        )
    return _text_message(now, data, cost + _OBJECTS)


def most_bytes(max_memory: int) -> int:
    """Return the most bytes that a message may have: its pieces are joined, and what it says is taken from it."""
    return max_memory // SHARE // 2


def too_long(most: int, told: str) -> TooLong:
    """Return the error of a message of more than `most` bytes; `told` is the excuse."""
    return TooLong(f"a message on the WebSocket is larger than {in_words(most)}, {told}")


def excuse(max_memory: int) -> str:
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


def binary_message(now: float, data: bytes) -> Message | None:
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


def socket_address(url: str, client_id: str) -> str:
    parts = urlsplit(url)
    scheme = "wss" if parts.scheme == "https" else "ws"
    query = urlencode({"clientId": client_id})
    return urlunsplit((scheme, parts.netloc, f"{parts.path.rstrip('/')}/ws", query, ""))
