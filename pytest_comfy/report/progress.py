"""Progress of a long live run, on a terminal that nobody captures."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..text import plain

if TYPE_CHECKING:
    from ..client import Progress

_CLEAR = "\r\x1b[2K"


@contextmanager
def progress_of(config: Any, live: bool, title: str) -> Iterator[Callable[[Progress], None] | None]:
    """Give a callback that shows progress in one line, None where output is captured or no terminal."""
    stream = sys.stdout
    if not live or config.getoption("capture", "no") != "no" or not stream.isatty():
        yield None
        return

    def show(progress: Progress) -> None:
        stream.write(_CLEAR + line(title, progress))
        stream.flush()

    try:
        yield show
    finally:
        stream.write(_CLEAR)
        stream.flush()


def line(title: str, progress: Progress) -> str:
    """Return "workflows/a.json::default 12 s: node 5 'KSampler' step 3 of 20"."""
    if progress.node is None:
        what = f"waiting, {progress.waiting} in the queue" if progress.waiting else "waiting"
    else:
        step = f" step {progress.value:g} of {progress.max:g}" if progress.max else ""
        what = f"node {progress.node} {progress.title!r}{step}"
    return plain(f"{title} {progress.seconds:.0f} s: {what}", 100)
