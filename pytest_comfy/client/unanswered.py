"""What became of a prompt whose answer was lost on the way: what the server keeps of it tells that too."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from .errors import ServerUnreachable, TooLarge
from .explain import Definitions
from .reply import QUEUE
from .wire import Wire

_OUTPUTS = 4
"""Place of the output nodes that will run in what a server keeps: number, id, prompt, extra data, outputs."""
_WHY = "is left out, and the answer that says why was lost on the way: run it again"


async def kept_prompt(wire: Wire, prompt_id: str) -> list[Any] | None:
    """Return what queue or history keep of a prompt, None where it never arrived or the server does not answer."""
    with contextlib.suppress(ServerUnreachable, TooLarge):
        for item in await _queued(wire):
            if isinstance(item, list) and len(item) > 1 and item[1] == prompt_id:
                return item
        # Asked last, as a prompt moves there from the queue.
        entry = (await wire.request("GET", f"/history/{prompt_id}")).object().get(prompt_id)
        if isinstance(entry, Mapping):
            kept = entry.get("prompt")
            return kept if isinstance(kept, list) else []
    return None


def left_out(kept: list[Any], prompt: Mapping[str, Any], definitions: Definitions) -> dict[str, Any]:
    """Return the node errors that the lost answer had, as far as can be known: the output nodes that will not run."""
    if len(kept) <= _OUTPUTS or not isinstance(kept[_OUTPUTS], list):
        return {}
    running = {str(node_id) for node_id in kept[_OUTPUTS]}
    return {
        node_id: {"errors": [{"message": _WHY}], "dependent_outputs": [node_id], "class_type": node.get("class_type")}
        for node_id, node in prompt.items()
        if node_id not in running and (definitions(str(node.get("class_type"))) or {}).get("output_node") is True
    }


async def _queued(wire: Wire) -> list[Any]:
    queue = (await wire.request("GET", "/queue", limit=QUEUE)).object()
    parts = [queue.get(name) for name in ("queue_running", "queue_pending")]
    return [item for part in parts if isinstance(part, list) for item in part]
