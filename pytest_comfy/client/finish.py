"""The end of a run, which is never guessed: told by the socket, confirmed by history, bounded by the clock."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..memory import json_cost
from ..text import plain
from ..workflow.results import history_messages
from .errors import ComfyError, RunInterrupted, RunLost, RunStalled, RunTimeout, ServerUnreachable, TooLarge
from .explain import execution_error
from .messages import Message
from .reply import QUEUE, REFUSED
from .run import Progress
from .watch import TERMINAL, Watch
from .wire import Stream, Wire

_POLL = 5.0
"""Seconds of silence after which queue and history are asked."""

_SHORT_POLL = 0.25
"""The least of it, and all that is waited where no socket tells anything."""

_LAG_POLLS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2)
"""Waits between looks at a history entry that lags behind its terminal event; the last one repeats."""

_HISTORY_LAG = 30.0
"""Seconds a history entry may lag; 0.35 was seen on a real server."""

_GONE = 20.0
"""Seconds a server may be unreachable in the middle of a run before it counts as dead."""

_LEAST_PATIENCE = 2.0
"""Seconds that an answer is waited for in any case."""

Place = Literal["finished", "running", "pending", "nowhere"]


@dataclass
class Limits:
    """Wall-clock limit of a run and how long nothing may move, in seconds.

    from_start  whether the clock begins when the server begins to execute the run, and not when it is posted
    gone        how long the server may give no answer, and refuse every connection, before it counts as dead; None for
                what is long enough for one that is busy
    """

    timeout: float
    stall: float
    from_start: bool = False
    gone: tuple[float, float] | None = None


@dataclass(frozen=True)
class _Standing:
    """What the queue tells of our prompt: the ids of those that run, and how many wait before it."""

    running: tuple[str, ...]
    ahead: int


class Finish:
    """Waits for the end of one prompt.

    reopen  gives a new socket with the same client id
    take    notes a message, for other prompts of the client as well
    begun   when its clock began, in monotonic seconds; when it was posted, unless that is told
    poll    seconds of silence after which queue and history are asked
    """

    def __init__(
        self,
        wire: Wire,
        stream: Stream,
        watch: Watch,
        limits: Limits,
        reopen: Callable[[], Awaitable[Stream]],
        take: Callable[[Message], object],
        on_progress: Callable[[Progress], None] | None = None,
        *,
        begun: float | None = None,
        poll: float | None = None,
    ) -> None:
        self.wire = wire
        self.stream: Stream | None = stream
        self.watch = watch
        self.limits = limits
        self.entry_bytes = 0
        self._reopen = reopen
        self._on_progress = on_progress
        self._take = take
        self._begun = self._told = watch.posted if begun is None else begun
        self._poll = min(_POLL if poll is None else poll, limits.stall)
        self._next_look = time.monotonic() + self._poll
        self._standing: _Standing | None = None
        self._went_away: float | None = None
        self._waiting = 0
        self._ahead = 0

    @property
    def _deadline(self) -> float:
        if not self.limits.from_start:
            return self._begun + self.limits.timeout
        return math.inf if self.watch.started is None else self.watch.started + self.limits.timeout

    async def entry(self) -> dict[str, Any]:
        """Return the history entry of the run once it is over.

        `entry_bytes` is what it takes then. Raises RunTimeout, RunStalled, RunLost or ServerUnreachable when there is
        none to come, and TooLarge.
        """
        self._next_look = time.monotonic() + self._poll
        while True:
            entry = await self.step()
            if entry is not None:
                return entry

    async def step(self) -> dict[str, Any] | None:
        """Wait for one message, or ask when it is time to; the entry when the run is over, None while it goes on."""
        now = time.monotonic()
        if now >= self._deadline:
            raise self._timeout()
        if self.watch.done or self.watch.terminal:
            self._tell()
            return await self._confirmed()
        moved = self.watch.moved
        await self._take_messages(min(self._next_look, self._deadline) - now)
        if self.watch.moved > moved and not self._lost_socket():
            # What others are told says nothing of our run.
            self._next_look = max(self._next_look, time.monotonic() + min(self._poll, 1.0))
            return None
        if time.monotonic() >= self._next_look or self._lost_socket():
            entry = await self._look()
            if entry is not None:
                await self._drain()
                # A socket that says nothing of the end is not known to have said all before it.
                if not self.watch.done and self.watch.terminal is None:
                    self.watch.gap = self.watch.gap or "silent"
                return entry
            self._next_look = time.monotonic() + self._pause()
        return None

    def _pause(self) -> float:
        """Return the seconds until the next look, which is not put off beyond the stall limit."""
        if self._lost_socket():
            return _SHORT_POLL
        left = self.watch.moved + self.limits.stall - time.monotonic()
        return min(self._poll, max(left, _SHORT_POLL))

    def _lost_socket(self) -> bool:
        return self.stream is None

    async def _take_messages(self, timeout: float) -> None:
        """Take the next message of the socket, if one comes in time. A closed socket is given up."""
        if self.stream is None:
            await self.wire.nap(min(max(0.0, timeout), _SHORT_POLL))  # no socket to wait on: this paces the polling
            return
        message = await self.stream.next(timeout)
        if message is not None and message.told:
            raise TooLarge(f"{self.wire.url}: {message.told}")
        if message is not None and message.closed:
            self.watch.gap = "dropped"
            await self.stream.close()
            self.stream = None
        elif message is not None:
            self._take(message)
        self._tell()

    def _tell(self) -> None:
        """Tell how far the run came since that was told, also by messages that another run's wait took."""
        if self._on_progress and self.watch.moved > self._told:
            self._told = self.watch.moved
            self._on_progress(self.watch.progress(self._waiting, self._ahead))

    async def _confirmed(self) -> dict[str, Any]:
        """Return the entry of a run whose end the socket told; the entry may lag behind."""
        give_up = min(time.monotonic() + _HISTORY_LAG, max(self._deadline, time.monotonic() + 2.0))
        waits = iter(_LAG_POLLS)
        wait = 0.0
        while True:
            wait = next(waits, wait)
            # Meanwhile `executing null`, which follows the entry, may come: it ends the wait at once.
            until = time.monotonic() + wait
            while not self.watch.done and time.monotonic() < until and self.stream is not None:
                await self._take_messages(until - time.monotonic())
            if self.stream is None or self.watch.done:
                await self.wire.nap(wait)
            try:
                entry = await self._history()
            except ServerUnreachable:
                if time.monotonic() >= give_up:
                    raise
                entry = None
            if entry is not None:
                await self._drain()
                return entry
            if time.monotonic() >= give_up:
                told = self.watch.terminal.type if self.watch.terminal else "the end of the run"
                raise RunLost(
                    f"the server told {told}, but its history has no entry for the run: "
                    "history was cleared, or the server restarted"
                )

    async def _drain(self) -> None:
        """Take the last messages, which are on their way when the entry was there before them."""
        until = time.monotonic() + 1.0
        while self.stream is not None and not self.watch.done and time.monotonic() < until:
            await self._take_messages(until - time.monotonic())

    async def _look(self) -> dict[str, Any] | None:
        """Ask history and queue; the entry when the run is over, None while it goes on."""
        asked = time.monotonic()
        try:
            place, entry, standing = await self._place()
        except ServerUnreachable as error:
            self._unreachable(error, asked)
            return None
        if self._went_away is not None and place in ("running", "pending"):
            self._went_away = None
        if place == "running" and self.watch.started is None:
            self.watch.begins(asked)
        if place == "finished":
            return entry
        if place == "nowhere":
            raise self._vanished()
        await self._reconnect()
        now = time.monotonic()
        if self._is_nearer(standing):
            self.watch.moved = now
        if now - self.watch.moved >= self.limits.stall:
            raise self._stalled(place, standing.running)
        if self._on_progress:
            self._on_progress(self.watch.progress(self._waiting, self._ahead))
        return None

    def _is_nearer(self, now: _Standing) -> bool:
        """Whether our prompt came nearer to its end since the last look.

        What others queue behind it or take off says nothing of that; once it runs, only its own messages do.
        """
        before, ours = self._standing, self.watch.prompt_id
        self._standing = now if before is None else _Standing(now.running, min(now.ahead, before.ahead))
        if before is None:
            return not self.watch.events
        if ours in now.running:
            return ours not in before.running
        return now.running != before.running or now.ahead < before.ahead

    async def _place(self) -> tuple[Place, dict[str, Any] | None, _Standing]:
        """Find the prompt. History is asked twice, as it may move there between the two questions."""
        entry = await self._history()
        if entry is not None:
            return "finished", entry, _Standing((), 0)
        queue = (await self.wire.request("GET", "/queue", limit=QUEUE, timeout=self._patience())).object()
        running, pending = _numbered(queue.get("queue_running")), _numbered(queue.get("queue_pending"))
        self._waiting = len(running) + len(pending)
        standing = _Standing(tuple(running), _ahead(pending, self.watch.prompt_id))
        self._ahead = standing.ahead + len(running) if self.watch.prompt_id in pending else 0
        if self.watch.prompt_id in running:
            return "running", None, standing
        if self.watch.prompt_id in pending:
            return "pending", None, standing
        entry = await self._history()
        return ("finished" if entry is not None else "nowhere"), entry, standing

    async def _history(self) -> dict[str, Any] | None:
        reply = await self.wire.request("GET", f"/history/{self.watch.prompt_id}", timeout=self._patience())
        if reply.status != 200:
            raise ServerUnreachable(f"{self.wire.url}/history: answered {reply.status}")
        entry = reply.object().get(self.watch.prompt_id)
        self.entry_bytes = json_cost(reply.body)
        return entry if isinstance(entry, dict) else None

    def _patience(self) -> float:
        """Return how long an answer may take: a server that gives none is not waited for longer than for one that
        does not move."""
        now = time.monotonic()
        left = min(self._deadline - now, self.watch.moved + self.limits.stall - now)
        return max(_LEAST_PATIENCE, min(self.wire.timeout, left, *(self.limits.gone or ())[:1]))

    def _unreachable(self, error: ServerUnreachable, asked: float) -> None:
        now = time.monotonic()
        if self._went_away is None:
            self._went_away = asked
        gone = (self.limits.gone or (_GONE, _GONE))[REFUSED in str(error)]
        if now - self._went_away >= gone or now - self.watch.moved >= self.limits.stall:
            raise RunLost(f"the server died in the middle of the run ({self.watch.where()}): {error}") from error

    async def _reconnect(self) -> None:
        """Open a new socket in place of a dropped one; without it polling goes on."""
        if self.stream is None:
            try:
                self.stream = await self._reopen()
            except ServerUnreachable:
                self.stream = None

    def _vanished(self) -> ComfyError:
        if self._went_away is not None or self.watch.gap == "dropped":
            return RunLost(
                f"the server was restarted in the middle of the run ({self.watch.where()}): it knows the "
                "prompt neither in its queue nor in its history"
            )
        return RunLost(
            f"the prompt vanished ({self.watch.where()}): it is neither in the queue nor in the history; "
            "somebody deleted it, cleared queue or history, or the server was restarted"
        )

    def _stalled(self, place: Place, running: tuple[str, ...]) -> RunStalled:
        if place == "pending":
            names = ", ".join(plain(name, 60) for name in running) or "nothing"
            return RunStalled(
                f"the queue did not move for {self.limits.stall:g} s while the prompt waited in it (running: {names})"
            )
        return RunStalled(
            f"the run did not move for {self.limits.stall:g} s: {self.watch.where()}, and the server still "
            "lists it as running; its worker may be dead (see the server's log)"
        )

    def _timeout(self) -> RunTimeout:
        return RunTimeout(
            f"not over within its limit of {self.limits.timeout:g} s: {self.watch.where()}; raise the limit "
            "with --comfy-timeout or `timeout` in the sidecar"
        )


def judge(entry: Mapping[str, Any], watch: Watch) -> None:
    """Raise ExecutionError or RunInterrupted unless the history entry says that the run succeeded.

    The messages are judged before status_str, which a cycle made by node expansion leaves at "success".
    """
    status = entry.get("status")
    status = status if isinstance(status, Mapping) else {}
    ends = [(kind, data) for kind, data in history_messages(status) if kind in TERMINAL]
    kind, data = ends[-1] if ends else (watch.terminal.type, watch.terminal.data) if watch.terminal else ("", {})
    data = data if isinstance(data, Mapping) else {}
    if kind == "execution_error":
        raise execution_error(watch.prompt, data)
    if kind == "execution_interrupted":
        raise RunInterrupted(f"somebody interrupted the run at node {plain(data.get('node_id'), 80)}")
    if kind != "execution_success" and status.get("status_str") != "success":
        raise RunLost("the server's history has an entry without success, error or interruption: see the server's log")


def _numbered(items: Any) -> dict[str, Any]:
    """Return id -> number of the prompts in a part of the queue."""
    return {
        str(item[1]): item[0]
        for item in (items if isinstance(items, list) else [])
        if isinstance(item, list) and len(item) > 1
    }


def _ahead(pending: Mapping[str, Any], prompt_id: str) -> int:
    """Return how many prompts go before ours: ComfyUI takes the lowest number first, and lists them in no order."""
    numbers = {name: number for name, number in pending.items() if isinstance(number, (int, float))}
    ours = numbers.get(prompt_id, math.inf)
    return sum(number < ours for number in numbers.values())
