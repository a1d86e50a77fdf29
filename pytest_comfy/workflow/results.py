"""What comes of a prompt: messages, pictures on the way, and outputs; and which outputs a result names."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..media import media_type_of
from .digest import class_of
from .model import title_of

if TYPE_CHECKING:
    from PIL.Image import Image

WEBSOCKET_CLASS = "SaveImageWebsocket"
"""The core node that sends its pictures as preview frames and leaves nothing in history."""

_METADATA_KEYS = {"animated"}
"""Keys of a node's UI result that tell about the other keys' files and are no outputs themselves."""


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


@dataclass(frozen=True)
class Named:
    """One item of a node's UI result: what an output is made of, before its file is known.

    file  {filename, subfolder, type} as ComfyUI names it, None for what is no file
    """

    node: str
    key: str
    index: int
    title: str
    class_type: str
    item: Any

    @property
    def name(self) -> str:
        """Node, key and index, such as "9.images.0"."""
        return f"{self.node}.{self.key}.{self.index}"

    @property
    def file(self) -> dict[str, str] | None:
        """What to ask `/view` for."""
        if not isinstance(self.item, Mapping) or not isinstance(self.item.get("filename"), str):
            return None
        return {part: str(self.item.get(part) or "") for part in ("filename", "subfolder", "type")}

    def output(self, data: bytes | None = None) -> Output:
        """Return the output, with the bytes of its file or made of the item itself."""
        file = self.file
        if file is not None:
            content, filename, kind = data or b"", file["filename"], file["type"] or "output"
            media_type = media_type_of(filename, content)
        else:
            filename, kind = "", "output"
            media_type = "text/plain" if isinstance(self.item, str) else "application/json"
            text = self.item if isinstance(self.item, str) else json.dumps(self.item, sort_keys=True)
            content = text.encode("utf-8", "surrogatepass")
        return Output(self.node, self.key, self.index, self.title, self.class_type, kind, filename, media_type, content)


def named_outputs(prompt: Mapping[str, Any], results: Any) -> Iterator[Named]:
    """Yield what the `outputs` of a history entry name, in order of the prompt's nodes."""
    results = results if isinstance(results, Mapping) else {}
    order = {node_id: place for place, node_id in enumerate(prompt)}
    for node_id in sorted(results, key=lambda name: (order.get(name.split(".")[0], len(order)), name)):
        found = prompt.get(node_id) or prompt.get(node_id.split(".")[0])
        node: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
        title, class_type = title_of(node_id, node), str(node.get("class_type", ""))
        result = results[node_id]
        for key in result if isinstance(result, Mapping) else ():
            items = None if key in _METADATA_KEYS else result[key]
            for index, item in enumerate(items if isinstance(items, list) else ()):
                if item is not None:
                    yield Named(node_id, key, index, title, class_type, item)


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
