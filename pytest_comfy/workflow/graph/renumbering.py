"""Ids that occur more than once in a file: later pages give new ones to what has them when they load it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .document import Document, SavedGraph, SavedNode
from .proxies import entries
from .versions import Page

_DIGITS = 9
"""Longer ids are no numbers that a page has given; none follows them."""


def renumber(document: Document, page: Page) -> None:
    """Give every node an id of its own, as a version of the page does.

    In the root graph the last of several nodes of one id counts; from 1.53 on the others get the next free ids. Nodes
    of subgraphs whose id is taken get the next free one, in the order of the file, from 1.41 on; until 1.53 that goes
    for several nodes of one id within the same subgraph too, and the last one keeps the links. `SavedNode.was` keeps
    the id of the file.
    """
    for graph in [document.root, *document.definitions.values()]:
        if not (page.goes_by_table or (page.renumbers and graph.id)):
            graph.nodes.update((node.id, node) for node in graph.again)
    if page.renumbers:
        _number_inner(document, page)
    if page.goes_by_table:
        for node in document.root.again:
            document.last_id += 1
            _add(document.root, node, str(document.last_id))


def rename(graph: SavedGraph, new: Mapping[str, str]) -> None:
    """Give nodes of a graph other ids, in its links as well."""
    for node in graph.nodes.values():
        if node.id in new:
            node.was, node.id = node.was or node.id, new[node.id]
    graph.nodes = {node.id: node for node in graph.nodes.values()}
    graph.links = {
        link.id: replace(link, origin=new.get(link.origin, link.origin), target=new.get(link.target, link.target))
        for link in graph.links.values()
    }


def _number_inner(document: Document, page: Page) -> None:
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
            rename(graph, new)
        for node in () if page.goes_by_table else graph.again:
            last += 1
            _number_again(graph, node, new, str(last))
        if new:
            changed[graph.id] = new
    document.last_id = last
    for graph in [document.root, *document.definitions.values()] if changed else ():
        for node in graph.nodes.values():
            if node.type in changed:
                node.properties = {**node.properties, "proxyWidgets": _listed(node, changed[node.type])}


def _number(node_id: str) -> int | None:
    return int(node_id) if node_id.isascii() and node_id.isdecimal() and len(node_id) <= _DIGITS else None


def _number_again(graph: SavedGraph, node: SavedNode, new: dict[str, str], new_id: str) -> None:
    """Add one of several nodes of an id; all that refers to the id is taken for this one."""
    links = {new.get(node.id, node.id): new_id}
    new[node.id] = new_id
    graph.links = {
        link.id: replace(link, origin=links.get(link.origin, link.origin), target=links.get(link.target, link.target))
        for link in graph.links.values()
    }
    node.was, node.id = node.id, new_id
    graph.nodes[new_id] = node


def _add(graph: SavedGraph, node: SavedNode, new_id: str) -> None:
    """Add one of several nodes of an id, which has no links, as those of the table are of the first."""
    for slot in node.inputs:
        slot.link = None
    node.was, node.id = node.id, new_id
    graph.nodes[new_id] = node


def _listed(node: SavedNode, new: dict[str, str]) -> list[Any]:
    """Return what an instance lists, with the new ids of the nodes in it."""
    return [
        None if one is None else [new.get(one.node, one.node), one.name, *([one.source] if one.source else [])]
        for one in entries(node.properties.get("proxyWidgets"))
    ]
