"""A server of the pool: its lane, what runs on it, and whether it is there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ..cases.requirements import unmet
from ..client import ComfyClient, ComfyError

if TYPE_CHECKING:
    from ..client.background import BackgroundClient, BackgroundRun, Loop, Work
    from ..judging.lane import Lane
    from ..session.servers import Server
    from .jobs import Job, Prepared

_LOOK_AGAIN = 1.0
"""Seconds between two looks at a server that is gone."""
_LOOK = 2.0
"""Seconds that it has to answer."""


class Flight:
    """A job that was begun on a server.

    run  None where it could not be begun ahead: at its turn that is tried again, and told
    """

    def __init__(self, position: int, job: Job, member: Member, prepared: Prepared) -> None:
        self.position = position
        self.job = job
        self.member = member
        self.prepared = prepared
        self.run: BackgroundRun | None = None

    @property
    def goes_on(self) -> bool:
        """Whether the server has it still before it."""
        return self.run is not None and not self.run.over

    @property
    def has_no_run(self) -> bool:
        """Whether it goes on, or came to no good end."""
        return self.run is not None and (not self.run.over or self.run.error() is not None)

    @property
    def left(self) -> float:
        """The seconds that it may still take."""
        started = self.run.started_at if self.run else None
        gone = 0.0 if started is None else time.monotonic() - started
        return max(0.0, self.job.seconds - gone)

    def call_off(self) -> None:
        """Take it off its server."""
        if self.run is not None:
            self.run.call_off()


class Member:
    """A server.

    open  connects to it; it is given whether nothing that is known of it counts any more. Raises ComfyError
    tell  called, in another thread, when it is back
    own   whether it is one of those that this process is to use first
    lost  why it is out, None while it serves
    begun  how many cases were begun on it
    """

    def __init__(
        self, server: Server, open: Callable[[bool], Lane], loop: Loop, tell: Callable[[], object], *, own: bool = True
    ) -> None:
        self.server = server
        self.own = own
        self.lost: BaseException | None = None
        self.begun = 0
        self.flights: list[Flight] = []
        self._loop = loop
        self._tell = tell
        self._open = open
        self._lane: Lane | None = None
        self._retired: list[Lane] = []
        self._executed: Prepared | None = None
        self._back = False
        self._watch: Work[None] | None = None
        self._models: dict[str, list[str] | None] = {}
        self._stats: dict[str, Any] | None = None

    @property
    def told(self) -> str:
        """What it is called."""
        return self.server.name or self.server.told

    @property
    def lane(self) -> Lane:
        """The connection to it, which is opened when it is asked for first; raises ComfyError."""
        if self._lane is None:
            self._lane = self._open(False)
        return self._lane

    @property
    def client(self) -> BackgroundClient:
        """The client of the lane."""
        client: Any = self.lane.client
        found: BackgroundClient = client
        return found

    @property
    def going(self) -> list[Flight]:
        """What it has still before it."""
        self.flights = [flight for flight in self.flights if flight.goes_on]
        return self.flights

    @property
    def load(self) -> float:
        """The seconds that it may still be busy with what it has."""
        return sum(flight.left for flight in self.going)

    def executes(self, flight: Flight, *, ahead: bool) -> None:
        """Note that the server begins to execute a job; called in the loop's thread."""
        before, self._executed = self._executed, flight.prepared
        if before is not None:
            before.passes()
        if ahead:
            flight.prepared.starts()

    def unmet(self, job: Job) -> str:
        """Return what a job needs and the server does not have, a few words; "" where it has all. Raises ComfyError."""
        if not job.needs:
            return ""
        if self._stats is None:
            self._stats = self.client.system_stats()
        return unmet(job.needs, self._stats, self._listed)

    def _listed(self, folder: str) -> list[str] | None:
        if folder not in self._models:
            try:
                self._models[folder] = self.client.models(folder or None)
            except ComfyError:
                self._models[folder] = None
        return self._models[folder]

    def is_lost(self, error: BaseException) -> None:
        """Take it out of service, and look from time to time whether it is back."""
        self.lost = error
        self._back = False
        self._watch = self._loop.begin(self._look())

    def return_if_back(self) -> None:
        """Put it into service again where it answers."""
        if not self._back:
            return
        self._back = False
        try:
            fresh = self._open(True)
        except ComfyError as error:
            self.is_lost(error)
            return
        # What ran on the old connection may still be judged.
        self._retired += [self._lane] if self._lane is not None else []
        self._lane = fresh
        self._stats, self._models = None, {}
        self.lost = None

    def close(self) -> None:
        """Close the connections."""
        if self._watch is not None:
            self._watch.call_off()
        for lane in (*self._retired, *([self._lane] if self._lane is not None else [])):
            lane.close()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_AGAIN)
            if await asyncio.to_thread(_answers, self.server):
                break
        self._back = True
        self._tell()


def _answers(server: Server) -> bool:
    """Whether a server answers now."""
    try:
        with ComfyClient(server.address, headers=server.headers, verify=server.verify) as client:
            client.system_stats(timeout=_LOOK)
    except ComfyError:
        return False
    return True


def serving(members: Iterable[Member]) -> list[Member]:
    """Return the servers that are in service."""
    return [member for member in members if member.lost is None]
