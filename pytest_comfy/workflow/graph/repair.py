"""The page's repair of a root graph whose nodes and table of links disagree; subgraphs are taken as they are.

Source: utils/linkFixer.ts of the front-end, of which only what reaches a prompt is kept: links that are dropped,
and the lists of links at outputs, which PrimitiveNodes follow.
"""

from __future__ import annotations

from .document import SavedGraph, SavedLink, SavedNode, SavedSlot


class _GivenUpError(Exception):
    """The page's repair fails on its own bookkeeping, and leaves the file as it was."""


def repair(graph: SavedGraph) -> frozenset[str]:
    """Bring the links at outputs in line with the table of links; return the links that are dropped from it."""
    work = _Repair(graph)
    try:
        for link in reversed(graph.links.values()):
            work.reconcile(link)
        dropped = frozenset(link.id for link in reversed(graph.links.values()) if work.is_dropped(link))
    except _GivenUpError:
        return frozenset()
    work.write()
    return dropped


class _Repair:
    """What is to be changed while the table is gone through.

    outputs  (node, slot) -> the links that the output lists, in order
    inputs   node -> slot -> link; the page notes what it patches here, but does not change the node, and gives up
             where the two differ
    """

    def __init__(self, graph: SavedGraph) -> None:
        self._nodes = graph.nodes
        self._inputs: dict[str, dict[int, str | None]] = {}
        self._outputs = {
            (node.id, at): dict.fromkeys(slot.links)
            for node in graph.nodes.values()
            for at, slot in enumerate(node.outputs)
        }

    def reconcile(self, link: SavedLink) -> None:
        """Make origin and target of a link agree; raises _GivenUpError."""
        origin, target = self._nodes.get(link.origin), self._nodes.get(link.target)
        if target is None:
            self._remove(link)
            return
        if origin is None:
            if self._takes(target, link):
                self._patch(link, None)
            return
        at_target, at_origin = self._takes(target, link), self._feeds(link)
        if at_target and not at_origin:
            self._add(origin, link)
        elif at_origin and not at_target:
            taken = _linked(target, link.target_slot)
            if target.id in self._inputs and taken != (self._inputs[target.id].get(link.target_slot) is not None):
                raise _GivenUpError
            if taken or not self._patch(link, link.id):
                self._remove(link)

    def is_dropped(self, link: SavedLink) -> bool:
        """Whether neither end of a link knows of it; raises _GivenUpError."""
        target = self._nodes.get(link.target)
        return not self._feeds(link) and (target is None or not self._takes(target, link))

    def write(self) -> None:
        """Change the outputs of the nodes."""
        for (node_id, at), links in self._outputs.items():
            outputs = self._nodes[node_id].outputs
            if at == len(outputs):
                outputs.append(SavedSlot(""))
            outputs[at].links = tuple(links)

    def _takes(self, target: SavedNode, link: SavedLink) -> bool:
        at = link.target_slot
        has = 0 <= at < len(target.inputs) and target.inputs[at].link == link.id
        if target.id in self._inputs and has != (self._inputs[target.id].get(at) == link.id):
            raise _GivenUpError
        return has

    def _patch(self, link: SavedLink, to: str | None) -> bool:
        noted = self._inputs.setdefault(link.target, {})
        if link.target_slot in noted:
            return False
        noted[link.target_slot] = to
        return True

    def _feeds(self, link: SavedLink) -> bool:
        return link.id in self._outputs.get((link.origin, link.origin_slot), ())

    def _add(self, origin: SavedNode, link: SavedLink) -> None:
        key = (origin.id, link.origin_slot)
        if key == (origin.id, 0) and not origin.outputs:
            self._outputs.setdefault(key, {})
        if key in self._outputs:
            self._outputs[key][link.id] = None

    def _remove(self, link: SavedLink) -> None:
        self._outputs.get((link.origin, link.origin_slot), {}).pop(link.id, None)


def _linked(target: SavedNode, at: int) -> bool:
    return 0 <= at < len(target.inputs) and target.inputs[at].link is not None
