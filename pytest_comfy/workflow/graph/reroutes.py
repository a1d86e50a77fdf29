"""What Reroutes do once a graph is loaded: they let go of inputs that cannot take what comes in at their other end."""

from __future__ import annotations

from collections.abc import Iterator

from .nodes import REROUTE, Graph, Node
from .types import compatible
from .widgets import Socket


def let_go(graph: Graph) -> None:
    """Unlink the inputs that a chain of Reroutes leads to and whose type is not that of its origin, as the page does.

    A page of another version than the file's, or nodes that have changed since, bring such links about.
    """
    for node in graph.nodes.values():
        kind = _incoming(graph, node) if node.type == REROUTE else None
        if kind is None:
            continue
        for target, socket in _outgoing(graph, node):
            if not compatible(kind, socket.type):
                socket.link = None
                graph.let_go.append(
                    f"{graph.saved.where(target.label, socket.name)}: takes {socket.type}, and the Reroute that it is "
                    f"linked to has {kind}: ComfyUI's page takes the link away"
                )


def _incoming(graph: Graph, node: Node) -> str | None:
    """Return the type that comes into a Reroute; None where it comes from another one, or from outside the graph."""
    made = graph.made_by(node.sockets[0]) if node.sockets else None
    return made[1] if made is not None and made[0].type != REROUTE else None


def _outgoing(graph: Graph, node: Node) -> Iterator[tuple[Node, Socket]]:
    """Yield the inputs that the links of a Reroute lead to, directly or through further ones."""
    waiting, seen = [node], {node.id}
    while waiting:
        for link_id in (link for slot in waiting.pop().saved.outputs[:1] for link in slot.links):
            link = graph.saved.links.get(link_id)
            target = graph.nodes.get(link.target) if link else None
            if target is None:
                continue
            if target.type == REROUTE:
                if target.id not in seen:
                    seen.add(target.id)
                    waiting.append(target)
                continue
            socket = target.fed_by(link_id)
            if socket is not None:
                yield target, socket
