"""The page's repair of a root graph whose nodes and table of links disagree; subgraphs are taken as they are.

Source: utils/linkFixer.ts of the front-end, of which only what reaches a prompt is kept: links that are dropped,
and the lists of links at outputs, which PrimitiveNodes follow.
"""

from __future__ import annotations

from .document import SavedGraph, SavedLink, SavedNode, SavedSlot

_Inputs = dict[str, dict[int, str | None]]


class _GivenUpError(Exception):
    """The page's repair fails on its own bookkeeping, and leaves the file as it was."""


def repair(graph: SavedGraph) -> frozenset[str]:
    """Bring the links at outputs in line with the table of links; return the links that are dropped from it."""
    before = {node.id: [slot.links for slot in node.outputs] for node in graph.nodes.values()}
    patched: _Inputs = {}
    try:
        for link in reversed(graph.links.values()):
            _reconcile(graph, link, patched)
        return frozenset(link.id for link in reversed(graph.links.values()) if _is_dropped(graph, link, patched))
    except _GivenUpError:
        for node in graph.nodes.values():
            node.outputs = node.outputs[: len(before[node.id])]
            for slot, links in zip(node.outputs, before[node.id], strict=True):
                slot.links = links
        return frozenset()


def _reconcile(graph: SavedGraph, link: SavedLink, patched: _Inputs) -> None:
    origin, target = graph.nodes.get(link.origin), graph.nodes.get(link.target)
    if target is None:
        if origin is not None:
            _remove(origin, link)
        return
    if origin is None:
        if _has(target, link, patched):
            _patch(target, link, None, patched)
        return
    at_target, at_origin = _has(target, link, patched), _feeds(origin, link)
    if at_target and not at_origin:
        _add(origin, link)
    elif at_origin and not at_target:
        taken = _linked(target, link.target_slot)
        if target.id in patched and taken != (patched[target.id].get(link.target_slot) is not None):
            raise _GivenUpError
        if taken or not _patch(target, link, link.id, patched):
            _remove(origin, link)


def _is_dropped(graph: SavedGraph, link: SavedLink, patched: _Inputs) -> bool:
    origin, target = graph.nodes.get(link.origin), graph.nodes.get(link.target)
    if origin is not None and _feeds(origin, link):
        return False
    return target is None or not _has(target, link, patched)


def _has(target: SavedNode, link: SavedLink, patched: _Inputs) -> bool:
    """Whether an input has the link; the page notes what it patches, but does not change the node."""
    at = link.target_slot
    has = 0 <= at < len(target.inputs) and target.inputs[at].link == link.id
    if target.id in patched and has != (patched[target.id].get(at) == link.id):
        raise _GivenUpError
    return has


def _linked(target: SavedNode, at: int) -> bool:
    return 0 <= at < len(target.inputs) and target.inputs[at].link is not None


def _patch(target: SavedNode, link: SavedLink, to: str | None, patched: _Inputs) -> bool:
    noted = patched.setdefault(target.id, {})
    if link.target_slot in noted:
        return False
    noted[link.target_slot] = to
    return True


def _feeds(origin: SavedNode, link: SavedLink) -> bool:
    return 0 <= link.origin_slot < len(origin.outputs) and link.id in origin.outputs[link.origin_slot].links


def _add(origin: SavedNode, link: SavedLink) -> None:
    if not origin.outputs and link.origin_slot == 0:
        origin.outputs.append(SavedSlot(""))
    if 0 <= link.origin_slot < len(origin.outputs):
        origin.outputs[link.origin_slot].links += (link.id,)


def _remove(origin: SavedNode, link: SavedLink) -> None:
    if _feeds(origin, link):
        slot = origin.outputs[link.origin_slot]
        slot.links = tuple(one for one in slot.links if one != link.id)
