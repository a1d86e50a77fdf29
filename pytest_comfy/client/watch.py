"""What is known of a run while it goes on, from the messages of its socket."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ..workflow.model import title_of
from ..workflow.results import Event, Preview
from .events import Message
from .run import Progress

TERMINAL = ("execution_success", "execution_error", "execution_interrupted")
_PREVIEW_BYTES = 512 << 20


class Watch:
    """The messages of one prompt, and what follows from them."""

    def __init__(self, prompt: Mapping[str, Any], prompt_id: str) -> None:
        self.prompt = prompt
        self.prompt_id = prompt_id
        self.posted = time.monotonic()
        self.moved = self.posted
        self.events: list[Event] = []
        self.previews: list[Preview] = []
        self.terminal: Event | None = None
        self.done = False
        self.node: str | None = None
        self.step = (0.0, 0.0)
        self._preview_bytes = 0

    def take(self, message: Message) -> bool:
        """Note one message; True when it was about this run."""
        if message.meta is not None:
            return self._take_preview(message)
        data = (message.json or {}).get("data", {})
        kind = (message.json or {}).get("type", "")
        if data.get("prompt_id") != self.prompt_id:
            return False
        self.moved = time.monotonic()
        event = Event(round(message.at - self.posted, 4), kind, data)
        self.events.append(event)
        if kind == "executing":
            node = data.get("node")
            self.done = node is None
            self.node, self.step = (None if node is None else str(node)), (0.0, 0.0)
        elif kind == "progress":
            self.step = (_number(data.get("value")), _number(data.get("max")))
        elif kind in TERMINAL and "timestamp" in data:
            # A blocked output reports execution_error without a timestamp, and the run goes on.
            self.terminal = event
        return True

    @property
    def cached(self) -> frozenset[str]:
        """Ids of the nodes that execution_cached named."""
        return frozenset(
            str(node) for event in self.events if event.type == "execution_cached" for node in listed_in(event.data)
        )

    @property
    def seconds(self) -> float:
        """Seconds since the prompt was posted."""
        return time.monotonic() - self.posted

    def progress(self, waiting: int = 0) -> Progress:
        """Return where the run is."""
        title = title_of(self.node, self.prompt.get(self.node)) if self.node else ""
        return Progress(self.node, title, *self.step, self.seconds, waiting)

    def where(self) -> str:
        """Return where the run was last seen, in words."""
        if self.node is None:
            return "it had not started" if not self.events else "no node was running"
        value, most = self.step
        step = f" at step {value:g} of {most:g}" if most else ""
        return f"it was at node {self.node} {title_of(self.node, self.prompt.get(self.node))!r}{step}"

    def _take_preview(self, message: Message) -> bool:
        meta = message.meta or {}
        owner = meta.get("prompt_id")
        if owner is not None and owner != self.prompt_id:
            return False
        if owner is None and self.node is None:
            return False  # a frame without metadata, sent while nothing of ours runs: somebody else's
        self.moved = time.monotonic()
        if owner is None:
            meta = {"node_id": self.node, **meta}
        self._preview_bytes += len(message.binary)
        if self._preview_bytes <= _PREVIEW_BYTES:
            self.previews.append(Preview(round(message.at - self.posted, 4), meta, message.binary))
        return True


def listed_in(data: Mapping[str, Any]) -> list[Any]:
    """Return the nodes that an execution_cached message names."""
    nodes = data.get("nodes")
    return nodes if isinstance(nodes, list) else []


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else 0.0
