"""Links that only the table of links knows: pages from 1.53 on keep none at the inputs of nodes, and connect them.

What an input says goes first. Where several inputs name one link, or name one that the table has elsewhere, these pages
lose links; here they stay, and are told.
"""

from __future__ import annotations

from collections.abc import Iterator

from .document import SavedGraph, SavedLink
from .nodes import Graph, Node


def connect(graph: Graph) -> None:
    """Link the inputs of a graph's nodes that only the table links, and let outputs list what the table has."""
    for link in _unnamed(graph.saved):
        node = graph.nodes.get(link.target)
        at = link.target_slot
        if node is not None and 0 <= at < len(node.sockets) and node.sockets[at].link is None:
            node.sockets[at].link = link.id
            told = f"ComfyUI's page connects it by the file's table of links, whose link {link.id} it does not name"
            graph.let_go.append(f"{graph.saved.where(node.label, node.sockets[at].name)}: {told}")
    for node in graph.nodes.values():
        graph.let_go += _shared(graph, node)
    leaving: dict[tuple[str, int], list[str]] = {}
    for link in graph.saved.links.values():
        leaving.setdefault((link.origin, link.origin_slot), []).append(link.id)
    for node in graph.nodes.values():
        for at, slot in enumerate(node.saved.outputs):
            slot.links = tuple(leaving.get((node.id, at), ()))


def _unnamed(saved: SavedGraph) -> Iterator[SavedLink]:
    named = {slot.link for node in saved.nodes.values() for slot in node.inputs}
    yield from (link for link in saved.links.values() if link.id not in named)


def _shared(graph: Graph, node: Node) -> Iterator[str]:
    seen: set[str] = set()
    for socket in node.sockets:
        link = graph.saved.links.get(socket.link or "")
        if link is not None and (link.target != node.id or link.id in seen):
            yield (
                f"{graph.saved.where(node.label, socket.name)}: names link {link.id}, which the file's table of links "
                "has elsewhere: ComfyUI's page does not connect both: connect the input again and save"
            )
        seen.add(link.id if link is not None else "")
