"""The status line: where live runs are, below what pytest has written, and gone before it writes more."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...client import Progress
    from ...session.projects import Projects
    from ...session.settings import Settings
    from .board import Follower


def open_status(config: Any, projects: Projects, environ: Mapping[str, str]) -> Follower | None:
    """Return who is told of the runs of this process; None where nobody looks.

    A worker of pytest-xdist tells its controller; else there must be a terminal, and neither CI nor -q. The folder of a
    worker on another machine is not there.
    """
    told = getattr(config, "workerinput", None)
    if told is not None:
        from .workers import FOLDER, Teller

        if FOLDER not in told:
            return None
        folder = Path(str(told[FOLDER]))
        return Teller(folder, str(told["workerid"]), _server(projects.session, environ)) if folder.is_dir() else None
    if not wanted(config, environ):
        return None
    from .watched import Watched

    return Watched(config, projects)


def wanted(config: Any, environ: Mapping[str, str]) -> bool:
    """Whether the output is a terminal that can be drawn on, and a person looks at it."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if os.name == "nt" or reporter is None or config.option.verbose < 0:
        return False
    if environ.get("CI") or environ.get("BUILD_NUMBER") or environ.get("TERM", "dumb") == "dumb":
        return False
    return bool(reporter.isatty)


@contextmanager
def followed(follower: Any, case: str) -> Iterator[Callable[[Progress], None] | None]:
    """Give a callback that is told of the progress of a case, None where nobody looks."""
    if follower is None:
        yield None
        return
    follower.begin(case)
    try:
        yield follower.progress
    finally:
        follower.end()


def _server(settings: Settings, environ: Mapping[str, str]) -> str:
    """Return the address of this worker's server where there are several, as it is told."""
    from ...session.workers import for_worker

    own = for_worker(settings.servers, environ)
    return own.told.partition("://")[2] or own.told if own and len(settings.servers) > 1 else ""
