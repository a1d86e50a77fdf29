"""How long each node took, by the messages of a run: `executing` tells when one begins, and so when the last ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..workflow.digest import class_of, match_nodes
from ..workflow.model import title_of
from .telling import line

if TYPE_CHECKING:
    from ..client import Run
    from ..golden import GoldenRun

Message = tuple[float, str, Mapping[str, Any]]
"""Seconds since the prompt was posted, type and data."""

_LONGEST = 1e9
"""Seconds that no run takes."""
_ENDS = ("execution_success", "execution_error", "execution_interrupted")


def timings(run: Run | None, golden: GoldenRun | None, *, live: bool) -> list[dict[str, Any]]:
    """Return a row a node that ran or was cached, in order of execution, its seconds beside those of the golden run.

    Of a replay it is not known how long a node took, as it is made by nobody.
    """
    before = seconds_by_node(_of_golden(golden)) if golden else {}
    prompt = run.prompt if run else golden.prompt if golden else {}
    names = match_nodes(golden.prompt, run.prompt) if run and golden else {}
    before = {names.get(node, node): seconds for node, seconds in before.items()}
    now = seconds_by_node((event.at, event.type, event.data) for event in run.events) if run else {}
    cached = run.cached if run else frozenset()
    order = dict.fromkeys([*(node for node in prompt if node in cached), *now, *before])
    return [
        {
            "node": node,
            "title": line(title_of(node, prompt[node])),
            "class_type": line(class_of(prompt[node]), 200),
            "golden": before.get(node),
            "actual": now.get(node) if live else None,
            "cached": node in cached,
        }
        for node in order
        if node in prompt
    ]


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


def _of_golden(golden: GoldenRun) -> Iterator[Message]:
    for row in golden.events:
        # A golden run may have been edited, and JSON of Python's has NaN and infinity.
        if not isinstance(row, list) or len(row) != 2 or not isinstance(row[1], dict):
            continue
        if isinstance(row[0], (int, float)) and abs(row[0]) < _LONGEST:
            data = row[1].get("data")
            yield float(row[0]), str(row[1].get("type")), data if isinstance(data, dict) else {}
