"""The bookkeeping of what went by: which message belongs to which run. Pure: no network, no disk, no clock."""

from __future__ import annotations

import json
import struct
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ...memory import DEFAULT_MAX_MEMORY, MOST_MESSAGES, PASSING, SHARE, Budget, json_cost
from ...workflow.digest import class_of
from ...workflow.results import WEBSOCKET_CLASS, Event, Preview
from ..recordings.script import TERMINAL
from ..wire.messages import PREVIEW, PREVIEW_WITH_METADATA
from ..wire.messages import TEXT as BINARY_TEXT
from .frames import BINARY, TEXT

ANYONE = "*"
"""The source of runs without client_id: their progress is sent to every socket."""

NOBODY = ""
"""The source of runs whose client_id no socket can have: their messages are sent to nobody."""

_TICK = 1e-6
"""Seconds between two messages at least, so that their order survives being sorted by time."""

_MOST_UNCLAIMED = 20_000
_MOST_UNCLAIMED_BYTES = 64 << 20
_OBJECTS = 512
"""Bytes that any message takes for itself."""
_IMAGE_TYPES = {1: "image/jpeg", 2: "image/png"}


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the server: `kind` of a text, or "preview" and "text" of a binary one.

    size  bytes of memory, an upper estimate
    """

    kind: str
    data: Mapping[str, Any]
    binary: int = 0
    picture: bytes = b""
    size: int = _OBJECTS

    @property
    def prompt_id(self) -> str | None:
        """The run it names."""
        told = self.data.get("prompt_id")
        return told if isinstance(told, str) else None


@dataclass(frozen=True)
class Posted:
    """The body of a `POST /prompt`; `at` is the clock's time when it was sent on.

    headers  those that hold secrets
    """

    prompt: Mapping[str, Any]
    extra_data: Mapping[str, Any]
    source: str
    targets: list[Any] | None
    at: float
    headers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def beside(self) -> dict[str, Any]:
        """What was sent beside the prompt and may hold secrets."""
        return {**self.extra_data, "headers": self.headers}

    @classmethod
    def read(cls, body: Any, at: float, headers: Mapping[str, Any] | None = None) -> Posted | None:
        """Read a body, None for one that no server accepts."""
        if not isinstance(body, dict) or not isinstance(body.get("prompt"), dict):
            return None
        extra = body.get("extra_data")
        extra_data = extra if isinstance(extra, dict) else {}
        owner = body["client_id"] if "client_id" in body else extra_data.get("client_id")
        source = ANYONE if owner is None else owner if isinstance(owner, str) else NOBODY
        targets = body.get("partial_execution_targets")
        targets = targets if isinstance(targets, list) else None
        return cls(body["prompt"], extra_data, source, targets, at, headers or {})


@dataclass(eq=False)
class TapedRun:
    """A run going by. `status`, `meta`, `ui` and `outputs` are history's, once it is over.

    inputs  name of an input file -> SHA-256 (hex) of its content
    heard   whether a socket told that the run is over and history written (`executing` without a node)
    number  of the answer to the post; tells runs of one id apart
    budget  what the run keeps in memory
    left_out  messages that were too many, or too large, to be kept
    """

    posted: Posted
    prompt_id: str
    number: Any = None
    keep_previews: bool = True
    events: list[Event] = field(default_factory=list)
    previews: list[Preview] = field(default_factory=list)
    texts: list[tuple[float, str, str]] = field(default_factory=list)
    heard: bool = False
    terminal: bool = False
    status: Mapping[str, Any] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)
    ui: Mapping[str, Any] = field(default_factory=dict)
    outputs: list[Any] = field(default_factory=list)
    inputs: Mapping[str, str] = field(default_factory=dict)
    budget: Budget = field(default_factory=lambda: Budget(option=""))
    left_out: int = 0
    _node: str | None = None
    _last: float = 0.0
    _counts: Counter[str] = field(default_factory=Counter)

    @property
    def prompt(self) -> Mapping[str, Any]:
        """The prompt as posted."""
        return self.posted.prompt

    def take(self, at: float, message: Message) -> None:
        """Keep a message that came at the clock's time `at`."""
        self._last = max(round(at - self.posted.at, 6), round(self._last + _TICK, 6))
        if not self._keeps(message):
            self.left_out += 1
        elif message.binary == BINARY_TEXT:
            self.texts.append((self._last, str(message.data["node_id"]), str(message.data["text"])))
        elif message.binary:
            self._take_preview(message)
        else:
            self.events.append(Event(self._last, message.kind, message.data))
        if not message.binary:
            if message.kind == "executing":
                node = message.data.get("node")
                self._node = None if node is None else str(node)
                self.heard = node is None
            # A blocked output reports execution_error without a timestamp, and the run goes on.
            self.terminal |= message.kind in TERMINAL and "timestamp" in message.data

    def _take_preview(self, message: Message) -> None:
        meta = message.data if message.binary == PREVIEW_WITH_METADATA else {"node_id": self._node, **message.data}
        sent = class_of(self.prompt.get(str(meta.get("node_id")))) == WEBSOCKET_CLASS
        kept = message.picture if sent or self.keep_previews else b""
        self.previews.append(Preview(self._last, meta, kept))

    def _keeps(self, message: Message) -> bool:
        """Whether there is room for a message, and count it."""
        sort = message.kind if message.kind in PASSING or message.binary else "event"
        self._counts[sort] += 1
        if self._counts[sort] > MOST_MESSAGES or message.size > self.budget.left // SHARE:
            return False
        self.budget.held += message.size
        return True


class Tape:
    """All runs going by, and the messages of runs whose post is not answered yet."""

    def __init__(self, keep_previews: bool = True) -> None:
        self._keep_previews = keep_previews
        self._runs: dict[str, list[TapedRun]] = {}
        self._current: dict[str, str] = {}
        self._posting = 0
        self._unclaimed: dict[str, deque[tuple[str, float, Message]]] = {}
        self._waiting = self._waiting_bytes = 0

    def waits_for(self, source: str) -> bool:
        """Whether a run is going on whose messages are sent to this socket."""
        return any(run.posted.source == source for run in self.runs() if not run.heard)

    def runs(self) -> list[TapedRun]:
        """Return the runs going by."""
        return [run for runs in self._runs.values() for run in runs]

    @contextmanager
    def posting(self) -> Iterator[None]:
        """A prompt is on its way: its messages may come before the answer that tells its id."""
        self._posting += 1
        try:
            yield
        finally:
            self._posting -= 1
            if not self._posting:
                self._unclaimed.clear()
                self._waiting = self._waiting_bytes = 0

    def accept(self, posted: Posted, prompt_id: str, number: Any) -> TapedRun:
        """The prompt was queued under this id; return its run."""
        run = TapedRun(posted, prompt_id, number, self._keep_previews)
        self._runs.setdefault(prompt_id, []).append(run)
        waiting = self._unclaimed.get(prompt_id, deque())
        while waiting and not run.heard:
            source, at, message = waiting.popleft()
            self._waiting -= 1
            self._waiting_bytes -= message.size
            if source == posted.source:
                run.take(at, message)
        return run

    def forget(self, run: TapedRun) -> None:
        """The run is written, or given up."""
        runs = self._runs.get(run.prompt_id, [])
        if run in runs:
            runs.remove(run)
        if not runs:
            self._runs.pop(run.prompt_id, None)

    def hear(self, source: str, at: float, message: Message) -> TapedRun | None:
        """Take a message of the socket of `source`; return the run it belongs to, if it is one of ours."""
        prompt_id = message.prompt_id
        if prompt_id is not None:
            if message.kind == "executing" and message.data.get("node") is None:
                self._current.pop(source, None)
            else:
                self._current[source] = prompt_id
        elif message.binary:
            prompt_id = self._current.get(source)
        if prompt_id is None:
            return None
        run = self._run(prompt_id, message)
        if run is None:
            self._keep(prompt_id, source, at, message)
        elif run.posted.source == source:
            run.take(at, message)
            return run
        return None

    def closed(self, source: str) -> None:
        """The socket of `source` is gone."""
        self._current.pop(source, None)

    def _run(self, prompt_id: str, message: Message) -> TapedRun | None:
        for run in self._runs.get(prompt_id, ()):
            begins_again = message.kind == "execution_start" and any(one.type == message.kind for one in run.events)
            if not run.heard and not begins_again:
                return run
        return None

    def _keep(self, prompt_id: str, source: str, at: float, message: Message) -> None:
        if self._posting and self._waiting < _MOST_UNCLAIMED and self._waiting_bytes < _MOST_UNCLAIMED_BYTES:
            self._waiting_bytes += message.size
            self._unclaimed.setdefault(prompt_id, deque()).append((source, at, message))
            self._waiting += 1


def read_message(opcode: int, payload: bytes) -> Message | None:
    """Return a WebSocket message of ComfyUI, None for any other and for broken ones."""
    try:
        if opcode == TEXT:
            cost = json_cost(payload)
            told = json.loads(payload) if cost <= DEFAULT_MAX_MEMORY // SHARE else None
            if isinstance(told, dict) and isinstance(told.get("type"), str) and isinstance(told.get("data"), dict):
                return Message(told["type"], told["data"], size=cost + _OBJECTS)
        elif opcode == BINARY and len(payload) >= 8:
            return _read_binary(payload)
    except (ValueError, RecursionError):
        pass
    return None


def _read_binary(payload: bytes) -> Message | None:
    kind, second = struct.unpack_from(">II", payload)
    if kind == PREVIEW:
        kinds = {"image_type": _IMAGE_TYPES.get(second, "image/png")}
        return Message("preview", kinds, kind, payload[8:], len(payload) + _OBJECTS)
    head, rest = payload[8 : 8 + second], payload[8 + second :]
    if len(head) < second:
        return None
    if kind == PREVIEW_WITH_METADATA:
        cost = json_cost(head)
        meta = json.loads(head) if cost <= DEFAULT_MAX_MEMORY // SHARE else None
        return Message("preview", meta, kind, rest, len(payload) + cost) if isinstance(meta, dict) else None
    if kind == BINARY_TEXT:
        return Message(
            "text", {"node_id": head.decode(), "text": rest.decode()}, kind, size=4 * len(payload) + _OBJECTS
        )
    return None
