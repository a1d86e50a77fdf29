"""The state machine: queue, one running prompt at a time, history that fills when the run ends."""

from __future__ import annotations

import asyncio
import heapq
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from ..faults import Failure, Faults, Moment
from ..files import FileStore
from ..versions import Trait, Version
from ..wire.hub import Client, Hub
from ..wire.messages import Audience, message, status_message
from .cache import Cache, Signatures
from .job import Job
from .replay import Replay, Stage
from .selection import resumed

_log = logging.getLogger(__name__)

MOST_HISTORY = 10_000
"""Entries; ComfyUI execution.py MAXIMUM_HISTORY_SIZE."""

SECRETS = ("auth_token_comfy_org", "api_key_comfy_org")
"""Of extra_data; history never shows them."""


Entry = tuple[float, str, Mapping[str, Any], Any, list[str], Job]
"""Compared by the queue as ComfyUI compares its items: equal numbers by id, and then by dicts, which fails."""


class Engine:
    """One server life. All methods belong to the server's event loop.

    restart  restarts the whole server; the seconds say for how long its port is closed
    hold     seconds that a run waits for the first socket of the client that posted it
    """

    def __init__(
        self,
        hub: Hub,
        speed: float,
        version: Callable[[], Version],
        faults: Faults,
        restart: Callable[[float], None],
        files: FileStore | None = None,
        hold: float = 0.0,
    ) -> None:
        self.hub = hub
        self.speed = speed
        self.faults = faults
        self.restart = restart
        self.files = files or FileStore()
        self.history: dict[str, str] = {}
        self.counter = 0
        self.accepted = 0
        self._hold = hold
        self._version = version
        self._pending: list[Entry] = []
        self._replay: Replay | None = None
        self._running: Job | None = None
        self._cache = Cache()
        self._forget_cache = False
        self._wake = asyncio.Event()
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def remaining(self) -> int:
        """Prompts pending and running."""
        return len(self._pending) + (self._running is not None)

    @property
    def running(self) -> list[Job]:
        """The running prompt, if there is one."""
        return [] if self._running is None else [self._running]

    @property
    def pending(self) -> list[Job]:
        """The pending prompts as the heap has them; that is not the order in which they will run."""
        return [entry[-1] for entry in self._pending]

    def greet(self, client: Client) -> None:
        """Send what a new connection gets first."""
        client.send(status_message(self.remaining, client.sid))
        if self._running is not None and self._replay is not None and self._running.owner == client.sid:
            node = self._replay.current_display
            if node is not None:
                client.send(message("executing", {"node": node}))

    def push(self, job: Job) -> None:
        """Queue a prompt. Its status is sent before the answer of the POST.

        Raises TypeError where number and id are taken; as in ComfyUI the prompt is in the queue then,
        and nobody is told.
        """
        heapq.heappush(self._pending, (job.number, job.prompt_id, job.prompt, job.extra_data, job.outputs, job))
        self._tell_status()
        self._wake.set()

    def clear(self) -> None:
        """Drop all pending prompts."""
        self._pending.clear()
        self._tell_status()

    def delete(self, prompt_id: Any) -> bool:
        """Drop a pending prompt, and tell whether there was one."""
        for index, entry in enumerate(self._pending):
            if entry[1] == prompt_id:
                del self._pending[index]
                heapq.heapify(self._pending)
                if not self._pending:
                    # ComfyUI deletes the last one by clearing, which tells the status as well.
                    self._tell_status()
                self._tell_status()
                return True
        return False

    def interrupt(self, prompt_id: Any = None) -> bool:
        """Interrupt the running prompt, or only if it has this id; tell whether there was one."""
        job = self._running
        if job is None or prompt_id not in (None, job.prompt_id):
            return False
        if job.arriving is not None and not job.arriving.script.done():
            job.arriving.interrupt()
            return True
        if self._replay is None:
            return False
        self._replay.interrupted.set()
        return True

    def forget_cache(self) -> None:
        """Drop the results of earlier prompts: at once when idle, otherwise after the running one."""
        self._cache.clear()
        self._forget_cache = self._running is not None

    def close_sockets(self, owner: Any, code: int | None) -> None:
        """Close the sockets of a client (of all, where the prompt has none), or cut them where `code` is None."""
        for client in self.hub.connected(owner):
            if code is None:
                client.drop()
            else:
                task = asyncio.ensure_future(client.close(code))
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)

    def silence_sockets(self, owner: Any) -> None:
        """Send nothing more to the sockets of a client, or to all, where the prompt has none."""
        for client in self.hub.connected(owner):
            client.silence()

    async def work(self) -> None:
        """Run the queue: for ever, or until an item kills the worker as it would kill ComfyUI's."""
        while True:
            while not self._pending:
                self._wake.clear()
                await self._wake.wait()
            if self.faults:
                await self.faults.before(self._moment(self._pending[0][-1], "queue", {}))
                if not self._pending:
                    continue
            try:
                job = heapq.heappop(self._pending)[-1]
            except TypeError:
                return
            self._running = job
            self.faults.run = job.index
            self._tell_status()
            if not isinstance(job.extra_data, Mapping):
                return
            entry = await self._run(job)
            # The entry appears and the item leaves the queue in one step; only then clients are told.
            self.history.pop(job.prompt_id, None)
            if len(self.history) > MOST_HISTORY:
                del self.history[next(iter(self.history))]
            self.history[job.prompt_id] = entry
            self._running = self._replay = None
            self._tell_status()
            data = {"node": None, "prompt_id": job.prompt_id}
            if self.faults:
                await self.faults.before(self._moment(job, "executing", data))
            self.hub.send("executing", Audience.OWNER, job.owner, message("executing", job.marked(data)))
            self.faults.run = None

    def _moment(self, job: Job, kind: str, data: Mapping[str, Any], **node: Any) -> Moment:
        """Return a moment of a job; `node` are the fields of Moment for the node that is at work, where one is."""
        return Moment(
            kind,
            data,
            job.index,
            restart=self.restart,
            close=lambda code: self.close_sockets(job.owner, code),
            silence=lambda: self.silence_sockets(job.owner),
            **node,
        )

    async def _run(self, job: Job) -> str:
        """Replay a prompt and return its history entry as JSON."""
        if job.arriving is not None:
            job.script = await asyncio.shield(job.arriving.script)
            job.outputs = job.script.outputs
        signatures = Signatures(job.prompt, self.files)
        cached = self._cache.recall(signatures, forget=not self._version().has(Trait.RAM_CACHE))
        # A recording that nobody has asked for yet says itself what came from the cache.
        resumes = bool(cached) and job.may_be_cached
        script = resumed(job.script, job.prompt, cached, job.intermediate) if resumes else job.script
        # Made for each run: held by the engine it would be a cycle, that keeps the files of lives that are over.
        stage = Stage(self.hub, self.files, self.faults, self._moment, lambda: self.speed, self._hold)
        replay = self._replay = Replay(job, script, stage, cached)
        try:
            await replay.execute()
        except Exception as error:
            # Nothing may stop the worker: the waiting client has to hear of the end.
            _log.exception("replay of %s failed", job.script.golden.folder)
            text = f"pytest-comfy cannot replay {job.script.golden.folder}: {error}\n"
            await replay.fail(Failure(type(error).__qualname__, text))
        kept = set(script.cached.get("nodes") or ())
        results = {
            node: cached.get(node, result) if node in kept else result for node, result in replay.results.items()
        }
        self._cache.remember(signatures, results)
        if self._forget_cache:
            self._cache.clear()
            self._forget_cache = False
        outputs, meta = replay.outputs, replay.meta
        version = self._version()
        if resumes and version.is_modern and not version.has(Trait.CACHED_FOR_NOBODY) and job.owner is None:
            # It notes what cached nodes put out only where it tells somebody.
            outputs = {node: output for node, output in outputs.items() if node not in cached}
            meta = {node: told for node, told in meta.items() if node not in cached}
        extra_data = {name: value for name, value in job.extra_data.items() if name not in SECRETS}
        entry = {
            "prompt": [job.number, job.prompt_id, job.prompt, extra_data, job.outputs],
            "outputs": outputs,
            "status": {
                "status_str": replay.status,
                "completed": replay.status == "success",
                "messages": replay.messages,
            },
            "meta": meta,
        }
        return json.dumps(entry)

    def _tell_status(self) -> None:
        self.hub.send("status", Audience.ALL, None, status_message(self.remaining))
