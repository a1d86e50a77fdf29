"""Which nodes of a prompt run, and in what order."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...workflow.digest import inputs_of
from ...workflow.model import is_link

_AHEAD = 2
"""How many links ahead ComfyUI looks for an output node when it chooses among ready nodes."""


def execution_order(
    prompt: Mapping[str, Any], is_output: Callable[[str], bool], outputs: Sequence[str]
) -> tuple[list[str], str | None]:
    """Return the ids of `outputs` and of all nodes they depend on, each once, after its inputs; and what waits in vain.

    That is the node that ComfyUI blames for a loop, None where there is none: the nodes of a loop, and those that
    depend on them, do not run. Validation lets a loop through where a value holds a link.

    Among nodes that are ready the choice is ComfyUI's (comfy_execution/graph.py): output nodes first, then
    nodes that feed one, then nodes that feed a node that feeds one, then the earliest found. Nodes are found
    from the outputs upwards, the last link of a node first. Links to nodes that do not exist are passed
    over.
    """
    feeds = _found(prompt, outputs)
    above = {node_id: _upstream(prompt, node_id) for node_id in feeds}
    missing = {node_id: len(links) for node_id, links in above.items()}
    urgency = _urgencies(above, is_output)
    place = {node_id: number for number, node_id in enumerate(feeds)}
    ready = [(urgency[node_id], place[node_id], node_id) for node_id, count in missing.items() if count == 0]
    heapq.heapify(ready)
    order: list[str] = []
    while ready:
        chosen = heapq.heappop(ready)[2]
        order.append(chosen)
        for below in feeds[chosen]:
            missing[below] -= 1
            if missing[below] == 0:
                heapq.heappush(ready, (urgency[below], place[below], below))
    return order, next((node_id for node_id in feeds if missing[node_id] > 0), None)


def _found(prompt: Mapping[str, Any], outputs: Sequence[str]) -> dict[str, dict[str, None]]:
    """Return node id -> ids of the nodes it feeds, in ComfyUI's order of finding them."""
    feeds: dict[str, dict[str, None]] = {}
    for output in outputs:
        waiting = [output]
        while waiting:
            node_id = waiting.pop()
            if node_id not in feeds:
                feeds[node_id] = {}
                waiting += _upstream(prompt, node_id, repeated=True)
    for node_id in list(feeds):
        for above in _upstream(prompt, node_id):
            feeds[above][node_id] = None
    return feeds


def _upstream(prompt: Mapping[str, Any], node_id: str, repeated: bool = False) -> list[str]:
    links = [value[0] for value in inputs_of(prompt[node_id]).values() if is_link(value) and value[0] in prompt]
    return links if repeated else list(dict.fromkeys(links))


def _urgencies(above: Mapping[str, Sequence[str]], is_output: Callable[[str], bool]) -> dict[str, int]:
    """Return node id -> number of links to the nearest output node, at most _AHEAD + 1."""
    level = [node_id for node_id in above if is_output(node_id)]
    urgencies = dict.fromkeys(level, 0)
    for distance in range(1, _AHEAD + 1):
        level = [up for node_id in level for up in above[node_id] if up not in urgencies]
        urgencies.update(dict.fromkeys(level, distance))
    return {node_id: urgencies.get(node_id, _AHEAD + 1) for node_id in above}
