"""RecordingProxy: stands between clients and a real ComfyUI, and writes golden runs of what goes by."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from ...compare.memory import within
from ...golden import GoldenError
from ...golden.exchanges import refusal_key
from ...secrecy import heard
from ...workflow.secrets import hear, known_in
from ..threaded import ThreadedServer
from ..versions import DEFAULT, Version
from .answers import MOST, make_exchange
from .inputs import Inputs
from .offers import offers
from .passing import Passing, Taken
from .results import Ending, Facts, Lost, collect, started_at
from .sockets import Sockets
from .tape import Message, Posted, Tape, TapedRun
from .upstream import Upstream, said
from .writer import Writer

_log = logging.getLogger(__name__)

_FLUSH_SECONDS = 1.0
_LAST_RUNS_SECONDS = 60.0
"""Seconds that runs which are over get to be written when the proxy stops."""

_HISTORY_SECONDS = 2.0
_REMEMBERED = 10_000


class RecordingProxy(ThreadedServer):
    """A proxy that records what clients and a ComfyUI say to each other.

    upstream     the server's address, such as http://127.0.0.1:8188; ValueError for what is none
    headers      sent to the server where the client sends none of that name, as a gateway wants them
    verify       False trusts any certificate of the server; a path is the file of the authorities that are trusted
    into         where golden runs (SLUG/NNNN/run.json) and exchanges.json are written; what is there stays
    host, port   where to listen; port 0 picks a free one
    previews     whether pictures sent while sampling are kept; those of SaveImageWebsocket always are
    on_recorded  called with the folder of each run that was written, on a thread of the proxy
    on_over      called with the id of each prompt and the folder of its run, None where it is not recorded, likewise
    on_problem   called with each sentence that comes into `problems`, likewise

    `recorded` holds the folders written, `problems` what was not recorded and why. Use it as a context manager,
    or call `start()` and `stop()`; runs that are over are written before `stop()` returns.
    """

    runner_options = {"auto_decompress": False, "max_line_size": 1 << 16, "max_field_size": 1 << 16}  # noqa: RUF012

    def __init__(
        self,
        upstream: str,
        into: Path | str,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        previews: bool = True,
        headers: Mapping[str, str] | None = None,
        verify: bool | str = True,
        on_recorded: Callable[[Path], None] = lambda folder: None,
        on_over: Callable[[str, Path | None], None] = lambda prompt_id, folder: None,
        on_problem: Callable[[str], None] = lambda text: None,
    ) -> None:
        super().__init__(host, port, "the recording proxy")
        self.recorded: list[Path] = []
        self.problems: list[str] = []
        self._upstream = Upstream(upstream, headers, verify)
        self._into = Path(into)
        self._previews = previews
        self._on_recorded = on_recorded
        self._on_over = on_over
        self._on_problem = on_problem

    async def open(self) -> web.Application:
        """Make the application; raises GoldenError where `into` holds exchanges that cannot be read."""
        self._writer = Writer(self._into, self._previews)
        self._tape = Tape(self._previews)
        self._facts = Facts(self._upstream)
        self._inputs = Inputs(self._upstream)
        self._over = asyncio.Event()
        self._endings: dict[TapedRun, Ending] = {}
        self._following: dict[TapedRun, asyncio.Task[None]] = {}
        self._keeping: set[asyncio.Task[None]] = set()
        self._seen: dict[tuple[Any, ...], tuple[int, bytes]] = {}
        self._entries: dict[str, list[Any]] = {}
        self._met: set[Version] = set()
        self._has_offers = False
        self._sockets = Sockets(self._upstream, self._hear, self._socket_closed, self._tape.waits_for)
        await self._upstream.open()
        self._flushing = asyncio.create_task(self._flush())
        passing = Passing(self._upstream, self._sockets, self)

        @web.middleware
        async def pass_on(request: web.Request, handler: Any) -> web.StreamResponse:
            return await passing.handle(request)

        # Nothing is routed: the middleware answers every request, whatever its path and method.
        app = web.Application(middlewares=[pass_on])
        app.on_response_prepare.append(passing.only_given_headers)
        return app

    async def close(self) -> None:
        """Write the runs that are over and what else was heard; close all connections."""
        self._over.set()
        for ending in self._endings.values():
            ending.news.set()
        if self._following:
            await asyncio.wait(self._following.values(), timeout=_LAST_RUNS_SECONDS)
        for run, task in list(self._following.items()):
            task.cancel()
            self.problem(f"prompt {run.prompt_id} is not recorded: it could not be written in time")
        self._flushing.cancel()
        if self._keeping:
            await asyncio.wait(self._keeping, timeout=_LAST_RUNS_SECONDS)
        await self._flush_once()
        await self._sockets.close()
        await self._upstream.close()

    def problem(self, text: str) -> None:
        """Note what is not recorded, and why."""
        self.problems.append(text)
        self._on_problem(text)

    def taken(self, answer: Taken) -> None:
        """Keep an answer that went by."""
        if answer.kept.too_large:
            self.problem(f"the answer to {answer.path} is not recorded: it is larger than {MOST >> 20} MiB")
            return
        self._start_keeping(self._keep(answer))

    def _start_keeping(self, keeping: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(keeping)
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)

    async def _keep_offers(self) -> None:
        """Keep what the server offers: a client of the replay may ask for what none has asked for here."""
        async for exchange in offers(self._upstream):
            self._writer.keep_first(exchange)

    async def before_history_changes(self) -> None:
        """Wait until the entries of runs that are over were read: the client is about to delete some."""
        until = time.monotonic() + _HISTORY_SECONDS
        while any(run.heard or run.terminal for run in self._endings) and time.monotonic() < until:
            await asyncio.sleep(0.005)

    def uploading(self) -> contextlib.AbstractAsyncContextManager[Callable[[int, bytes], None]]:
        """Get ready for an upload; gives what is to be called with status and body of the answer."""
        return self._inputs.uploading()

    @contextlib.asynccontextmanager
    async def posting(self, body: bytes, headers: Mapping[str, Any]) -> AsyncIterator[Callable[[int, bytes], None]]:
        """Get ready for a prompt; gives what is to be called with status and body of the answer."""
        posted = None
        with contextlib.suppress(ValueError, RecursionError):
            posted = Posted.read(json.loads(body), time.monotonic(), headers)
        if posted is None:
            yield lambda status, answer: None
            return
        hear(posted.prompt, posted.beside)
        await self._inputs.settled()
        await self._sockets.ensure(posted.source)
        with self._tape.posting():
            yield lambda status, answer: self._answered(posted, status, answer)

    async def _keep(self, answer: Taken) -> None:
        try:
            await asyncio.to_thread(self._keep_now, answer)
        except Exception as error:
            _log.debug("keeping of %s failed", answer.path, exc_info=True)
            self.problem(f"the answer to {answer.path} is not recorded: {type(error).__name__}: {error}")

    def _keep_now(self, answer: Taken) -> None:
        # Redacting what `/object_info` says takes half a second; web pages ask for it again and again.
        asked = (answer.method, answer.path, answer.query, answer.body_sha256)
        told = hashlib.sha256(answer.kept.body).digest()
        if self._seen.get(asked) == (answer.status, told):
            return
        self._seen[asked] = (answer.status, told)
        exchange = make_exchange(
            answer.method, answer.path, answer.query, answer.body_sha256, answer.status, answer.headers,
            answer.kept.body, heard(),
        )  # fmt: skip
        if exchange is not None:
            self._writer.keep(exchange)

    def _answered(self, posted: Posted, status: int, body: bytes) -> None:
        if status == 400:
            self._refused(posted, body)
        if status != 200:
            return
        try:
            answer = json.loads(body)
            prompt_id = answer["prompt_id"]
        except (ValueError, TypeError, KeyError, RecursionError):
            return
        if not isinstance(prompt_id, str):
            return
        try:
            key = self._writer.reserve(posted.prompt, known_in(posted.prompt, posted.beside))
        except (ValueError, TypeError, RecursionError) as error:
            self.problem(f"prompt {prompt_id} is not recorded: it cannot be told from others ({said(error)})")
            return
        run = self._tape.accept(posted, prompt_id, answer.get("number"))
        run.inputs = self._inputs.known(posted.prompt)
        known = self._entries.setdefault(prompt_id, [])
        ending = Ending(self._upstream, run, lambda entry: started_at(entry) in known, self._over)
        self._endings[run] = ending
        self._following[run] = asyncio.create_task(self._follow(run, ending, key))

    def _refused(self, posted: Posted, body: bytes) -> None:
        """Keep ComfyUI's refusal of a prompt: what node packs check themselves is in no definition."""
        headers = {"Content-Type": "application/json; charset=utf-8"}
        with contextlib.suppress(ValueError, TypeError, RecursionError):
            key = refusal_key(posted.prompt, posted.targets)
            exchange = make_exchange("POST", "/prompt", (), key, 400, headers, body, heard())
            if exchange is not None and isinstance(json.loads(exchange.content).get("error"), dict):
                self._writer.keep(exchange)

    async def _follow(self, run: TapedRun, ending: Ending, key: str) -> None:
        """See a run to its end and write it."""
        written: Path | None = None
        try:
            entry = await ending.entry()
            self._remember(run.prompt_id, entry)
            self._endings.pop(run, None)
            self._tape.forget(run)
            for name, told in (("status", "status"), ("meta", "meta"), ("ui", "outputs")):
                setattr(run, name, found if isinstance(found := entry.get(told), Mapping) else {})
            run.outputs = [output async for output in collect(self._upstream, run, self._problem_of(run))]
            definitions = await self._facts.definitions(run.prompt)
            run.inputs = await self._inputs.all_of(run.prompt, definitions, run.inputs)
            environment = await self._facts.environment(run.prompt, definitions)
            self._meet(Version(str(environment.get("comfyui") or DEFAULT)))
            with within(run.budget):
                folder = await asyncio.to_thread(
                    self._writer.write, key, run, environment, definitions, self._problem_of(run)
                )
            if run.left_out:
                self._problem_of(run)(f"{run.left_out} messages were too many, or too large, to be kept")
            written = folder
            if not self._has_offers:
                self._has_offers = True
                self._start_keeping(self._keep_offers())
            self.recorded.append(folder)
            self._on_recorded(folder)
        except (Lost, GoldenError) as error:
            self.problem(f"prompt {run.prompt_id} is not recorded: {error}")
        except Exception as error:
            # One run that cannot be described must not end the recording of the others.
            _log.debug("recording of %s failed", run.prompt_id, exc_info=True)
            self.problem(f"prompt {run.prompt_id} is not recorded: {type(error).__name__}: {error}")
        finally:
            if written is None:
                self._writer.release(key)
            self._endings.pop(run, None)
            self._tape.forget(run)
            self._following.pop(run, None)
            self._on_over(run.prompt_id, written)
        if not self._over.is_set():
            await self._sockets.release_idle(run.posted.source)

    def _meet(self, version: Version) -> None:
        """Say once that the server is newer than all that is known."""
        if version.unknown is not None and version not in self._met:
            _log.warning("%s", version.unknown)
        self._met.add(version)

    def _remember(self, prompt_id: str, entry: Mapping[str, Any]) -> None:
        self._entries.setdefault(prompt_id, []).append(started_at(entry))
        if len(self._entries) > _REMEMBERED:
            del self._entries[next(iter(self._entries))]

    def _problem_of(self, run: TapedRun) -> Callable[[str], None]:
        return lambda text: self.problem(f"prompt {run.prompt_id}: {text}")

    def _hear(self, source: str, at: float, message: Message) -> None:
        run = self._tape.hear(source, at, message)
        if run is not None and (run.heard or run.terminal) and run in self._endings:
            self._endings[run].news.set()

    def _socket_closed(self, source: str) -> None:
        self._tape.closed(source)
        for run, ending in self._endings.items():
            if run.posted.source == source:
                ending.news.set()

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            await self._flush_once()

    async def _flush_once(self) -> None:
        try:
            await asyncio.to_thread(self._writer.flush)
        except GoldenError as error:
            if str(error) not in self.problems:
                self.problem(str(error))
