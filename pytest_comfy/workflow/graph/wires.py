"""Wires by name: pairs of nodes of which one sets a name, and others get what it was set to."""

from __future__ import annotations

from .frames import Frame
from .nodes import Node
from .widgets import Socket

_Input = tuple[Frame, Node, Socket]


class Wires:
    """Finds the "set" node of a "get" node; the nodes of a frame are gone through once."""

    def __init__(self) -> None:
        self._setters: dict[int, dict[tuple[str, str], list[_Input]]] = {}

    def setter(self, frame: Frame, node: Node) -> _Input | None:
        """Return the input whose value a "get" node reads.

        The first node of its own graph that sets the name counts; else, for packs that look there, the only one in
        the graphs around.
        """
        own = self._find(frame, node)
        around = frame.parent
        outer: list[_Input] = []
        while not own and node.layout.outer and around is not None:
            outer += self._find(around, node)
            around = around.parent
        return own[0] if own else outer[0] if len(outer) == 1 else None

    def _find(self, frame: Frame, node: Node) -> list[_Input]:
        if id(frame) not in self._setters:
            found: dict[tuple[str, str], list[_Input]] = {}
            for one in frame.graph.nodes.values():
                if one.virtual == "set" and one.sockets:
                    found.setdefault((one.layout.pack, _name(one)), []).append((frame, one, one.sockets[0]))
            self._setters[id(frame)] = found
        return self._setters[id(frame)].get((node.layout.pack, _name(node)), [])


def _name(node: Node) -> str:
    values = node.saved.values
    return str(values[0]) if isinstance(values, list) and values else ""
