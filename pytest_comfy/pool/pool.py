"""The pool: which case runs on which server, some of them ahead of their turn.

Cases are made ready and judged by the one thread of the session, in its order; only their runs go on beside it.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from ..client import ComfyError, RunLost, ServerUnreachable
from .member import Flight, Member, serving

if TYPE_CHECKING:
    from ..client import Progress, Run
    from ..client.background import Loop
    from ..judging.lane import Lane
    from .jobs import Job, Order, Prepared, Upcoming

_LOST = (RunLost, ServerUnreachable)
"""What says that the server is gone, and nothing of the case."""
_MOST_DEATHS = 3
"""Servers that may die while they execute a case, before it counts as what kills them."""
_WAITING = 8
"""Runs of a server that are over and may wait for their turn, where there are several servers."""
_FAR = 50
"""How far ahead, for each case that was begun, one is looked for that a server can have which has room."""

LOST = "comfy_server_lost"
"""The property that tells of a server which is gone, and why."""


class Turn:
    """A case whose turn it is."""

    def __init__(self, pool: Pool, position: int, job: Job, order: Order) -> None:
        self._pool = pool
        self._position = position
        self._job = job
        self._order = order

    def unmet(self) -> str:
        """As `Pool.unmet`."""
        return self._pool.unmet(self._job)

    def attempt(self) -> Any:
        """As `Pool.turn`: what the job prepared."""
        return self._pool.turn(self._position, self._job, self._order)

    def news(self) -> list[tuple[str, object]]:
        """Return properties that tell what became of servers since the last time."""
        return self._pool.news()

    def is_to_be_run_again(self, error: BaseException) -> bool:
        """As `Pool.is_to_be_run_again`."""
        return self._pool.is_to_be_run_again(self._position, error)


class Pool:
    """The servers of one process.

    lookahead  how many cases each of them has queued behind the one that it executes
    most_held  bytes of outputs that may wait for their turn
    """

    def __init__(self, members: list[Member], loop: Loop, lookahead: int, most_held: int) -> None:
        self.members = members
        self.lookahead = lookahead
        self.changed = threading.Event()
        self._loop = loop
        self._most_held = most_held
        self._flights: dict[int, Flight] = {}
        self._deaths: dict[int, int] = {}
        self._order: Order | None = None
        self._now = -1
        self._news: list[tuple[str, object]] = []

    @property
    def first(self) -> Lane:
        """The lane of the first server of this process that is in service, else of another's; raises ComfyError."""
        return min(serving(self.members) or self.members, key=lambda member: not member.own).lane

    def turn(self, position: int, job: Job, order: Order) -> Prepared:
        """Return a case whose turn it is, as it was begun ahead, or is now: its `workflow_file` waits for its run.

        Raises ComfyError where no server can be asked.
        """
        self._order, self._now = order, position
        for at, flight in [*self._flights.items()]:
            if at != position and not order.is_to_come(at):
                self._drop(flight)  # it was passed by, or given to another process
        self._tend()
        begun = self._flights.get(position)
        while begun is None:
            begun = self._launch(position, job, self._chosen(job, at_once=True), ahead=False)
        self.top_up()
        return begun.prepared

    @contextlib.contextmanager
    def turn_of(self, position: int, job: Job, order: Order) -> Iterator[Turn]:
        """Give the turn of a case, which is over with the block."""
        try:
            yield Turn(self, position, job, order)
        finally:
            self.judged(position)

    def judged(self, position: int) -> None:
        """Forget a case that is over."""
        flight = self._flights.pop(position, None)
        if flight is not None:
            flight.call_off()
        self._deaths.pop(position, None)

    def news(self) -> list[tuple[str, object]]:
        """Return properties that tell what became of servers since the last time."""
        told, self._news = self._news, []
        return told

    def is_to_be_run_again(self, position: int, error: BaseException) -> bool:
        """Whether a case whose server is gone is to be run on another one, by `turn`."""
        flight = self._flights.get(position)
        if flight is None or not isinstance(error, _LOST) or len(self.members) == 1:
            return False
        self._is_lost(flight, error)
        self._drop(flight)
        return self._deaths.get(position, 0) < _MOST_DEATHS and bool(self._fitting(flight.job))

    def top_up(self) -> None:
        """Begin what may be begun by now."""
        self._tend()
        if not self.lookahead and len(self.members) == 1:
            return
        following = self._order.following() if self._order is not None else ()
        for one in islice(following, _FAR * (1 + len(self._flights))):
            self._tend()  # else a server that refuses what it is given would be given all the rest as well
            if one.job is None or not self._room():
                break
            if one.position not in self._flights:
                self._begin_ahead(one, one.job)
        self._share_out()

    def unmet(self, job: Job) -> str:
        """Return why no server can run a case, a sentence for a person; "" where one can. Raises ComfyError."""
        if len(serving(self.members)) < len(self.members):
            return ""  # one that is gone may have it
        reasons = [(member, member.unmet(job)) for member in self.members]
        if not all(why for _, why in reasons):
            return ""
        if len(reasons) == 1:
            return f"{reasons[0][0].told}: {reasons[0][1]}"
        return "; ".join(f"{member.told}: {why}" for member, why in reasons)

    def close(self) -> None:
        """Take off the servers what was queued ahead, and close the connections."""
        flights = [*self._flights.values()]
        for flight in flights:
            self._drop(flight)
        for flight in flights:
            if flight.run is not None and flight.member.lost is None:
                flight.run.end()
        for member in self.members:
            member.close()
        self._loop.close()

    def _begin_ahead(self, one: Upcoming, job: Job) -> None:
        try:
            member = self._chosen(job, at_once=False)
        except ComfyError:
            return
        if member is not None:
            self._launch(one.position, job, member)

    def _launch(self, position: int, job: Job, member: Member | None, *, ahead: bool = True) -> Flight | None:
        """Begin a case on a server; None where that is gone, and there are others.

        What is wrong with the case is left for its turn, where it is done again and told.
        """
        assert member is not None
        member.lane.before_reload = partial(self._begin_anew, member)
        flight = Flight(position, job, member, job.prepare(member.lane))
        self._flights[position] = flight
        member.begun += 1

        def started() -> None:
            member.executes(flight, ahead=ahead)

        def begin(workflow: Any, **options: Any) -> Callable[[Callable[[Progress], None] | None], Run]:
            flight.run = member.client.begin(workflow, self.changed.set, started, **options)
            member.flights.append(flight)
            return partial(self._wait, flight)

        if not self.lookahead and len(self.members) == 1:
            return flight  # it runs at its turn, while nothing else goes on
        try:
            flight.prepared.begin(begin)
        except Exception as error:
            if isinstance(error, _LOST) and len(self.members) > 1:
                self.takes_out(member, error)
                del self._flights[position]
                return None
            flight.prepared = job.prepare(member.lane)
        return flight

    def _begin_anew(self, member: Member) -> None:
        """Take off a server what waits for its turn, as it may have run with models that are loaded anew now."""
        for flight in [*self._flights.values()]:
            if flight.member is member and flight.position != self._now:
                self._drop(flight)

    def _wait(self, flight: Flight, on_progress: Callable[[Progress], None] | None) -> Run:
        def meanwhile() -> None:
            self.top_up()
            if flight.member.lost is not None and flight.goes_on:
                raise RunLost(str(flight.member.lost))

        assert flight.run is not None
        return flight.run.result(on_progress, self.changed, meanwhile)

    def _drop(self, flight: Flight) -> None:
        self._flights.pop(flight.position, None)
        flight.call_off()

    def _room(self) -> bool:
        """Whether more may be begun."""
        servers = serving(self.members)
        several = len(self.members) > 1
        if len(self._flights) >= len(servers) * (1 + self.lookahead + (_WAITING if several else 0)):
            return False
        if not any(len(member.going) <= self.lookahead for member in servers):
            return False
        return sum(flight.run.held for flight in self._flights.values() if flight.run) <= self._most_held

    def _chosen(self, job: Job, *, at_once: bool) -> Member | None:
        """Return the server for a case: the one that has the least before it.

        at_once  whether it is its turn, so that one is chosen although none has room; raises ComfyError without any
        """
        fitting = self._fitting(job)
        if not fitting and at_once:
            raise self._nobody(job)
        own = [member for member in fitting if member.own] or fitting
        free = [member for member in own if len(member.going) <= self.lookahead]
        return min(free or (own if at_once else []), key=lambda member: (member.load, member.begun), default=None)

    def _fitting(self, job: Job) -> list[Member]:
        """Return the servers in service that have what a case needs; who cannot be asked is taken out."""
        found = []
        for member in serving(self.members):
            try:
                member.lane  # noqa: B018 - opens it
                if not member.unmet(job):
                    found.append(member)
            except ComfyError as error:
                if len(self.members) == 1:
                    raise
                self.takes_out(member, error)
        return found

    def _nobody(self, job: Job) -> BaseException:
        """Return why no server can be asked."""
        lost = [member.lost for member in self.members if member.lost is not None]
        return lost[0] if lost else ServerUnreachable(self.unmet(job))

    def _tend(self) -> None:
        """Take note of servers that are gone or back; what was on those that are gone is to be begun elsewhere."""
        if len(self.members) == 1:
            return
        for member in self.members:
            member.return_if_back()
        flights = [*self._flights.values()]
        for flight in flights:
            if flight.run is not None and flight.run.over and isinstance(error := flight.run.error(), _LOST):
                self._is_lost(flight, error)
        for flight in flights:
            # The one that is waited for ends with an error, and is begun elsewhere then.
            others = flight.position != self._now and self._deaths.get(flight.position, 0) < _MOST_DEATHS
            if flight.member.lost is not None and others and flight.has_no_run:
                self._drop(flight)

    def _share_out(self) -> None:
        """Give a server that has nothing to do what waits behind others on another one."""
        servers = [member for member in serving(self.members) if member.own]
        idle = [member for member in servers if not member.going]
        for member in idle:
            waiting = [
                flight
                for other in servers
                for flight in other.going[1:]
                if flight.run is not None and not flight.run.started and flight.position != self._now
            ]
            if waiting and not member.unmet(waiting[-1].job):
                self._drop(waiting[-1])
                self._launch(waiting[-1].position, waiting[-1].job, member)

    def _is_lost(self, flight: Flight, error: BaseException) -> None:
        if flight.run is not None and flight.run.started_at is not None:
            self._deaths[flight.position] = self._deaths.get(flight.position, 0) + 1
        self.takes_out(flight.member, error)

    def takes_out(self, member: Member, error: BaseException) -> None:
        """Have a server out of service until it answers again."""
        if member.lost is None:
            self._news.append((LOST, f"{member.told}: {error}"))
            member.is_lost(error)
