"""Flattening: every instance of a subgraph becomes nodes of its own, known by ids such as 10:9:5."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ...text import plain
from .nodes import BYPASSED, MUTED, Graph, Node


@dataclass(slots=True, eq=False)
class Frame:
    """A graph in its place: the root, or the definition of a subgraph as one instance uses it."""

    graph: Graph
    prefix: str = ""
    parent: Frame | None = None
    instance: Node | None = None
    inner: dict[str, Frame] = field(default_factory=dict)
    old_prefix: str = ""

    def id_of(self, node: Node) -> str:
        """Return the id that a node of this frame has in the prompt."""
        return self.prefix + node.id

    def old_id_of(self, node: Node) -> str:
        """Return the same by the ids of the file."""
        return self.old_prefix + (node.saved.was or node.id)

    @property
    def titles(self) -> list[str]:
        """The titles of the instances around, outermost first."""
        found = []
        frame: Frame | None = self
        while frame is not None and frame.instance is not None:
            found.append(frame.instance.title)
            frame = frame.parent
        return found[::-1]

    def where(self, node: Node, *parts: str) -> str:
        """Return the path of something at a node, for messages."""
        around = [f"subgraph {plain(title, 80)!r}" for title in self.titles]
        return " > ".join([*around, node.label, *parts])


def frames(root: Graph, *, skips: bool) -> Iterator[Frame]:
    """Yield the root's frame and one for every instance, each before those it contains.

    skips  leave out the instances of the root that are muted or bypassed, with all they contain
    """
    waiting = [Frame(root)]
    while waiting:
        frame = waiting.pop()
        for node in frame.graph.nodes.values():
            is_out = skips and frame.parent is None and node.saved.mode in (MUTED, BYPASSED)
            if node.inner is not None and not is_out:
                frame.inner[node.id] = Frame(
                    node.inner, f"{frame.id_of(node)}:", frame, node, {}, f"{frame.old_id_of(node)}:"
                )
        waiting.extend(reversed(frame.inner.values()))
        yield frame
