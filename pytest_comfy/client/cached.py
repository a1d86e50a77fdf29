"""What a run owes to the server's cache."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from ..workflow.definitions import loads_models
from ..workflow.digest import NONCE_INPUT
from ..workflow.model import is_link
from ..workflow.results import history_messages
from .explain import Definitions
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


def with_nonce(prompt: Mapping[str, Any], definition_of: Definitions, reload: bool) -> dict[str, Any]:
    """Return the prompt with an unknown input at every node, at model loaders only to `reload`: none is cached."""
    nonce = uuid.uuid4().hex
    return {
        node_id: node
        if not reload and loads_models(definition_of(str(node.get("class_type"))))
        else {**node, "inputs": {**node.get("inputs", {}), NONCE_INPUT: nonce}}
        for node_id, node in prompt.items()
    }
