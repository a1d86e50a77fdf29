"""What the client asks of input and output. All that is above it is the same for a client that waits and for one that
others go on beside.

What is above is written as coroutines. With `Waiting` none of their calls ever gives way, so that `done` runs such a
coroutine to its end at once, in the thread of who called; with asyncio they are awaited as any other.
"""

from __future__ import annotations

import math
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, Protocol, TypeVar

from ..access import Access
from ..memory import Budget
from .errors import GatewayAnswered, ServerUnreachable
from .events import EventStream
from .http import Http
from .messages import Message
from .reply import Reply, is_passing

RETRIES = (0.1, 0.5, 2.0)
"""Seconds between tries of a request that may be made again."""
_LEAST = 0.05
_DENIED = (401, 407)

T = TypeVar("T")


class Stream(Protocol):
    """One socket with one client id; messages are buffered until they are asked for."""

    @property
    def alive(self) -> bool:
        """Whether the socket is still open, as far as is known."""

    @property
    def spent(self) -> bool:
        """Whether it was closed, and what it told before was taken; all that comes of it then is that."""

    async def next(self, timeout: float) -> Message | None:
        """Return the next message, None when none comes within `timeout` seconds."""

    def discard(self) -> None:
        """Forget what is buffered, and buffer what comes from now on."""

    def rest(self) -> None:
        """Buffer nothing until the next `discard`."""

    async def close(self) -> None:
        """Close the socket."""


class Wire(Protocol):
    """HTTP, WebSocket and the clock of one client of one server.

    timeout  seconds that a request may take unless it says otherwise
    budget   of the run that is going on; an answer may take what is left of it
    """

    access: Access
    url: str
    budget: Budget

    @property
    def timeout(self) -> float:
        """Seconds."""

    async def request(
        self,
        method: str,
        path: str,
        *,
        limit: int | None = None,
        parsed: bool = True,
        timeout: float | None = None,
        **more: Any,
    ) -> Reply:
        """Send one request, as `Http.request` does; `more` is `params`, `json`, or `files` and `data`."""

    async def open_stream(self, client_id: str, timeout: float, max_memory: int) -> Stream:
        """Open a socket; raises ServerUnreachable."""

    def alone(self) -> AbstractAsyncContextManager[Any]:
        """Let one caller at a time do what is in the block."""

    async def nap(self, seconds: float) -> None:
        """Do nothing for so long."""

    async def close(self) -> None:
        """Close the connections."""


async def get_again(
    wire: Wire, path: str, params: Mapping[str, str] | None = None, *, timeout: float, **limits: Any
) -> Reply:
    """GET, and again where no whole answer came or a proxy answered for the server; asking twice harms nothing.

    Raises ServerUnreachable when that does not help, or not in time.
    """
    deadline = time.monotonic() + timeout
    pauses = iter(RETRIES)
    while True:
        failed: ServerUnreachable | None = None
        try:
            left = max(deadline - time.monotonic(), _LEAST)
            reply = await wire.request("GET", path, params=params, timeout=left, **limits)
            if not is_passing(reply.status):
                return reply
        except ServerUnreachable as error:
            if isinstance(error, GatewayAnswered) and error.status in _DENIED:
                raise
            failed = error
        pause = next(pauses, math.inf)
        if time.monotonic() + pause >= deadline:
            if failed is not None:
                raise failed
            return reply
        await wire.nap(pause)


class Waiting:
    """The wire of a client that waits."""

    def __init__(self, access: Access, budget: Budget) -> None:
        self.access = access
        self.url = access.url
        self.http = Http(access)
        self.http.budget = budget

    @property
    def budget(self) -> Budget:
        """Of the run that is going on."""
        return self.http.budget

    @budget.setter
    def budget(self, budget: Budget) -> None:
        self.http.budget = budget

    @property
    def timeout(self) -> float:
        """Seconds that a request may take."""
        return self.http.timeout

    async def request(self, method: str, path: str, **more: Any) -> Reply:
        """Send one request."""
        return self.http.request(method, path, **more)

    async def open_stream(self, client_id: str, timeout: float, max_memory: int) -> Stream:
        """Open a socket, with a thread that reads it."""
        return Read(EventStream(self.access, client_id, timeout, max_memory))

    def alone(self) -> AbstractAsyncContextManager[Any]:
        """There are no others."""
        return nullcontext()

    async def nap(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)

    async def close(self) -> None:
        """Close the connections."""
        self.http.close()


class Read:
    """A socket that a thread reads."""

    def __init__(self, stream: EventStream) -> None:
        self._stream = stream
        self.spent = False
        self.discard, self.rest = stream.discard, stream.rest

    @property
    def alive(self) -> bool:
        return self._stream.alive

    async def next(self, timeout: float) -> Message | None:
        message = await self._next(timeout) if not self.spent else Message(time.monotonic(), closed=True)
        self.spent = self.spent or (message is not None and message.closed)
        return message

    async def close(self) -> None:
        self._stream.close()

    async def _next(self, timeout: float) -> Message | None:
        return self._stream.next(timeout)


def done(work: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine over `Waiting` returns."""
    try:
        work.send(None)
    except StopIteration as end:
        value: T = end.value
        return value
    raise RuntimeError("a coroutine over a wire that waits gave way")


def each(work: AsyncGenerator[T, None], done: Callable[[Coroutine[Any, Any, Any]], Any]) -> Iterator[T]:
    """Yield what an asynchronous generator yields, of which `done` returns what a coroutine does."""
    try:
        while True:
            try:
                item = done(_next(work))
            except StopAsyncIteration:
                return
            yield item
    finally:
        done(_close(work))


async def _next(work: AsyncGenerator[T, None]) -> T:
    return await work.__anext__()


async def _close(work: AsyncGenerator[T, None]) -> None:
    await work.aclose()
