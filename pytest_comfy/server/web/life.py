"""What the routes remember of one server life, beside the engine's queue, history and files."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

from ...golden.exchanges import Exchange
from ..execution import posting
from ..execution.engine import Engine
from ..faults import Faults
from ..files import FileStore
from ..recordings.facts import Facts, facts_of
from ..recordings.library import Library
from ..versions import Version
from ..wire.hub import Hub
from .userdata import UserData

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Route = tuple[str, str, Handler]
"""Method, path, handler."""


class Behind(Protocol):
    """The real server that is asked for what is not recorded."""

    async def answer(self, unanswered: posting.Unanswered, body: Mapping[str, Any]) -> posting.Reply:
        """Return the answer to a prompt that no recording answers."""

    async def ask(self, path: str, query: list[tuple[str, str]], target: str) -> Exchange | None:
        """Return the answer to a GET, None where there is none; `target` is path and query as they came."""


class World(posting.World, Protocol):
    """What the routes act on; `reset` replaces all but the hub."""

    hub: Hub
    faults: Faults
    web_root: Path | None
    """Folder of ComfyUI's web page, where it is to be served."""
    cors_origin: str | None
    """Whose pages may ask, "*" for all; None refuses those of other places."""

    @property
    def behind(self) -> Behind | None:
        """The real server that is asked for what is not recorded, where there is one."""


@dataclass(slots=True)
class Life:
    """The memory of the routes from one `reset` to the next; like the files, it outlives a restart.

    files  the server's
    """

    world: World
    files: FileStore
    userdata: UserData = field(default_factory=UserData)
    users: dict[str, str] = field(default_factory=lambda: {"default": "default"})
    began: float = field(default_factory=time.time)
    """Seconds since the epoch."""

    @property
    def engine(self) -> Engine:
        """Queue and history."""
        return self.world.engine

    @property
    def library(self) -> Library:
        """The recordings."""
        return self.world.library

    @property
    def version(self) -> Version:
        """The version that is spoken."""
        return self.world.version

    @property
    def facts(self) -> Facts:
        """What the library tells."""
        return facts_of(self.library)


def lives(world: World) -> Callable[[], Life]:
    """Return a function that returns the present life, a new one once `world` was reset."""
    present = Life(world, world.engine.files)

    def life() -> Life:
        nonlocal present
        if present.files is not world.engine.files:
            present = Life(world, world.engine.files)
        return present

    return life
