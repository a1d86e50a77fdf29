"""What is known of a run while it goes on, from the messages of its socket."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from ..memory import MOST_MESSAGES, PASSING, SHARE, Budget
from ..workflow.digest import class_of
from ..workflow.model import title_of
from ..workflow.results import WEBSOCKET_CLASS, Event, Preview
from .messages import Message
from .run import Gap, Progress

TERMINAL = ("execution_success", "execution_error", "execution_interrupted")


class Watch:
    """The messages of one prompt, and what follows from them.

    log       what was kept of them, events and pictures, in order of arrival
    left_out  how many of them were not kept, as there were too many
    budget    what they are counted by
    gap       as `Run` has it
    settled   whether the run is over, as history told
    started   when the server began to execute it, in monotonic seconds; None before that is known
    on_begin  called then, once
    number    its place in the order of the queue; lower ones go first
    """

    def __init__(
        self, prompt: Mapping[str, Any], prompt_id: str, budget: Budget | None = None, *, from_start: bool = False
    ) -> None:
        """Times count from when the prompt is posted, or, `from_start`, from when the server begins to execute it."""
        self.prompt = prompt
        self.prompt_id = prompt_id
        self.posted = time.monotonic()
        self.moved = self.posted
        self.events: list[Event] = []
        self.previews: list[Preview] = []
        self.log: list[Event | Preview] = []
        self.settled = False
        self.started: float | None = None
        self.on_begin: Callable[[], object] = lambda: None
        self.number = 0.0
        self._from_start = from_start
        self.gap: Gap | None = None
        self.terminal: Event | None = None
        self.done = False
        self.node: str | None = None
        self.step = (0.0, 0.0)
        self.left_out = 0
        self.budget = budget or Budget()
        self._cached: set[str] = set()
        self._counts: Counter[str] = Counter()
        self._passing = 0

    def take(self, message: Message) -> None:
        """Note one message, if it is about this run."""
        if message.meta is not None:
            self._take_preview(message)
            return
        kind, data = message.told_as
        if data.get("prompt_id") != self.prompt_id:
            return
        self.moved = time.monotonic()
        if self.started is None:
            self.begins(message.at)
        event = Event(round(message.at - self.posted, 4), kind, data)
        if self._keeps("progress" if kind in PASSING else "event", message.size, kind in PASSING):
            self.events.append(event)
            self.log.append(event)
            if kind == "execution_cached":
                self._cached.update(str(node) for node in listed_in(data))
        if kind == "executing":
            node = data.get("node")
            self.done = node is None
            self.node, self.step = (None if node is None else str(node)), (0.0, 0.0)
        elif kind == "progress":
            self.step = (_number(data.get("value")), _number(data.get("max")))
        elif kind in TERMINAL and "timestamp" in data:
            # A blocked output reports execution_error without a timestamp, and the run goes on.
            self.terminal = event

    def begins(self, at: float) -> None:
        """Note when the server began to execute it."""
        self.started = at
        if self._from_start:
            self.posted = at
        self.on_begin()

    @property
    def came_to(self) -> frozenset[str]:
        """The ids of the nodes that ran, or were taken from the cache; of all where messages may be missing."""
        if self.gap is not None:
            return frozenset(self.prompt)
        ran = {str(event.data.get("node")) for event in self.events if event.type == "executing"}
        return frozenset(ran | self._cached)

    @property
    def over(self) -> bool:
        """Whether the run is known to be over."""
        return self.done or self.settled

    @property
    def cached(self) -> frozenset[str]:
        """Ids of the nodes that execution_cached named."""
        return frozenset(self._cached)

    @property
    def seconds(self) -> float:
        """Seconds since the prompt was posted, or the server began to execute it."""
        return time.monotonic() - self.posted

    def progress(self, waiting: int = 0, ahead: int = 0) -> Progress:
        """Return where the run is."""
        title = title_of(self.node, self.prompt.get(self.node)) if self.node else ""
        started = self.started is not None
        return Progress(self.node, title, *self.step, self.seconds, waiting, 0 if started else ahead, started)

    def where(self) -> str:
        """Return where the run was last seen, in words."""
        if self.node is None:
            return "it had not started" if not self.events else "no node was running"
        value, most = self.step
        step = f" at step {value:g} of {most:g}" if most else ""
        return f"it was at node {self.node} {title_of(self.node, self.prompt.get(self.node))!r}{step}"

    def _take_preview(self, message: Message) -> None:
        meta = message.meta or {}
        owner = meta.get("prompt_id")
        if owner is not None and owner != self.prompt_id:
            return
        if owner is None and self.node is None:
            return  # a frame without metadata, sent while nothing of ours runs: somebody else's
        self.moved = time.monotonic()
        if owner is None:
            meta = {"node_id": self.node, **meta}
        # What SaveImageWebsocket sends is its output, of which none may be lost.
        passing = class_of(self.prompt.get(str(meta.get("node_id")))) != WEBSOCKET_CLASS
        if self._keeps("preview" if passing else "picture", message.size, passing):
            preview = Preview(round(message.at - self.posted, 4), meta, message.binary)
            self.previews.append(preview)
            self.log.append(preview)

    def _keeps(self, sort: str, size: int, passing: bool) -> bool:
        """Whether a message is kept; raises OutOfMemory where it must be and there is no memory for it."""
        self._counts[sort] += 1
        many = self._counts[sort] > MOST_MESSAGES and sort != "picture"
        if many or (passing and self._passing + size > min(self.budget.limit // SHARE, self.budget.left)):
            self.left_out += 1
            return False
        self._passing += size if passing else 0
        self.budget.hold(size, f"message {self._counts[sort]} of the run on the WebSocket")
        return True


def listed_in(data: Mapping[str, Any]) -> list[Any]:
    """Return the nodes that an execution_cached message names."""
    nodes = data.get("nodes")
    return nodes if isinstance(nodes, list) else []


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else 0.0
