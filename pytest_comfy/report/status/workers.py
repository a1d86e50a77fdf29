"""How workers of pytest-xdist tell of their runs: each by a small file in a folder of the controller's."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import time
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...files import write_whole
from .board import Standing

if TYPE_CHECKING:
    from ...client import Progress

FOLDER = "comfy_status"
"""What the controller tells its workers: the folder in which they tell it of their runs."""
_SECONDS = 0.1
"""Steps of one node are written so often at most."""


def moved(standing: Standing, progress: Progress) -> Standing:
    """Return where a run is by what the client tells of it."""
    node = progress.title or progress.node or ""
    return replace(
        standing,
        node=node,
        step=progress.value,
        steps=progress.max,
        seen=standing.seen or bool(node),
        ahead=progress.ahead,
    )


class Teller:
    """A worker, which writes where it is for the controller. What cannot be written costs no verdict."""

    def __init__(self, folder: Path, worker: str, server: str = "") -> None:
        self._path = folder / f"{worker}.json"
        self._idle = Standing("", 0.0, worker=worker, server=server)
        self._now = self._idle
        self._written = 0.0

    def begin(self, case: str) -> None:
        """As `Follower.begin`."""
        self._tell(replace(self._idle, case=case, begun=time.time()))

    def progress(self, progress: Progress) -> None:
        """As `Follower.progress`."""
        there = moved(self._now, progress)
        if replace(there, step=self._now.step) != self._now or time.monotonic() - self._written >= _SECONDS:
            self._tell(there)

    def end(self) -> None:
        """As `Follower.end`."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _tell(self, standing: Standing) -> None:
        self._now, self._written = standing, time.monotonic()
        with contextlib.suppress(OSError):
            write_whole(self._path, json.dumps(asdict(standing)).encode())


class Listened:
    """The controller's side: a folder for this session alone, and what workers wrote there."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pytest-comfy-"))

    def standings(self) -> list[Standing]:
        """Return where the workers are, in their order."""
        found = []
        for path in self.folder.glob("*.json"):
            with contextlib.suppress(OSError, ValueError, TypeError):
                found.append(_standing(json.loads(path.read_bytes())))
        return sorted(found, key=lambda one: (len(one.worker), one.worker))

    def gone(self, worker: str) -> None:
        """Forget a worker that may have crashed."""
        with contextlib.suppress(OSError):
            (self.folder / f"{worker}.json").unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _standing(told: Any) -> Standing:
    return Standing(**{field.name: told[field.name] for field in fields(Standing) if field.name in told})
