"""The wire of a client whose runs go on in the background: HTTP and WebSocket as `Waiting` has them, each asked in a
thread of its own while an event loop goes on."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from ..access import Access
from ..memory import SHARE, Budget
from .buffer import Buffer
from .events import EventStream
from .http import Http
from .messages import HELD, Message
from .reply import Reply
from .waiters import Waiters
from .wire import Read, Stream

_THREADS = 4
"""Questions to one server at once."""
_BUDGET: contextvars.ContextVar[Budget] = contextvars.ContextVar("comfy_budget")
"""Of the run that a task of the loop is."""

T = TypeVar("T")


class Beside:
    """The wire; its coroutines are for one event loop. Each run that is a task of its own has a budget of its own."""

    def __init__(self, access: Access, budget: Budget) -> None:
        self.access = access
        self.url = access.url
        self.http = _Http(access)
        self.http.budget = budget
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="comfy-ask")
        self._lock: asyncio.Lock | None = None

    @property
    def budget(self) -> Budget:
        """Of the run that the task is, else of what is asked beside runs."""
        return self.http.budget

    @budget.setter
    def budget(self, budget: Budget) -> None:
        if _is_task():
            _BUDGET.set(budget)
        else:
            self.http.budget = budget

    @property
    def timeout(self) -> float:
        """Seconds that a request may take."""
        return self.http.timeout

    async def request(self, method: str, path: str, **more: Any) -> Reply:
        """Send one request."""
        return await self._asked(lambda: self.http.request(method, path, **more))

    async def open_stream(self, client_id: str, timeout: float, max_memory: int) -> Stream:
        """Open a socket, with a thread that reads it."""
        messages = _Messages(min(HELD, max_memory // SHARE))
        return _Read(
            await self._asked(lambda: EventStream(self.access, client_id, timeout, max_memory, messages)), messages
        )

    def alone(self) -> AbstractAsyncContextManager[Any]:
        """Let one task of the loop at a time do what is in the block."""
        self._lock = self._lock or asyncio.Lock()
        return self._lock

    async def nap(self, seconds: float) -> None:
        """Let others go on for so long."""
        await asyncio.sleep(seconds)

    async def close(self) -> None:
        """Close the connections; a question that is not answered yet is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(self.http.close)

    async def _asked(self, ask: Callable[[], T]) -> T:
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: context.run(ask))


class _Http(Http):
    """HTTP of which each run has a budget of its own."""

    @property
    def budget(self) -> Budget:
        return _BUDGET.get(self._of_others)

    @budget.setter
    def budget(self, budget: Budget) -> None:
        self._of_others = budget


class _Messages(Buffer[Message]):
    """What a thread reads and tasks of the loop take: when one took a message, others look whether it was theirs."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self._loop = asyncio.get_running_loop()
        self._waiters = Waiters()

    def put(self, item: Message) -> None:
        """Add an item, once there is room for it."""
        super().put(item)
        with contextlib.suppress(RuntimeError):  # the loop may be closed already
            self._loop.call_soon_threadsafe(self._waiters.wake)

    async def next(self, timeout: float) -> Message | None:
        """Return the next message, None when none comes within `timeout` seconds, or another asker took it."""
        message = self.get(0.0)
        if message is None and timeout > 0:
            await self._waiters.change(timeout)
            message = self.get(0.0)
        if message is not None:
            self._waiters.wake()
        return message


class _Read(Read):
    """A socket that a thread reads, for tasks of the loop."""

    def __init__(self, stream: EventStream, messages: _Messages) -> None:
        super().__init__(stream)
        self._messages = messages

    async def close(self) -> None:
        await asyncio.to_thread(self._stream.close)

    async def _next(self, timeout: float) -> Message | None:
        return await self._messages.next(timeout)


def _is_task() -> bool:
    try:
        return asyncio.current_task() is not None
    except RuntimeError:
        return False
