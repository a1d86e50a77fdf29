"""The process that has the terminal: it draws its own runs, and those that workers tell of."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from .board import Standing, lines
from .estimate import Estimate
from .screen import Screen
from .workers import FOLDER, Listened, moved

if TYPE_CHECKING:
    from ...client import Progress
    from ...session.projects import Projects

_TICK = 0.1
"""Seconds between two looks; drawn is only what changed."""
_READING = 0.02
"""Seconds that golden runs are read for in between."""


class Watched:
    """The status line of a session. A thread draws it while a case runs here, or workers of pytest-xdist are there.

    Its methods named pytest_... are hooks.
    """

    def __init__(self, config: Any, projects: Projects) -> None:
        self._screen = Screen(sys.stdout.fileno(), sys.stdout.encoding or "utf-8")
        self._screen.guard(config.get_terminal_writer())
        self._estimate = Estimate(projects)
        self._own: Standing | None = None
        self._listened: Listened | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._closed = False
        config.pluginmanager.register(self, "comfy-status")
        if config.pluginmanager.hasplugin("dsession"):
            config.pluginmanager.register(Spread(self), "comfy-status-xdist")

    def begin(self, case: str) -> None:
        """As `Follower.begin`."""
        self._own = Standing(case, time.time())
        self._start()

    def progress(self, progress: Progress) -> None:
        """As `Follower.progress`."""
        if self._own is not None:
            self._own = moved(self._own, progress)

    def end(self) -> None:
        """As `Follower.end`."""
        self._own = None
        self._end()

    def hear(self) -> str:
        """Listen to workers from now on, and return the folder in which they tell."""
        if self._listened is None:
            self._listened = Listened()
            self._start()
        return str(self._listened.folder)

    def gone(self, worker: str) -> None:
        """A worker is gone."""
        if self._listened is not None:
            self._listened.gone(worker)

    def expect(self, cases: Sequence[str]) -> None:
        """Say which cases there are, by their node ids."""
        self._estimate.expect(cases)

    def pytest_collection_finish(self, session: Any) -> None:
        """Note what is to be run; with workers they tell that."""
        if session.items:
            self.expect([item.nodeid for item in session.items])

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Count a case that is done, and learn from it how fast this server is."""
        if report.when == "call":
            self._took(report.nodeid, report.user_properties)
        if report.when == "teardown":
            self._estimate.done.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Leave the terminal to what is told at the end; workers that were ended may have left word of their runs."""
        self.close()

    def pytest_unconfigure(self) -> None:
        """Leave the terminal as it was, however the session ended."""
        self.close()

    def close(self) -> None:
        """Take the lines away, for good."""
        listened, self._listened = self._listened, None
        self._closed = True
        self._end()
        if listened is not None:
            listened.close()
        self._screen.close()

    def _took(self, case: str, properties: Iterable[tuple[str, object]]) -> None:
        for name, value in properties:
            if name == "comfy_seconds":
                self._estimate.took(case, float(str(value)))

    def _start(self) -> None:
        if self._thread is None and not self._closed:
            self._stop.clear()
            self._thread = threading.Thread(target=self._draw, name="comfy-status", daemon=True)
            self._thread.start()

    def _end(self) -> None:
        """Let the thread end, and leave nothing of what it drew."""
        if self._thread is not None and self._listened is None:
            self._stop.set()
            self._thread.join()
            self._thread = None
        self._screen.clear()

    def _draw(self) -> None:
        while not self._stop.wait(_TICK):
            self._screen.show(self._lines())
            until = time.monotonic() + _READING
            while time.monotonic() < until and self._estimate.read_one():
                pass

    def _lines(self) -> list[str]:
        listened, own = self._listened, self._own
        standings = listened.standings() if listened else []
        if own is not None:
            standings.append(own)
        now, estimate = time.time(), self._estimate
        running = {one.case: now - one.begun for one in standings}
        done = sum(case in estimate.done for case in estimate.cases)
        left = estimate.left(running)
        # A test in Python is none of the cases that are counted.
        total = len(estimate.cases) if own is None or own.case in estimate.cases else 0
        return lines(standings, done, total, left if total else None, now, self._screen.size)


class Spread:
    """The hooks of pytest-xdist, registered where it is at work: pluggy refuses hooks that nobody declares."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched

    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker where to tell of its runs."""
        node.workerinput[FOLDER] = self._watched.hear()

    def pytest_xdist_node_collection_finished(self, node: Any, ids: Sequence[str]) -> None:
        """Note what is to be run: all workers collect the same."""
        self._watched.expect(ids)

    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Forget what a worker told that may have crashed."""
        self._watched.gone(node.gateway.id)
