"""A client whose runs go on in the background, several after each other on one socket, while others wait or compare."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future, wait
from typing import Any, Generic, TypeVar

from ..access import Access
from ..memory import Budget
from ..workflow.model import Workflow
from .beside import Beside
from .client import ComfyClient
from .run import Progress, Run
from .runs import PLACE, Place

_INTERRUPTIBLE = 0.5
"""Seconds that are waited at once: Ctrl-C does not end a wait on every system."""
_ENDING = 15.0
"""Seconds that what is called off has to be taken off its server."""

T = TypeVar("T")


class Loop:
    """An event loop in a thread of its own, which belongs to the clients of one process."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="comfy-runs", daemon=True)
        self._thread.start()

    def begin(self, work: Coroutine[Any, Any, T]) -> Work[T]:
        """Have a coroutine go on in the loop."""
        return Work(self._loop, work)

    def done(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what a coroutine returns; what ends the wait, as Ctrl-C does, ends the coroutine before."""
        return self.begin(work).result()

    def close(self) -> None:
        """End the loop; what still goes on in it is called off."""
        wait([self.begin(_call_off_all()).future], _ENDING)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_ENDING)
        if not self._thread.is_alive():
            self._loop.close()


class Work(Generic[T]):
    """A coroutine that goes on in a loop; asked from other threads."""

    def __init__(self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> None:
        self._loop = loop
        self._work = work
        self._task: asyncio.Task[None] | None = None
        self.future: Future[T] = Future()
        loop.call_soon_threadsafe(self._begin)

    def call_off(self) -> None:
        """End it, without waiting for that."""
        with contextlib.suppress(RuntimeError):  # the loop is closed, and it is over
            self._loop.call_soon_threadsafe(self._cancel)

    def result(self, look: Callable[[float], object] | None = None) -> T:
        """Return what it comes to.

        look  called again and again while it goes on, to wait for so many seconds
        """
        look = look or self._wait
        try:
            while not self.future.done():
                look(_INTERRUPTIBLE)
        except BaseException:
            self.end()
            raise
        return self.future.result()

    def end(self) -> None:
        """End it, and wait until that was done, for so long as it may take."""
        self.call_off()
        self._wait(_ENDING)

    def _wait(self, seconds: float) -> None:
        wait([self.future], seconds)

    def _begin(self) -> None:
        self._task = self._loop.create_task(self._go_on())
        self._task.add_done_callback(self._ended)

    def _cancel(self) -> None:
        if self._task is not None and not self._task.cancelling():
            self._task.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """One that was called off before its first step has told nobody."""
        if not self.future.done():
            self._work.close()
            self.future.set_exception(asyncio.CancelledError())

    async def _go_on(self) -> None:
        try:
            result = await self._work
        except BaseException as error:
            self.future.set_exception(error)
            if not isinstance(error, (Exception, asyncio.CancelledError)):
                raise
        else:
            self.future.set_result(result)


async def _call_off_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        if not task.cancelling():  # one that was called off before takes its prompt off the server
            task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class BackgroundRun:
    """A run that goes on in the background: queued at once, its outputs downloaded when it is over.

    progress    where it is, None before anything is known
    started_at  when the server began to execute it, in monotonic seconds; None before that is known
    on_change   called in the loop's thread whenever it came further
    on_start    called in the loop's thread when the server begins to execute it
    """

    def __init__(self, on_change: Callable[[], object], on_start: Callable[[], object]) -> None:
        self.progress: Progress | None = None
        self.started_at: float | None = None
        self._on_change = on_change
        self._on_start = on_start
        self._changed = threading.Event()
        self._work: Work[Run] | None = None

    def begin(self, loop: Loop, work: Coroutine[Any, Any, Run]) -> None:
        """Have it go on in a loop."""
        self._work = loop.begin(work)
        self._work.future.add_done_callback(lambda future: self._tell())

    def moved(self, progress: Progress) -> None:
        """Note where it is."""
        self.progress = progress
        self._tell()

    def starts(self) -> None:
        """Note that the server begins to execute it."""
        self.started_at = time.monotonic()
        self._on_start()
        self._tell()

    @property
    def over(self) -> bool:
        """Whether there is a run, or what ended it."""
        return self._work is not None and self._work.future.done()

    @property
    def started(self) -> bool:
        """Whether the server has begun to execute it."""
        return self.over or self.started_at is not None

    def result(
        self,
        on_progress: Callable[[Progress], None] | None = None,
        changed: threading.Event | None = None,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> Run:
        """Return the run, once it is over; raises as `ComfyClient.run` does.

        changed    set whenever there may be something to do meanwhile, or the run came further
        """
        event = changed or self._changed

        def look(seconds: float) -> None:
            meanwhile()
            if self.over:
                return
            if event.wait(seconds):
                event.clear()
            if on_progress is not None and self.progress is not None and not self.over:
                on_progress(self.progress)

        assert self._work is not None
        return self._work.result(look)

    def error(self) -> BaseException | None:
        """Return what ended a run that is over, None for one that came to a good end."""
        assert self._work is not None
        return self._work.future.exception()

    @property
    def held(self) -> int:
        """The bytes that a run keeps which is over."""
        budget = self.result().budget if self.over and self.error() is None else None
        return budget.held if budget is not None else 0

    def call_off(self) -> None:
        """Take it off the server, wherever it is, without waiting for that."""
        if self._work is not None:
            self._work.call_off()

    def end(self) -> None:
        """Take it off the server, and wait until that was done."""
        if self._work is not None:
            self._work.end()

    def _tell(self) -> None:
        self._changed.set()
        self._on_change()


class BackgroundClient(ComfyClient):
    """A `ComfyClient` that asks from an event loop in another thread, so that runs go on while nobody waits for them.

    It is asked from one thread. A run's time limit counts from when the server begins to execute it.

    loop  the clients of one process share one
    gone  seconds that the server may give no answer, and refuse every connection, before it counts as dead; None for as
          long as `ComfyClient` waits
    """

    def __init__(self, url: str, *, loop: Loop, gone: tuple[float, float] | None = None, **options: Any) -> None:
        self._loop = loop
        super().__init__(url, **options)
        self._queued = asyncio.Event()
        self._queued.set()
        self._core.from_start = True
        self._core.gone = gone

    def begin(
        self,
        workflow: Workflow | Mapping[str, Any],
        on_change: Callable[[], object] = lambda: None,
        on_start: Callable[[], object] = lambda: None,
        *,
        first: bool = False,
        **options: Any,
    ) -> BackgroundRun:
        """Queue a workflow (or a prompt), to be waited for later; `options` are those of `run`.

        first      before what this client has waiting
        on_change  called in another thread whenever the run came further
        on_start   called there when the server begins to execute it

        Raises what a conversion raises; all else does the run.
        """
        if isinstance(workflow, Workflow):
            workflow = self.converted(workflow)
        going = BackgroundRun(on_change, on_start)
        before, self._queued = self._queued, asyncio.Event()
        place = Place(first, self._queued.set, going.starts)
        going.begin(self._loop, self._in_order(before, place, workflow, going.moved, options))
        return going

    async def _in_order(
        self,
        before: asyncio.Event,
        place: Place,
        workflow: Workflow | Mapping[str, Any],
        on_progress: Callable[[Progress], None],
        options: Mapping[str, Any],
    ) -> Run:
        """Run a workflow, which is queued once what was begun before it is."""
        try:
            await before.wait()
            PLACE.set(place)  # of this task alone
            return await self._core.run(workflow, on_progress=on_progress, **options)
        finally:
            place.queued()

    def run(
        self,
        workflow: Workflow | Mapping[str, Any],
        *,
        on_progress: Callable[[Progress], None] | None = None,
        **options: Any,
    ) -> Run:
        """As `ComfyClient.run`, before what this client has waiting; `on_progress` is told of the latest only."""
        return self.begin(workflow, first=True, **options).result(on_progress)

    def converted(self, workflow: Workflow) -> Workflow:
        """As `ComfyClient.converted`."""
        if workflow.form != "api":
            self.frontend()  # what converts, in the loop, cannot wait for it
        return super().converted(workflow)

    def _wire(self, access: Access, budget: Budget) -> Beside:
        return Beside(access, budget)

    def _done(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.done(work)
