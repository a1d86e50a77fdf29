"""Addresses: how a person names a node, one of its inputs or one of its outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..text import listed, nearest, plain
from .errors import WorkflowError


def find_nodes(prompt: Mapping[str, Mapping[str, Any]], name: str) -> list[str]:
    """Return the ids of the nodes that `name` may mean: the node of that id, else all so titled or classed."""
    if name in prompt:
        return [name]
    return [node_id for node_id, node in prompt.items() if name in (_title(node), node.get("class_type"))]


def find_input(prompt: Mapping[str, Mapping[str, Any]], address: str, source: str) -> tuple[str, str]:
    """Return (node id, input name) of an address "node.input".

    Titles and input names may hold dots, so every split is tried.
    Raises WorkflowError, naming the candidates, unless exactly one input fits.
    """
    found = {
        (node_id, name): None
        for node, name in _splits(address)
        for node_id in find_nodes(prompt, node)
        if name in prompt[node_id].get("inputs", {})
    }
    if len(found) == 1:
        return next(iter(found))
    if found:
        ways = listed(f"{node_id}.{name} ({_label(prompt[node_id])})" for node_id, name in found)
        raise WorkflowError(f"{source}: {address!r} is ambiguous: use the node's id, one of {ways}")
    raise WorkflowError(f"{source}: {address!r} names no input; {_candidates(prompt, address)}")


def _candidates(prompt: Mapping[str, Mapping[str, Any]], address: str) -> str:
    for node, _ in _splits(address):
        nodes = find_nodes(prompt, node)
        if nodes:
            names = dict.fromkeys(f"{node}.{name}" for node_id in nodes for name in prompt[node_id].get("inputs", {}))
            return f"{_label(prompt[nodes[0]])} has {listed(_nearest_first(address, names)) or 'no inputs'}"
    known = {
        f"{_title(node) or node.get('class_type')}.{name}": None
        for node in prompt.values()
        for name in node.get("inputs", {})
    }
    return f"known are {listed(_nearest_first(address, known)) or 'none'}"


def _nearest_first(name: str, known: Mapping[str, None]) -> list[str]:
    first = nearest(name, known, 5)
    return [*first, *(other for other in known if other not in first)]


def _splits(address: str) -> Iterator[tuple[str, str]]:
    parts = address.split(".")
    for at in range(len(parts) - 1, 0, -1):
        yield ".".join(parts[:at]), ".".join(parts[at:])


def _title(node: Mapping[str, Any]) -> str | None:
    meta = node.get("_meta")
    title = meta.get("title") if isinstance(meta, Mapping) else None
    return str(title) if title else None


def _label(node: Mapping[str, Any]) -> str:
    title = _title(node)
    return plain(f"{title} [{node.get('class_type')}]" if title else node.get("class_type"), 80)
