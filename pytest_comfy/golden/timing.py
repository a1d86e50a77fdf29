"""How long each node took, by the messages of a run: `executing` tells when one begins, and so when the last ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from ..workflow.results import Event
from .run import GoldenRun

Message = tuple[float, str, Mapping[str, Any]]
"""Seconds since the prompt was posted, type and data."""

_LONGEST = 1e9
"""Seconds that no run takes."""
_ENDS = ("execution_success", "execution_error", "execution_interrupted")


class Timed(Protocol):
    """A run with its messages."""

    @property
    def events(self) -> Sequence[Event]: ...


def seconds_of_run(run: Timed) -> dict[str, float]:
    """Return node id -> the seconds that it ran, see `seconds_by_node`."""
    return seconds_by_node((event.at, event.type, event.data) for event in run.events)


def seconds_of_golden(golden: GoldenRun) -> dict[str, float]:
    """Return the same of a golden run, by its ids."""
    return seconds_by_node(_messages(golden))


def seconds_by_node(messages: Iterable[Message]) -> dict[str, float]:
    """Return node id -> the seconds that it ran, in order of execution.

    What a node expands to counts as the node itself, as does what it does in several goes.
    """
    found: dict[str, float] = {}
    node, since = None, 0.0
    for at, kind, data in messages:
        if kind != "executing" and kind not in _ENDS:
            continue
        if node is not None:
            found[node] = round(found.get(node, 0.0) + max(0.0, at - since), 3)
        told = (data.get("display_node") or data.get("node")) if kind == "executing" else None
        node, since = (str(told) if told is not None else None), at
    return found


def _messages(golden: GoldenRun) -> Iterator[Message]:
    for row in golden.events:
        # A golden run may have been edited, and JSON of Python's has NaN and infinity.
        if not isinstance(row, list) or len(row) != 2 or not isinstance(row[1], dict):
            continue
        if isinstance(row[0], (int, float)) and abs(row[0]) < _LONGEST:
            data = row[1].get("data")
            yield float(row[0]), str(row[1].get("type")), data if isinstance(data, dict) else {}
