"""Nodes whose inputs and outputs take the type of what they are linked to, such as switches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .nodes import Graph, Node
from .specs import MATCH_TYPE
from .types import ANY, common, compatible
from .widgets import Socket

_ROUNDS = 10
"""How often a node may get another type: once is the rule, circles would go on for ever."""


def match_types(graph: Graph, *, takes_away: bool) -> None:
    """Give sockets and outputs the types that follow from their links.

    The page does it while it loads one node after the other. When an output gets its type, it looks up the inputs
    behind its links by the slots of the file, which are those of the nodes once they are loaded only if the file
    lists all inputs, and before 1.40 it takes away the links of inputs that do not fit (`takes_away`).
    """
    loaded: dict[str, Node] = {}
    turns: dict[str, int] = {}
    for node in graph.nodes.values():
        loaded[node.id] = node
        waiting = [node]
        while waiting:
            one = waiting.pop()
            groups = _groups(one)
            if groups and turns.setdefault(one.id, 0) < _ROUNDS:
                turns[one.id] += 1
                for key, sockets in groups.items():
                    waiting.extend(_match(graph, one, key, sockets, loaded if takes_away else {}))


def _groups(node: Node) -> dict[str, list[Socket]]:
    groups: dict[str, list[Socket]] = {}
    for socket in node.sockets if node.definition is not None else ():
        if socket.spec is not None and socket.spec.type == MATCH_TYPE:
            template = socket.spec.options.get("template")
            key = template.get("template_id") if isinstance(template, Mapping) else None
            groups.setdefault(str(key), []).append(socket)
    return groups


def _match(graph: Graph, node: Node, key: str, sockets: list[Socket], loaded: Mapping[str, Node]) -> Iterator[Node]:
    """Set the types of one group; yields the nodes behind outputs that got another type."""
    connected = [made[1] if (made := graph.made_by(socket)) else ANY for socket in sockets]
    for index, socket in enumerate(sockets):
        others = connected[:index] + connected[index + 1 :]
        socket.type = common([*others, socket.type]) or socket.type
    result = common(connected) or ANY
    follows = (node.definition or {}).get("output_matchtypes")
    for index, followed in enumerate(follows if isinstance(follows, list) else ()):
        if followed == key and index < len(node.outputs) and node.outputs[index] != result:
            node.outputs[index] = result
            yield from _told(graph, node, index, loaded)


def _told(graph: Graph, node: Node, index: int, loaded: Mapping[str, Node]) -> Iterator[Node]:
    """Take away the links of loaded inputs that an output's new type does not fit; yields their nodes."""
    for link_id in node.saved.outputs[index].links if index < len(node.saved.outputs) else ():
        link = graph.saved.links.get(link_id)
        target = loaded.get(link.target) if link else None
        if link is None or target is None or not 0 <= link.target_slot < len(target.sockets):
            continue
        socket = target.sockets[link.target_slot]
        if not compatible(node.outputs[index], socket.type) and socket.link is not None:
            socket.link = None
            graph.let_go.append(
                f"{graph.saved.where(target.label, socket.name)}: ComfyUI's page takes its link away, as "
                f"{node.label} has {node.outputs[index]} for input {link.target_slot}, which is another one by now: "
                "open the workflow in ComfyUI, connect the inputs again and save"
            )
        yield target
