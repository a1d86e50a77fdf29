"""FakeComfyServer: the server in a thread of its own, for use from any other."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from aiohttp import web

from ..golden import GoldenRun
from .engine import Engine
from .hub import Hub
from .library import Library, Source
from .posting import PostedPrompts
from .routes import make_app

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class FakeComfyServer:
    """A ComfyUI that replays golden runs over HTTP and WebSocket.

    recordings  golden runs, or directories below which they lie
    speed       0 as fast as possible, 1 as recorded, 2 twice as fast; the order is always the recorded one
    host, port  where to listen; port 0 picks a free one

    The nth post of a prompt replays its nth recording, and the last one repeats. A post identical to the
    prompt executed last, for which no further recording is left, is answered as ComfyUI's cache does it.
    Use it as a context manager, or call `start()` and `stop()`; all methods may be called from any thread.
    """

    def __init__(
        self,
        recordings: Source | Iterable[Source] = (),
        *,
        speed: float = 0.0,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.speed = speed
        self.hub = Hub()
        self._host, self._port = host, port
        self._url: str | None = None
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._worker: asyncio.Task[None] | None = None
        self._renew(recordings)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Such as http://127.0.0.1:51234, no slash at the end. Raises RuntimeError before `start()`."""
        if self._url is None:
            raise RuntimeError("the fake ComfyUI server is not running: call start() first")
        return self._url

    @property
    def prompts(self) -> list[dict[str, Any]]:
        """The bodies of `POST /prompt` that were accepted, oldest first (the last 10,000)."""
        return self._call(lambda: list(self.posted.accepted))

    @property
    def unmatched(self) -> list[dict[str, Any]]:
        """The bodies of `POST /prompt` that no golden run answers."""
        return self._call(lambda: list(self.posted.unmatched))

    @property
    def unused(self) -> list[Path | GoldenRun]:
        """What no prompt has asked for: folders, and golden runs that are not in a folder."""
        return self._call(lambda: self.library.unused)

    def start(self) -> Self:
        """Listen. Returns when requests are answered; raises OSError where the port is taken."""
        with self._lock:
            if self._thread is not None:
                return self
            ready = threading.Event()
            failure: list[BaseException] = []
            self._thread = threading.Thread(
                target=self._run, args=(ready, failure), name="fake-comfy-server", daemon=True
            )
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
            if self._thread is None or self._loop is None or self._stopping is None:
                return
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
            self._thread = None
            self._url = None

    def add(self, recording: Source) -> None:
        """Add a golden run, or all those below a directory."""
        self._call(lambda: self.library.add(recording))

    def reset(self, recordings: Source | Iterable[Source] = ()) -> None:
        """Begin a new server life with these recordings; connected clients stay connected.

        Queue, history, files, counters and the memory of posts are gone; a run in progress ends unheard.
        """
        sources = recordings if isinstance(recordings, (str, Path, GoldenRun)) else list(recordings)  # type: ignore[arg-type]
        self._call(lambda: self._renew(sources))

    def _renew(self, recordings: Source | Iterable[Source]) -> None:
        self.library = Library()
        self.library.add_all(recordings)
        self.posted = PostedPrompts()
        self.engine = Engine(self.hub, self.speed)
        if self._worker is not None:
            self._worker.cancel()
            self._worker = asyncio.ensure_future(self.engine.work())

    def _call(self, act: Callable[[], _T]) -> _T:
        """Run `act` on the server's loop, or here where there is none."""
        with self._lock:
            loop = self._loop
            if self._thread is None or loop is None:
                return act()

            async def on_loop() -> _T:
                return act()

            return asyncio.run_coroutine_threadsafe(on_loop(), loop).result()

    def _run(self, ready: threading.Event, failure: list[BaseException]) -> None:
        try:
            asyncio.run(self._main(ready))
        except BaseException as error:
            if ready.is_set():
                _log.exception("the fake ComfyUI server failed")
            failure.append(error)
        finally:
            self._loop = None
            ready.set()

    async def _main(self, ready: threading.Event) -> None:
        self._stopping = asyncio.Event()
        app = make_app(self)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
            host, port = runner.addresses[0][:2]
            self._url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
            self._worker = asyncio.ensure_future(self.engine.work())
            self._loop = asyncio.get_running_loop()
            ready.set()
            await self._stopping.wait()
        finally:
            if self._worker is not None:
                self._worker.cancel()
                self._worker = None
            await self.hub.close()
            await runner.cleanup()
