"""FakeComfyServer: the server in a thread of its own, for use from any other."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from ..golden import GoldenRun
from ..golden.exchanges import Exchange, Exchanges
from .execution.engine import Engine
from .execution.posting import PostedPrompts
from .faults import Faults
from .faults.events import RefuseConnections
from .files import FileStore
from .recordings.facts import facts_of, node_definitions
from .recordings.library import Library, Source
from .recordings.script import Script, make_script
from .threaded import ThreadedServer
from .versions import DEFAULT, Version
from .web.routes import make_app
from .wire.hub import Hub

if TYPE_CHECKING:
    from .behind import Behind, Way

_log = logging.getLogger(__name__)

HOLD = 0.5
"""Seconds that a run waits for the socket of its poster; clients that open it next do so within milliseconds."""

_MADE = 8
"""Synthesized runs kept in memory."""


class FakeComfyServer(ThreadedServer):
    """A ComfyUI that replays golden runs over HTTP and WebSocket.

    recordings  golden runs, or directories below which they lie
    speed       0 as fast as possible, 1 as recorded, 2 twice as fast; the order is always the recorded one
    host, port  where to listen; port 0 picks a free one
    version     the ComfyUI to be, such as "0.8.0"; where it is None that of the first recording, else 0.30.0
    synthesize  whether a valid prompt that has no recording is executed for show. Node definitions
                (the content of `/object_info`) in place of True are served as well
    exchanges   recorded answers of a server about itself
    web_root    folder of ComfyUI's web page, served at /
    enable_cors_header  the origin whose pages may ask in a browser, "*" for all; None refuses those of other places
    listen      False opens no port: it is asked in process only
    hold        seconds that the first run of a client waits for its socket, as real runs take time; 0 does not wait
    upstream    the real server that is asked for what is not recorded, and where its runs are kept
    ignore_inputs  patterns of CLASS.INPUT or NODE.INPUT, such as "*.seed": a prompt that differs from a recording in
                nothing else is answered by it

    The nth post of a prompt replays its nth recording, and the last one repeats. Nodes that the prompt before
    had as well are answered from the cache, unless a further recording says what happened then.
    What is to go wrong is added to `faults`. Use it as a context manager, or call `start()` and `stop()`; all
    methods may be called from any thread.
    """

    def __init__(
        self,
        recordings: Source | Iterable[Source] = (),
        *,
        speed: float = 0.0,
        host: str = "127.0.0.1",
        port: int = 0,
        version: str | None = None,
        synthesize: bool | Mapping[str, Any] = False,
        exchanges: Exchanges | None = None,
        web_root: str | Path | None = None,
        enable_cors_header: str | None = None,
        listen: bool = True,
        hold: float = HOLD,
        ignore_inputs: Sequence[str] = (),
        upstream: Way | None = None,
    ) -> None:
        super().__init__(host, port, "the fake ComfyUI server", listens=listen)
        self.hub = Hub()
        self.faults = Faults(self._on_faults)
        self.hub.gate = self.faults.gate
        self._down: set[RefuseConnections] = set()
        self.web_root = None if web_root is None else Path(web_root)
        self.cors_origin = enable_cors_header
        self._hold = hold if listen else 0.0
        self._ignored = tuple(ignore_inputs)
        self._speed = speed
        self._told_version = version
        self._spoken: Version | None = None
        self._exchanges = exchanges
        self._definitions = synthesize
        self._worker: asyncio.Task[None] | None = None
        self._made: dict[str, GoldenRun] = {}
        self._behind: Behind | None = None
        self._renew(recordings)
        self._behind = self._made_behind(upstream)

    @property
    def behind(self) -> Behind | None:
        """The real server that is asked for what is not recorded, where there is one."""
        return self._behind

    @property
    def asks_further(self) -> bool:
        """Whether a real server is asked for what is not recorded."""
        return self._behind is not None

    @property
    def prompts(self) -> list[dict[str, Any]]:
        """The bodies of `POST /prompt` that were accepted, oldest first (the last 10,000)."""
        return self.call(lambda: list(self.posted.accepted))

    @property
    def unmatched(self) -> list[dict[str, Any]]:
        """The bodies of `POST /prompt` that no golden run answers."""
        return self.call(lambda: list(self.posted.unmatched))

    @property
    def refused(self) -> list[dict[str, Any]]:
        """The bodies of `POST /prompt` that were refused as ComfyUI refuses them."""
        return self.call(lambda: list(self.posted.refused))

    @property
    def problems(self) -> list[str]:
        """Why the prompts in `unmatched` had no answer, one sentence each."""
        return self.call(lambda: list(self.posted.problems))

    @property
    def unused(self) -> list[Path | GoldenRun]:
        """What no prompt has asked for: folders, and golden runs that are not in a folder."""
        return self.call(lambda: self.library.unused)

    def add(self, recording: Source) -> None:
        """Add a golden run, or all those below a directory."""
        self.call(lambda: self.library.add(recording))

    def reset(self, recordings: Source | Iterable[Source] = ()) -> None:
        """Begin a new server life with these recordings; connected clients stay connected.

        Queue, history, files, counters and the memory of posts are gone; a run in progress ends unheard.
        """
        sources = recordings if isinstance(recordings, (str, Path, GoldenRun)) else list(recordings)  # type: ignore[arg-type]
        self.call(lambda: self._renew(sources))

    def renew(self, recordings: Iterable[GoldenRun]) -> None:
        """Do as `reset` without waiting for it: what is asked of the server from now on finds it done."""
        sources = list(recordings)
        self.soon(lambda: self._renew(sources))

    def restart(self, down: float = 0.0) -> None:
        """Restart the server: sockets, queue, history, temporary files and cache are lost; recordings stay.

        down  seconds for which connections are refused; returns at once
        """
        self.call(lambda: self._restart(down))

    @property
    def speed(self) -> float:
        """How fast runs are replayed; may be changed at any time."""
        return self._speed

    @speed.setter
    def speed(self, value: float) -> None:
        self._speed = self.engine.speed = value

    @property
    def version(self) -> Version:
        """The ComfyUI that the server is."""
        text = self._told_version or facts_of(self.library).once("version", self._version_recorded)
        if self._spoken is None or self._spoken.text != text:
            self._spoken = Version(text)
            if self._spoken.unknown is not None:
                _log.warning("%s", self._spoken.unknown)
        return self._spoken

    @property
    def synthesize(self) -> Callable[..., Script] | None:
        """Makes a script for a prompt that has no recording, where that is wanted."""
        return None if self._definitions is False else self._synthesized

    def _renew(self, recordings: Source | Iterable[Source]) -> None:
        self.library = Library(self._ignored)
        if self._exchanges is not None:
            self.library.exchanges.update(self._exchanges)
        self.library.add_all(recordings)
        if isinstance(self._definitions, Mapping):
            self.library.exchanges.add(_exchange_of(self._definitions))
        self.posted = PostedPrompts()
        self._begin_life(None)

    def _begin_life(self, files: FileStore | None) -> None:
        self.engine = Engine(self.hub, self._speed, lambda: self.version, self.faults, self._restart, files, self._hold)
        if self._worker is not None:
            self._worker.cancel()
            self._worker = asyncio.ensure_future(self.engine.work())
        self.faults.run = None

    def _restart(self, down: float) -> None:
        for client in self.hub.connected():
            client.drop()
        files = self.engine.files
        files.forget("temp")
        self._begin_life(files)
        if down > 0:
            refused = RefuseConnections("restart")
            self._down.add(refused)
            self.faults.add(refused)
            asyncio.get_running_loop().call_later(down, self.faults.remove, refused)

    def _on_faults(self) -> None:
        """Do what the faults that are active now demand; from any thread. Returns when it is done."""
        self.do(self._open_or_close)

    async def _open_or_close(self) -> None:
        refused = [fault for fault in self.faults if isinstance(fault, RefuseConnections)]
        await self.listen(not refused)
        for fault in refused:
            if not fault.reached.is_set():
                fault.fire()

    async def opened(self) -> None:
        """Close the port at once where a fault wants it."""
        await self._open_or_close()

    async def open(self) -> web.Application:
        """Make the application and begin to work."""
        # What an earlier loop left behind cannot be waited for in this one.
        self._begin_life(self.engine.files)
        self._worker = asyncio.ensure_future(self.engine.work())
        if self._behind is not None:
            await self._behind.open()
        return make_app(self)

    async def close(self) -> None:
        """End all connections and the run in progress."""
        if self._worker is not None:
            self._worker.cancel()
            self._worker = None
        # A server that is stopped while it is down is up when it is started again.
        self.faults.remove(*self._down)
        self._down.clear()
        await self.hub.close()
        if self._behind is not None:
            await self._behind.close()

    def _made_behind(self, way: Way | None) -> Behind | None:
        if way is None:
            return None
        from .behind import Behind

        return Behind(self, way)

    def _version_recorded(self) -> str:
        return str(facts_of(self.library).environment.get("comfyui") or self._version_behind() or DEFAULT)

    def _version_behind(self) -> Any:
        """Return the version that the real server tells, None without one."""
        system = (facts_of(self.library).recorded("/system_stats") or {}).get("system") if self._behind else None
        return system.get("comfyui_version") if isinstance(system, Mapping) else None

    def _synthesized(self, prompt: Mapping[str, Any], outputs: Sequence[str]) -> Script:
        from .synthesis import synthesize

        version = self.version
        # By its ids and not by what it means: its messages and outputs are told by the ids.
        key = json.dumps([version.text, outputs, prompt])
        golden = self._made.get(key)
        if golden is None:
            definitions = node_definitions(self.library)
            golden = synthesize(prompt, definitions, outputs, version=version)
            if len(self._made) >= _MADE:
                self._made.clear()
            self._made[key] = golden
        return make_script(golden, prompt, {node: node for node in prompt}, outputs)


def _exchange_of(definitions: Mapping[str, Any]) -> Exchange:
    """Return node definitions as the answer of `/object_info`."""
    headers = {"Content-Type": "application/json; charset=utf-8"}
    return Exchange("GET", "/object_info", (), None, 200, headers, json.dumps(definitions).encode())
