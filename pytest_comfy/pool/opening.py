"""The pool of a session is opened: which servers this process uses, and what runs beside them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from ..client import ComfyError
from ..client.background import BackgroundClient, Loop
from ..judging.lane import Lane
from ..session.workers import shared, worker_of
from ..upgrade.preflight.session import ask_once
from .durations import Durations
from .member import Member
from .pool import Pool

if TYPE_CHECKING:
    from ..session.servers import Server
    from ..session.state import State

_GONE = 10.0, 3.0
"""Seconds that a server may give no answer, and refuse every connection, before its runs go to others."""


def open_pool(state: State) -> Pool:
    """Connect to the servers of a session that this process uses; raises ComfyError where none of them answers."""
    settings = state.settings
    state.durations = state.durations or Durations()

    def ask_first(lane: Lane) -> None:
        if settings.preflight != "off":
            ask_once(lane.client, state.preflight, settings)

    pool = _Opening(state, Loop()).pool()
    try:
        _connect([member for member in pool.members if member.own], pool, ask_first)
    except BaseException:
        pool.close()
        raise
    # The first picture that has to be looked into waits for none of it, while a server waits for the next case.
    threading.Thread(target=load_pictures, name="comfy-loading", daemon=True).start()
    return pool


def _connect(members: Sequence[Member], pool: Pool, first: Callable[[Lane], object]) -> None:
    """Connect to servers at once; raises ComfyError where none answers."""

    def connect(member: Member) -> ComfyError | None:
        try:
            first(member.lane)
        except ComfyError as error:
            return error
        return None

    with ThreadPoolExecutor(len(members)) as threads:
        errors = [*threads.map(connect, members)]
    refused = [error for error in errors if error is not None]
    if len(refused) == len(members) and (len(members) == len(pool.members) or not _any_other(pool, members)):
        raise refused[0]
    for member, error in zip(members, errors, strict=True):
        if error is not None:
            pool.takes_out(member, error)


def _any_other(pool: Pool, members: Sequence[Member]) -> bool:
    for member in pool.members:
        if member not in members:
            with suppress(ComfyError):
                return member.lane is not None
    return False


class _Opening:
    def __init__(self, state: State, loop: Loop) -> None:
        self._settings = state.settings
        self._facts = state.facts
        self._preflight = state.preflight
        self._on_nodes = state.on_nodes
        self._loop = loop
        self._olds: dict[str, Lane] = {}
        self._opening_old = threading.Lock()

    def pool(self) -> Pool:
        settings = self._settings
        own = shared(settings.servers, os.environ)
        # Each case runs on all of them, where its noise floor is looked for.
        servers = own[:1] if settings.calibrate else settings.servers
        pool = Pool([], self._loop, 0 if settings.calibrate else settings.lookahead, settings.max_memory)
        for server in servers:
            others = [one for one in settings.servers if one is not server] if settings.calibrate else []
            pool.members.append(
                Member(
                    server,
                    partial(self._lane, server, self._old_of(server), others, len(servers) > 1),
                    self._loop,
                    pool.changed.set,
                    own=server in own,
                )
            )
        return pool

    def _old_of(self, server: Server) -> Server | None:
        """Return the old server that a server is held against: several are spread over the servers, or the workers."""
        servers, against = self._settings.servers, self._settings.against
        worker, workers = worker_of(os.environ)
        place = worker if workers >= len(servers) else servers.index(server)
        return against[place % len(against)] if against else None

    def _lane(self, server: Server, old: Server | None, others: Sequence[Server], several: bool, anew: bool) -> Lane:
        connect = partial(BackgroundClient, loop=self._loop, gone=_GONE if several else None)
        facts = {} if anew else self._facts
        lane = Lane.open(server, self._settings, facts, connect)
        if anew:  # it may be another ComfyUI now
            self._facts.update(facts)
            self._preflight.pop(lane.client.url, None)
        lane.client.on_nodes = self._on_nodes
        try:
            if old is not None:
                lane.old = self._shared(old, connect)
            for other in others:
                lane.others = (*lane.others, Lane.open(other, self._settings, self._facts, connect))
        except BaseException:
            lane.close()
            raise
        return lane

    def _shared(self, old: Server, connect: Callable[..., BackgroundClient]) -> Lane:
        """Return the one lane of an old server, for all that are held against it: they ask it in turn."""
        with self._opening_old:
            if old.address not in self._olds:
                self._olds[old.address] = Lane.open(old, self._settings, self._facts, connect)
            return self._olds[old.address]


def load_pictures() -> None:
    """Load what pictures are compared with."""
    from ..compare import compare_images  # noqa: F401 - asking for it loads it all

    import_module("scipy.fftpack")  # which imagehash loads with its first picture
