"""What a run owes to the server's cache."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..workflow.model import is_link
from ..workflow.results import history_messages
from .outputs import output_nodes
from .run import Run
from .watch import listed_in


def did_nothing(run: Run) -> bool:
    """Whether only output nodes ran, if any did: their pictures were made by an earlier run then."""
    outputs = output_nodes({"outputs": run.ui})
    if outputs <= run.cached:
        return bool(outputs)
    working = {
        node_id
        for node_id, node in run.prompt.items()
        if node_id not in outputs and any(is_link(value) for value in node.get("inputs", {}).values())
    }
    return bool(working) and working <= run.cached


def cached_in(entry: Mapping[str, Any]) -> frozenset[str]:
    """Return the cached nodes by the history entry, which has them also when the socket missed them."""
    return frozenset(
        str(node)
        for kind, data in history_messages(entry.get("status"))
        if kind == "execution_cached"
        for node in listed_in(data if isinstance(data, Mapping) else {})
    )
