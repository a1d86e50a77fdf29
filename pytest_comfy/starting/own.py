"""The session's own ComfyUI: its place is settled when the session begins, and it is started when it is needed."""

from __future__ import annotations

import contextlib
import os
import random
import socket
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..session.servers import Server
from .errors import StartError
from .folders import command_of, packs_of
from .keeper import LOG
from .log import import_failures, text_of
from .orphans import make, new_folder, sweep
from .process import Process, Tell
from .program import program_of

if TYPE_CHECKING:
    from ..session.settings import Settings

_PORTS = range(20_000, 32_000)
"""Below those that systems give to whoever asks for any, so that none of them is taken meanwhile."""
_TRIES = 200


class OwnServer:
    """A ComfyUI that one process of pytest has for itself.

    settings  those of the session, with this server as the one to ask, and its log as the server's
    packs     class names by pack under test, once it was started
    """

    def __init__(self, settings: Settings) -> None:
        """Settle where it will be; raises StartError where it cannot be started as it is told."""
        self.program = program_of(settings.start, settings.root)
        self._packs = packs_of(settings.custom_nodes, settings.root)
        self._folder = new_folder()
        self._held, self._port = _free_port()
        self._timeout = settings.start_timeout
        self._process: Process | None = None
        self._lock: int | None = None
        self._failed = ""
        self._silent = False
        self.told = settings.start
        self.packs: dict[str, list[str]] = {}
        self.settings = replace(
            settings,
            servers=(Server(f"http://127.0.0.1:{self._port}"),),
            server_log=settings.server_log or self._folder / LOG,
        )

    def ensure(self, tell: Tell = lambda seconds, line: None) -> dict[str, Any] | None:
        """Start it unless it was, and wait until it answers; returns its `/system_stats` where it was started now.

        Raises StartError where it cannot be started, ended, or cannot import a pack under test: each time, at length
        once.
        """
        if self._failed and self._silent:
            self._silent = False
            raise StartError(self._failed)
        if self._failed:
            raise StartError(f"{self._failed.splitlines()[0].partition('; the last lines')[0]} (told above)")
        try:
            if self._process is None:
                return self._start(tell)
            if self._process.ended:
                raise StartError(self._process.ended)
        except (StartError, OSError) as error:
            self._failed = str(error) if isinstance(error, StartError) else f"comfy_start: {self.told}: {error}"
            raise StartError(self._failed) from None
        return None

    def repeat(self) -> None:
        """Have the next one to ask told at length once more: nobody heard it."""
        self._silent = True

    def end(self) -> None:
        """End it, with all that it started, and give up its place."""
        self._held.close()
        if self._process is not None:
            self._process.end()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def seconds(self) -> float:
        """Seconds since it was started."""
        return self._process.seconds if self._process else 0.0

    def _start(self, tell: Tell) -> dict[str, Any]:
        from ..client import ComfyClient

        sweep()
        self._lock = make(self._folder)
        words = command_of(self.program, self._folder, self._port, self._packs)
        self._held.close()
        self._process = Process(words, self.program.cwd or self._folder, self._folder, self.told, self._lock)
        with ComfyClient(self.settings.servers[0].address) as client:
            stats = self._process.wait(client, self._timeout, tell)
            if self._packs:
                self._refuse_broken_packs()
                self.packs = _classes(client, self._packs)
        return stats

    def _refuse_broken_packs(self) -> None:
        failures = import_failures(text_of(self._folder / LOG), self._packs)
        if failures:
            raise StartError("; ".join(failures))


def _classes(client: Any, packs: dict[str, Path]) -> dict[str, list[str]]:
    """Return the classes that the server has of each pack."""
    from ..golden.environment import node_packs

    known = node_packs(client.object_info())
    return {name: known.get(path.stem if path.is_file() else name, []) for name, path in packs.items()}


def _free_port() -> tuple[socket.socket, int]:
    """Return a port where nobody listens, and a socket that holds it until it is closed; raises StartError."""
    chance = random.SystemRandom()  # another seed for each worker, whatever a plugin does to `random`
    for _ in range(_TRIES):
        held = socket.socket()
        with contextlib.suppress(OSError):
            held.bind(("127.0.0.1", chance.choice(_PORTS)))
            return held, int(held.getsockname()[1])
        held.close()
    raise StartError(f"comfy_start: none of {_TRIES} ports between {_PORTS.start} and {_PORTS.stop} is free")
