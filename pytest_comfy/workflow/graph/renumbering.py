"""Ids of nodes in subgraphs that occur elsewhere in the file: later pages give them new ones when they load it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .document import Document, SavedGraph, SavedNode
from .proxies import entries

_DIGITS = 9
"""Longer ids are no numbers that a page has given; none follows them."""


def renumber(document: Document) -> None:
    """Give nodes of subgraphs whose id is taken the next free one, in the order of the file, as the page does.

    `SavedNode.was` keeps the id of the file.
    """
    used = {node.id for node in document.root.nodes.values()}
    last = max([document.last_id, *filter(None, map(_number, used))])
    changed: dict[str, dict[str, str]] = {}
    for graph in document.definitions.values():
        new: dict[str, str] = {}
        for node in graph.nodes.values():
            if _number(node.id) is None:
                continue
            if node.id in used:
                last += 1
                new[node.id] = str(last)
            used.add(new.get(node.id, node.id))
            last = max(last, _number(node.id) or 0)
        if new:
            _rename(graph, new)
            changed[graph.id] = new
    for graph in [document.root, *document.definitions.values()] if changed else ():
        for node in graph.nodes.values():
            if node.type in changed:
                node.properties = {**node.properties, "proxyWidgets": _listed(node, changed[node.type])}


def _number(node_id: str) -> int | None:
    return int(node_id) if node_id.isascii() and node_id.isdecimal() and len(node_id) <= _DIGITS else None


def _rename(graph: SavedGraph, new: dict[str, str]) -> None:
    for node in graph.nodes.values():
        if node.id in new:
            node.was, node.id = node.id, new[node.id]
    graph.nodes = {node.id: node for node in graph.nodes.values()}
    graph.links = {
        link.id: replace(link, origin=new.get(link.origin, link.origin), target=new.get(link.target, link.target))
        for link in graph.links.values()
    }


def _listed(node: SavedNode, new: dict[str, str]) -> list[Any]:
    """Return what an instance lists, with the new ids of the nodes in it."""
    return [
        None if one is None else [new.get(one.node, one.node), one.name, *([one.source] if one.source else [])]
        for one in entries(node.properties.get("proxyWidgets"))
    ]
