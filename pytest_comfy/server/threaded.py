"""An aiohttp application in a thread of its own, for use from any other."""

from __future__ import annotations

import asyncio
import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self, TypeVar

from aiohttp import web

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class ThreadedServer(ABC):
    """Listens from `start()` to `stop()`, or as a context manager; all methods may be called from any thread.

    host, port  where to listen; port 0 picks a free one
    title       what it is called in messages, such as "the recording proxy"
    listens     False opens no port
    loop        the event loop, None while it is not running
    runner      the running application, None while there is none
    """

    runner_options: dict[str, Any] = {}  # noqa: RUF012 - replaced as a whole by those who need others

    def __init__(self, host: str, port: int, title: str, *, listens: bool = True) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self.runner: web.AppRunner | None = None
        self._host, self._port, self._title, self._listens = host, port, title, listens
        self._bound = port
        self._url: str | None = None
        self._site: web.TCPSite | None = None
        self._doing: set[asyncio.Task[None]] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping: asyncio.Event | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Such as http://127.0.0.1:51234, no slash at the end. Raises RuntimeError before `start()`."""
        if not self._listens:
            raise RuntimeError(f"{self._title} has no address: it was told not to listen")
        if self._url is None:
            raise RuntimeError(f"{self._title} is not running: call start() first")
        return self._url

    def start(self) -> Self:
        """Listen. Returns when requests are answered; raises OSError where the port is taken."""
        with self._lock:
            if self._thread is not None:
                return self
            ready = threading.Event()
            failure: list[BaseException] = []
            name = self._title.removeprefix("the ").replace(" ", "-").lower()
            self._thread = threading.Thread(target=self._run, args=(ready, failure), name=name, daemon=True)
            self._thread.start()
            ready.wait()
            if failure:
                self._thread.join()
                self._thread = None
                raise failure[0]
            return self

    def stop(self) -> None:
        """Close all connections and end the thread; does nothing where it is not running."""
        with self._lock:
            if self._thread is None or self.loop is None or self._stopping is None:
                return
            self.loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
            self._thread = None
            self._url = None

    @abstractmethod
    async def open(self) -> web.Application:
        """Make the application; runs on the server's loop before it listens."""

    async def opened(self) -> None:  # noqa: B027 - not all have something to do
        """Do what is to be done once the address is known, before `start()` returns; on the server's loop."""

    async def close(self) -> None:  # noqa: B027 - not all have something to do
        """Clean up on the server's loop, while connections are still open; called after a failed start, too."""

    def call(self, act: Callable[[], _T]) -> _T:
        """Run `act` on the server's loop, or here where there is none."""
        with self._lock:
            loop = self.loop
            if self._thread is None or loop is None or threading.current_thread() is self._thread:
                return act()

            done: Future[_T] = Future()

            def on_loop() -> None:
                try:
                    done.set_result(act())
                except BaseException as error:
                    done.set_exception(error)

            loop.call_soon_threadsafe(on_loop)
            return done.result()

    def soon(self, act: Callable[[], object]) -> None:
        """Have `act` run on the server's loop before what is asked from now on, or here where there is none."""
        with self._lock:
            if self._thread is None or self.loop is None or threading.current_thread() is self._thread:
                act()
            else:
                self.loop.call_soon_threadsafe(act)

    def do(self, act: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Have `act` done on the server's loop, if it runs, and wait for it unless this is the loop itself."""
        if threading.current_thread() is self._thread:
            # Before it listens, and when it stops, there is nothing to be done.
            if self.loop is not None:
                self._doing.add(task := self.loop.create_task(act()))
                task.add_done_callback(self._doing.discard)
            return
        with self._lock:
            if self._thread is not None and self.loop is not None:
                asyncio.run_coroutine_threadsafe(act(), self.loop).result()

    def _run(self, ready: threading.Event, failure: list[BaseException]) -> None:
        try:
            asyncio.run(self._main(ready))
        except BaseException as error:
            if ready.is_set():
                _log.exception("%s failed", self._title)
            failure.append(error)
        finally:
            self.loop = None
            ready.set()

    async def listen(self, wanted: bool) -> None:
        """Open the port again, or close it and cut all connections; on the server's loop."""
        if self.runner is None or not self._listens or wanted == (self._site is not None):
            return
        if wanted:
            self._site = web.TCPSite(self.runner, self._host, self._bound)
            await self._site.start()
            return
        site, self._site = self._site, None
        if site is not None:
            await site.stop()
        for connection in list(self.runner.server.connections if self.runner.server else ()):
            if connection.transport is not None:
                connection.transport.abort()

    async def _main(self, ready: threading.Event) -> None:
        self._stopping = asyncio.Event()
        app = await self.open()
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1, **self.runner_options)
        try:
            await runner.setup()
            self.runner, self._bound = runner, self._port
            await self.listen(True)
            if self._listens:
                host, self._bound = runner.addresses[0][:2]
                self._url = f"http://[{host}]:{self._bound}" if ":" in host else f"http://{host}:{self._bound}"
            self.loop = asyncio.get_running_loop()
            await self.opened()
            ready.set()
            await self._stopping.wait()
        finally:
            self.runner = self._site = None
            await self.close()
            await runner.cleanup()
