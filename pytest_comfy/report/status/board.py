"""What is known of the runs that are on their way, and the lines that tell it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from .fitting import Piece, fitted, one_line

if TYPE_CHECKING:
    from ...client import Progress


class Follower(Protocol):
    """Who is told of the runs of a process, one at a time."""

    def begin(self, case: str) -> None:
        """A case begins, by its node id."""

    def progress(self, progress: Progress) -> None:
        """Its run came further."""

    def end(self) -> None:
        """It is over, however it ended."""


@dataclass(frozen=True)
class Standing:
    """Where one process is.

    case      the node id
    begun     when it began, in seconds since the epoch: the clock that processes share
    seen      whether a node of the run was seen to run
    ahead     prompts that the server takes before ours
    worker    its name under pytest-xdist; server where there are several
    """

    case: str
    begun: float
    node: str = ""
    step: float = 0.0
    steps: float = 0.0
    seen: bool = False
    ahead: int = 0
    worker: str = ""
    server: str = ""

    def line(self, now: float, width: int, *more: Piece) -> str:
        """Return it in one line of at most so many columns."""
        seconds = f"{max(0.0, now - self.begun):.0f} s"
        return fitted(
            [
                Piece(one_line(self.worker, 20), rank=1),
                *more[:1],
                Piece(short(self.case), least=12, rank=2),
                Piece(seconds, rank=1),
                *self._what(),
                Piece(one_line(self.server, 60), rank=6),
                *more[1:],
            ],
            width,
        )

    def _what(self) -> tuple[Piece, ...]:
        if self.node:
            steps = f"{self.step:g}/{self.steps:g}" if self.steps else ""
            return Piece(one_line(self.node), least=8, rank=3), Piece(steps, rank=4)
        if self.ahead:
            return (Piece(f"{self.ahead} ahead in the queue", least=8, rank=3),)
        return (Piece("comparing" if self.seen else "waiting", rank=3),)


def short(node_id: str) -> str:
    """Return a case's name without its folders; that of the only case of a workflow goes without saying."""
    path, _, name = node_id.partition("::")
    return one_line(path.rpartition("/")[2] + ("" if name in ("default", "") else f"::{name}"))


def told_left(seconds: float | None) -> str:
    """Return "about 3 min left"; nothing where it is not known."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"about {max(1, math.ceil(seconds / 5) * 5) if seconds >= 5 else math.ceil(seconds) or 1} s left"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"about {minutes} min left"
    return f"about {minutes // 60} h {minutes % 60} min left"


def lines(
    standings: Sequence[Standing], done: int, total: int, left: float | None, now: float, size: tuple[int, int]
) -> list[str]:
    """Return the status in lines that fit a terminal of (columns, rows); none where nothing runs.

    A line of its own for each worker, with the whole in the last one; all in one line where there is but one process.
    """
    columns, rows = size
    width = max(1, columns - 1)  # the last column is left alone: some terminals break the line after it
    if not standings:
        return []
    count = Piece(f"{min(done + 1, total)}/{total}" if total else "", rank=1)
    if len(standings) == 1 and not standings[0].worker:
        return [standings[0].line(now, width, count, Piece(told_left(left), rank=5))]
    most = max(1, rows - 3)
    shown = [one.line(now, width) for one in standings[:most]]
    more = len(standings) - most
    whole = [
        Piece(f"{done}/{total} done" if total else "", rank=1),
        Piece(f"{more} more at work" if more > 0 else "", rank=3),
        Piece(told_left(left), rank=2),
    ]
    return [line for line in (*shown, fitted(whole, width)) if line]
