"""The state machine: queue, one running prompt at a time, history that fills when the run ends."""

from __future__ import annotations

import asyncio
import heapq
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .files import FileStore
from .hub import Client, Hub
from .replay import CachedResults, Replay
from .script import Script
from .wire import Audience, message, status_message

_log = logging.getLogger(__name__)

MOST_HISTORY = 10_000
"""Entries; ComfyUI execution.py MAXIMUM_HISTORY_SIZE."""


@dataclass(slots=True)
class Job:
    """A queued prompt. `key` is its digest with its nonces: what ComfyUI's cache would know it by."""

    number: float
    prompt_id: str
    prompt: Mapping[str, Any]
    extra_data: dict[str, Any]
    script: Script
    key: tuple[str, ...]
    may_be_cached: bool

    @property
    def owner(self) -> Any:
        """The client_id, or None."""
        return self.extra_data.get("client_id")

    def as_item(self) -> list[Any]:
        """Return the item of `GET /queue` and of history."""
        return [self.number, self.prompt_id, self.prompt, self.extra_data, self.script.outputs]


class Engine:
    """One server life. All methods belong to the server's event loop."""

    def __init__(self, hub: Hub, speed: float) -> None:
        self.hub = hub
        self.speed = speed
        self.files = FileStore()
        self.history: dict[str, str] = {}
        self.counter = 0
        self._pending: list[tuple[float, str, int, Job]] = []
        self._pushed = 0
        self._replay: Replay | None = None
        self._running: Job | None = None
        self._cached: CachedResults | None = None
        self._forget_cache = False
        self._wake = asyncio.Event()

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
        return [job for *_, job in self._pending]

    def greet(self, client: Client) -> None:
        """Send what a new connection gets first."""
        client.send(status_message(self.remaining, client.sid))
        if self._running is not None and self._replay is not None and self._running.owner == client.sid:
            node = self._replay.current_display
            if node is not None:
                client.send(message("executing", {"node": node}))

    def push(self, job: Job) -> None:
        """Queue a prompt. Its status is sent before the answer of the POST."""
        self._pushed += 1
        heapq.heappush(self._pending, (job.number, job.prompt_id, self._pushed, job))
        self._tell_status()
        self._wake.set()

    def clear(self) -> None:
        """Drop all pending prompts."""
        self._pending.clear()
        self._tell_status()

    def delete(self, prompt_id: Any) -> None:
        """Drop a pending prompt; nothing happens where there is none."""
        for index, (_, known, _, _) in enumerate(self._pending):
            if known == prompt_id:
                del self._pending[index]
                heapq.heapify(self._pending)
                if not self._pending:
                    # ComfyUI deletes the last one by clearing, which tells the status as well.
                    self._tell_status()
                self._tell_status()
                return

    def interrupt(self, prompt_id: Any = None) -> None:
        """Interrupt the running prompt, or only if it has this id."""
        job = self._running
        if self._replay is not None and job is not None and prompt_id in (None, job.prompt_id):
            self._replay.interrupted.set()

    def forget_cache(self) -> None:
        """Drop the results of the latest prompt: at once when idle, otherwise after the running one."""
        self._cached = None
        self._forget_cache = self._running is not None

    async def work(self) -> None:
        """Run the queue, for ever."""
        while True:
            while not self._pending:
                self._wake.clear()
                await self._wake.wait()
            job = heapq.heappop(self._pending)[-1]
            self._running = job
            self._tell_status()
            entry = await self._run(job)
            # The entry appears and the item leaves the queue in one step; only then clients are told.
            self.history.pop(job.prompt_id, None)
            self.history[job.prompt_id] = entry
            if len(self.history) > MOST_HISTORY:
                del self.history[next(iter(self.history))]
            self._running = self._replay = None
            self._tell_status()
            self.hub.send(Audience.OWNER, job.owner, message("executing", {"node": None, "prompt_id": job.prompt_id}))

    async def _run(self, job: Job) -> str:
        """Replay a prompt and return its history entry as JSON."""
        started = time.time_ns() // 1_000_000
        cached = self._cached if job.may_be_cached else None
        hit = cached is not None and cached.key == job.key
        replay = self._replay = Replay(job, self.hub, self.files, self.speed, started)
        try:
            if hit and cached is not None:
                await replay.repeat(cached)
            else:
                self._cached = await replay.execute()
        except Exception as error:
            # Nothing may stop the worker: the waiting client has to hear of the end.
            _log.exception("replay of %s failed", job.script.golden.folder)
            replay.fail(error)
            self._cached = None
        if self._forget_cache:
            self._cached, self._forget_cache = None, False
        entry = {
            "prompt": job.as_item(),
            "outputs": replay.outputs,
            "status": {
                "status_str": replay.status,
                "completed": replay.status == "success",
                "messages": replay.messages,
            },
            "meta": replay.meta,
        }
        return json.dumps(entry)

    def _tell_status(self) -> None:
        self.hub.send(Audience.ALL, None, status_message(self.remaining))
