"""The nodes that took longest, as --durations has it of tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..golden.timing import seconds_of_run
from ..workflow.model import title_of
from .telling import line

if TYPE_CHECKING:
    from ..client import Run
    from ..session.state import State

NODES = "comfy_nodes"
"""Property of a report: case, and [seconds, node] of each that ran, as JSON."""


def nodes_of(case: str, run: Run) -> tuple[str, str]:
    """Return the property of a live run."""
    seconds = seconds_of_run(run)
    told = [
        [taken, line(f"node {node} {title_of(node, run.prompt.get(node))!r}", 120)] for node, taken in seconds.items()
    ]
    return NODES, json.dumps([case, told])


def rows(state: State, most: int, least: float) -> Iterator[str]:
    """Return a line for each of the slowest nodes.

    most   0 is all of them
    least  seconds that are told of
    """
    found = [(seconds, node, case) for case, nodes in state.nodes for seconds, node in nodes if seconds >= least]
    found.sort(key=lambda one: -one[0])
    for seconds, node, case in found[:most] if most else found:
        yield f"{seconds:.2f}s {node} in {case}"
