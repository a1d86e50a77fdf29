"""Faults: what goes wrong, aimed at the nth match, and the ones that are active in a server."""

from __future__ import annotations

import asyncio
import json
import math
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Self, TypeVar

from aiohttp import web

from ..wire.messages import PREVIEW_WITH_METADATA, TEXT

if TYPE_CHECKING:
    from ..wire.hub import Client

Frame = str | bytes
Sent = tuple[Frame, "Sequence[Client]"]
"""A message and who gets it."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class Fault:
    """Something that goes wrong at the nth match, and at the `times` - 1 matches after it (0: at all).

    `reached` is set, and `fired` counted, when it acts. Every fault counts what it is aimed at for itself,
    whatever others make of it. Made by the functions of this package.
    """

    def __init__(self, name: str, nth: int = 1, times: int = 1) -> None:
        if nth < 1 or times < 0:
            raise ValueError(f"{name}: nth starts at 1 and times at 0 (for ever), not nth={nth}, times={times}")
        self.name = name
        self.nth = nth
        self.times = times
        self.fired = 0
        self.reached = threading.Event()
        self._seen = 0
        # The fault may be active in several servers, each of which has a thread.
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<fault {self.name} nth={self.nth} times={self.times} fired={self.fired}>"

    def is_due(self) -> bool:
        """Count a match and tell whether the fault is to act on it."""
        with self._lock:
            self._seen += 1
            return self._seen >= self.nth and (self.times == 0 or self._seen < self.nth + self.times)

    def fire(self) -> None:
        """Note that it acts."""
        with self._lock:
            self.fired += 1
        self.reached.set()

    def release(self) -> None:
        """End what the fault has begun, if it is of a kind that lasts."""


class RequestFault(Fault):
    """Acts on HTTP requests: `act` gets the request and the handler that would answer it.

    whole  whether it needs an answer with a body: then the handshake of a WebSocket is none of its requests
    """

    def __init__(
        self,
        name: str,
        act: Callable[[web.Request, Handler], Awaitable[web.StreamResponse]],
        method: str | None,
        path: str,
        nth: int,
        times: int,
        *,
        whole: bool = False,
    ) -> None:
        super().__init__(name, nth, times)
        self._act, self._whole = act, whole
        self._method = method.upper() if method else None
        if self._method not in (None, *_METHODS):
            raise ValueError(f"{name}: {method!r} is no method: there are {', '.join(_METHODS)}")
        if not path.startswith(("/", "*")):
            raise ValueError(f"{name}: path={path!r} is to begin with / (or with *), as in /view or /upload/*")
        self._path = _without_prefix(path)

    def concerns(self, request: web.Request) -> bool:
        """Whether the request is of the kind that is meant; `/api` in front makes no difference."""
        if self._whole and is_socket(request):
            return False
        return self._method in (None, request.method) and fnmatchcase(_without_prefix(request.path), self._path)

    def meets(self, request: web.Request) -> bool:
        """Count the request, if it is of the kind that is meant, and tell whether the fault is to act on it."""
        return self.concerns(request) and self.is_due()

    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a request that it met."""
        self.fire()
        return await self._act(request, handler)


@dataclass(frozen=True, slots=True)
class Moment:
    """A message about to be sent, or a step of the queue ("queue", "run").

    run          the how-many-eth accepted prompt of this server life it belongs to, None for none
    interrupted  set when the run is to be interrupted
    restart      restarts the server; the seconds say for how long its port is closed
    """

    kind: str
    data: Mapping[str, Any]
    run: int | None
    class_type: str = ""
    interrupted: asyncio.Event = field(default_factory=asyncio.Event)
    restart: Callable[[float], None] = lambda down: None
    close: Callable[[int | None], None] = lambda code: None
    silence: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Failure:
    """The error that a run is to end with."""

    exception_type: str
    message: str


@dataclass(frozen=True, slots=True)
class Target:
    """Which WebSocket messages are meant.

    event       type, "preview" for pictures, "text" for binary texts; may have wildcards
    node        id of the node; "null" for the `executing` that ends a run
    run         the how-many-eth accepted prompt of the server life it belongs to, from 1
    class_type  of the node; may have wildcards
    """

    event: str
    node: str | None = None
    run: int | None = None
    class_type: str = "*"

    def concerns(self, kind: str, node: Any, run: int | None, class_type: str = "") -> bool:
        """Whether a message is one of them."""
        if kind == "executing" and node is None:
            node = "null"
        return (
            fnmatchcase(kind, self.event)
            and self.run in (None, run)
            and self.node in (None, node)
            and (self.class_type == "*" or fnmatchcase(class_type, self.class_type))
        )


class FrameFault(Fault):
    """Changes what is sent: `act` returns what is sent in place of a message."""

    def __init__(
        self, name: str, act: Callable[[Sent], list[Sent]], target: Target, nth: int = 1, times: int = 1
    ) -> None:
        super().__init__(name, nth, times)
        self._act, self._target = act, target

    def meets(self, kind: str, node: Any, run: int | None) -> bool:
        """Count the message, if it is meant, and tell whether the fault is to act on it."""
        return self._target.concerns(kind, node, run) and self.is_due()

    def passed(self, sent: list[Sent]) -> list[Sent]:
        """Return what is sent in place of a message that it met, which others may have changed before."""
        self.fire()
        return [new for one in sent for new in self._act(one)]

    def late(self) -> list[Sent]:
        """Return what it has kept back, now that another message was sent."""
        return []


class PointFault(Fault):
    """Acts before a message is sent; may wait, and may end the run."""

    def __init__(
        self,
        name: str,
        act: Callable[[Moment], Awaitable[Failure | None]],
        target: Target,
        nth: int = 1,
        times: int = 1,
    ) -> None:
        super().__init__(name, nth, times)
        self._act, self._target = act, target

    def meets(self, moment: Moment) -> bool:
        """Count the moment, if it is meant, and tell whether the fault is to act on it."""
        node = moment.data.get("node", moment.data.get("node_id"))
        return self._target.concerns(moment.kind, node, moment.run, moment.class_type) and self.is_due()

    async def meet(self, moment: Moment) -> Failure | None:
        """Act at a moment that it met."""
        self.fire()
        return await self._act(moment)


_F = TypeVar("_F", bound=Fault)


class Faults:
    """The active faults of a server. They outlive `reset()` and restarts, and go on counting there.

    All methods may be called from any thread.
    """

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        self._active: tuple[Fault, ...] = ()
        self._lock = threading.Lock()
        self._changed = changed
        self._executing: Any = None
        self.run: int | None = None
        """The run whose messages are being sent."""

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._active)

    def __len__(self) -> int:
        return len(self._active)

    def add(self, fault: _F, *more: Fault) -> _F:
        """Activate faults; returns the first. One that is active already stays as it is."""
        with self._lock:
            self._active = tuple(dict.fromkeys((*self._active, fault, *more)))
        self._changed()
        return fault

    def remove(self, *faults: Fault) -> None:
        """Deactivate faults, and release what they hold."""
        with self._lock:
            self._active = tuple(one for one in self._active if one not in faults)
        for fault in faults:
            fault.release()
        self._changed()

    def clear(self) -> None:
        """Deactivate all faults."""
        self.remove(*self._active)

    @contextmanager
    def active(self, *faults: Fault) -> Iterator[Self]:
        """Activate faults for the time of a `with` block."""
        if faults:
            self.add(*faults)
        try:
            yield self
        finally:
            self.remove(*faults)

    @property
    def change_frames(self) -> bool:
        """Whether any fault changes what is sent."""
        return any(isinstance(one, FrameFault) for one in self._active)

    def gate(self, kind: str, frame: Frame, clients: Sequence[Client]) -> list[Sent]:
        """Return what is sent in place of a message, and to whom."""
        active = [one for one in self._active if isinstance(one, FrameFault)]
        if not active:
            return [(frame, clients)]
        node = self._node_of(kind, frame)
        met = [one for one in active if one.meets(kind, node, self.run)]
        sent: list[Sent] = [(frame, clients)]
        for fault in met:
            sent = fault.passed(sent)
        late = [one for fault in active if sent and fault not in met for one in fault.late()]
        return sent + late

    async def before(self, moment: Moment) -> Failure | None:
        """Let the faults act that are aimed at this moment."""
        for fault in [one for one in self._active if isinstance(one, PointFault) and one.meets(moment)]:
            if fault not in self._active:
                continue  # removed while another one waited
            failure = await fault.meet(moment)
            if failure is not None:
                return failure
        return None

    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a request as the faults aimed at it will have it; the one added last is the outermost."""
        for fault in self._active:
            if isinstance(fault, RequestFault) and fault.meets(request):
                handler = _wrapped(fault, handler)
        return await handler(request)

    def _node_of(self, kind: str, frame: Frame) -> Any:
        """Return the node that a message names; a picture without metadata is of the node that is executing."""
        node = _node_of(frame)
        if kind == "executing":
            self._executing = node
        return self._executing if kind == "preview" and node is None else node


def check_seconds(name: str, seconds: float) -> None:
    """Raise ValueError unless one can wait so long."""
    if not (math.isfinite(seconds) and seconds >= 0):
        raise ValueError(f"{name}: {seconds} is no number of seconds to wait")


def is_socket(request: web.Request) -> bool:
    """Whether a request asks for a WebSocket."""
    return request.headers.get("Upgrade", "").lower() == "websocket"


def _without_prefix(path: str) -> str:
    return path[4:] if path.startswith("/api/") else path


def _wrapped(fault: RequestFault, handler: Handler) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        return await fault.answer(request, handler)

    return answer


def _node_of(frame: Frame) -> Any:
    if isinstance(frame, bytes):
        kind, length = struct.unpack_from(">II", frame)
        if kind == TEXT:
            return frame[8 : 8 + length].decode()
        return json.loads(frame[8 : 8 + length]).get("node_id") if kind == PREVIEW_WITH_METADATA else None
    data = json.loads(frame).get("data")
    return data.get("node", data.get("node_id")) if isinstance(data, dict) else None
