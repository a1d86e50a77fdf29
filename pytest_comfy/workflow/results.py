"""What comes of a prompt: messages, pictures on the way, and outputs."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .digest import class_of
from .model import title_of

if TYPE_CHECKING:
    from PIL.Image import Image

WEBSOCKET_CLASS = "SaveImageWebsocket"
"""The core node that sends its pictures as preview frames and leaves nothing in history."""


@dataclass(frozen=True)
class Event:
    """One message of the server about this run.

    at    seconds since the prompt was posted
    type  such as "executing"
    data  the message's data
    """

    at: float
    type: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Preview:
    """One binary picture frame: `meta` is ComfyUI's (node_id, image_type), `data` the image file."""

    at: float
    meta: Mapping[str, Any]
    data: bytes

    @property
    def node(self) -> str | None:
        """The id of the node that sent it, when the frame told."""
        node = self.meta.get("node_id")
        return None if node is None else str(node)


@dataclass(frozen=True)
class Output:
    """One thing an output node made.

    node, key, index  name it, as in ComfyUI's history: node id, such as "images", position
    title             the node's title, else its class
    type              "output" or "temp"
    filename          the server's own name for it: never a path to write to
    """

    node: str
    key: str
    index: int
    title: str
    class_type: str
    type: str
    filename: str
    media_type: str
    data: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """Node, key and index, such as "9.images.0"."""
        return f"{self.node}.{self.key}.{self.index}"

    @cached_property
    def image(self) -> Image:
        """The output as a loaded PIL image; raises PIL.UnidentifiedImageError for what is none."""
        from PIL import Image

        image = Image.open(io.BytesIO(self.data))
        image.load()
        return image

    @property
    def text(self) -> str:
        """The output as text (UTF-8)."""
        return self.data.decode("utf-8", "replace")


def history_messages(status: Any) -> Iterator[tuple[Any, Any]]:
    """Yield type and data of the messages that the `status` of a history entry keeps; neither is to be trusted."""
    messages = status.get("messages") if isinstance(status, Mapping) else None
    for message in messages if isinstance(messages, list) else ():
        if isinstance(message, list) and len(message) == 2:
            yield message[0], message[1]


def told_by_history(status: Mapping[str, Any]) -> tuple[Event, ...]:
    """Return the messages of a run that the `status` of its history entry keeps, with seconds since it began."""
    told = [(kind, data) for kind, data in history_messages(status) if isinstance(data, Mapping)]
    times = [_time(data) for _, data in told]
    begin = next((time for time in times if time is not None), 0)
    at = [begin if time is None else time for time in times]
    return tuple(Event(max(0, one - begin) / 1000, str(kind), data) for one, (kind, data) in zip(at, told, strict=True))


def _time(data: Mapping[str, Any]) -> int | None:
    time = data.get("timestamp")
    return time if isinstance(time, int) and not isinstance(time, bool) else None


def sent_outputs(prompt: Mapping[str, Any], previews: Iterable[Preview]) -> Iterator[Output]:
    """Yield the pictures that nodes sent over the socket as their outputs."""
    counts: dict[str, int] = {}
    for preview in previews:
        node_id = preview.node
        if node_id and class_of(prompt.get(node_id)) == WEBSOCKET_CLASS:
            index = counts.get(node_id, 0)
            counts[node_id] = index + 1
            title, kind = title_of(node_id, prompt[node_id]), str(preview.meta.get("image_type", "image/png"))
            yield Output(node_id, "websocket", index, title, WEBSOCKET_CLASS, "output", "", kind, preview.data)
