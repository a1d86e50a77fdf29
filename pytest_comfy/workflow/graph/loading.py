"""Loading: the saved document becomes graphs of nodes with widgets, inner definitions first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ...text import listed, plain
from .document import MAX_NODES, Document, SavedGraph, SavedNode
from .groups import as_definitions
from .matching import match_types
from .naming import NOTHING, settle_exposed
from .nodes import BYPASSED, MUTED, Classes, Graph, Node, load_node
from .promoted import exposed_widget, set_exposed
from .repair import repair
from .reroutes import let_go
from .result import ConversionError
from .topology import connect
from .versions import is_later
from .widgets import Socket

MAX_DEPTH = 100
"""Levels of subgraphs within subgraphs: people use three."""

_DEFINITION_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


def load(document: Document, classes: Classes) -> list[Graph]:
    """Build the root graph and all definitions it uses, those around others first; raises ConversionError."""
    saved = {**document.definitions, **as_definitions(document, classes)}
    loaded: dict[str, Graph] = {}
    sizes: dict[str, tuple[int, int]] = {}
    for each in inner_first(document.root, saved):
        loaded[each.id] = _load_graph(each, classes, loaded)
        _check_size(each, loaded[each.id], sizes)
    return list(reversed(loaded.values()))


def inner_first(root: SavedGraph, definitions: Mapping[str, SavedGraph]) -> Iterator[SavedGraph]:
    """Yield the definitions that are used, each after those it contains, and the root last.

    The file may have them in any order. Raises ConversionError when one contains itself.
    """
    done: set[str] = set()
    within: dict[str, SavedGraph] = {}
    stack = [root]
    while stack:
        graph = stack[-1]
        waiting = [one for one in _contained(graph, definitions) if one.id not in done]
        if graph.id not in within and waiting:
            within[graph.id] = graph
            around = [one for one in waiting if one.id in within]
            if around:
                raise ConversionError(f"{around[0].label} contains itself, by way of {graph.label}: take it out")
            stack.extend(waiting)
            continue
        stack.pop()
        within.pop(graph.id, None)
        if graph.id not in done:
            done.add(graph.id)
            yield graph


def _contained(graph: SavedGraph, definitions: Mapping[str, SavedGraph]) -> Iterator[SavedGraph]:
    for kind in {node.type: None for node in graph.nodes.values()}:
        if kind in definitions:
            yield definitions[kind]


def _check_size(saved: SavedGraph, graph: Graph, sizes: dict[str, tuple[int, int]]) -> None:
    """Raise ConversionError for what would expand without bounds."""
    count, depth = len(graph.nodes), 0
    for node in graph.nodes.values():
        if node.inner is not None:
            inner_count, inner_depth = sizes[node.inner.saved.id]
            count, depth = count + inner_count, max(depth, inner_depth + 1)
    sizes[saved.id] = count, depth
    if count > MAX_NODES:
        raise ConversionError(f"{saved.where() or 'the workflow'} expands to more than {MAX_NODES:,} nodes")
    if depth > MAX_DEPTH:
        raise ConversionError(f"{saved.where() or 'the workflow'} nests subgraphs deeper than {MAX_DEPTH} levels")


def _load_graph(saved: SavedGraph, classes: Classes, loaded: Mapping[str, Graph]) -> Graph:
    graph = Graph(saved, {}, repair(saved) if classes.page.repairs_links and not saved.id else frozenset())
    for node in saved.nodes.values():
        inner = loaded.get(node.type)
        graph.nodes[node.id] = load_node(node, classes) if inner is None else _instance(node, inner, classes)
    if classes.page.goes_by_table:
        connect(graph)
    match_types(graph, takes_away=not classes.page.loads_links_as_saved)
    # Earlier pages look for the links of a subgraph's Reroutes in the root graph.
    if classes.page.follows_inner_links or not saved.id:
        let_go(graph)
    return graph


def _instance(saved: SavedNode, inner: Graph, classes: Classes) -> Node:
    """Build an instance of a subgraph: the definition's inputs by name, then what else the file has."""
    by_name = {slot.name: slot for slot in saved.inputs}
    sockets = []
    for index, port in enumerate(inner.saved.inputs):
        slot = by_name.pop(port.name, None)
        widget = exposed_widget(inner, index, classes.page)
        sockets.append(Socket(port.name, port.type, slot.link if slot else None, widget))
    sockets += [Socket(slot.name, slot.type, slot.link) for slot in saved.inputs if by_name.get(slot.name) is slot]
    widgets = [socket.widget for socket in sockets if socket.widget is not None]
    listed = set_exposed(widgets, saved, inner, classes.page)
    naming = settle_exposed(widgets, saved.named, strict=classes.strict) if saved.named else NOTHING
    kinds = [port.type for port in inner.saved.outputs]
    return Node(saved, saved.type, sockets, kinds, widgets, inner=inner, listed=listed, naming=naming)


def _check_widgets(graph: Graph, node: Node) -> None:
    """Raise ConversionError for a widget of an unknown type: neither its places nor what it sends are told."""
    shown = {slot.name for slot in node.saved.inputs if slot.widget is not None}
    for socket in node.sockets if node.definition is not None else ():
        spec = socket.spec
        if spec is None or socket.widget is not None or spec.forced or node.layout.named or node.widget(socket.name):
            continue
        if spec.is_strange or (socket.name in shown and "default" in spec.options and not is_later(spec.widget_type)):
            raise ConversionError(
                f"{graph.saved.where(node.label, socket.name)}: is a widget of type {plain(spec.widget_type, 80)!r}, "
                f"which is not known here: upgrade pytest-comfy, or declare the widgets of {plain(node.type, 80)!r} in "
                "comfy-widgets.toml"
            )


def check_classes(graphs: list[Graph]) -> None:
    """Raise ConversionError that names every class that would be sent and that the server does not have."""
    missing: dict[str, list[str]] = {}
    packs: dict[str, str] = {}
    for graph in graphs:
        for node in graph.nodes.values():
            if node.saved.mode in (MUTED, BYPASSED):
                continue
            if node.layout.refuse:
                raise ConversionError(f"{graph.saved.where(node.label)}: {node.layout.refuse}")
            if node.layout.named and isinstance(node.saved.values, list) and node.saved.values:
                raise ConversionError(
                    f"{graph.saved.where(node.label)}: has its values in the form of an old version of "
                    f"{node.layout.pack}: open the workflow in ComfyUI with the pack of today and save it"
                )
            if node.known:
                _check_widgets(graph, node)
                continue
            if _DEFINITION_ID.fullmatch(node.type):
                raise ConversionError(
                    f"{graph.saved.where(node.label)}: the file has no definition of the subgraph "
                    f"{plain(node.type, 40)}: save the workflow again in ComfyUI"
                )
            missing.setdefault(node.type, []).append(graph.saved.where(node.label))
            pack = node.saved.properties.get("cnr_id") or node.saved.properties.get("aux_id")
            if isinstance(pack, str):
                packs[node.type] = pack
    if not missing:
        return
    told = [
        f"{plain(name, 80)!r} ({listed(places, 5)}{f'; node pack {plain(packs[name], 80)}' if name in packs else ''})"
        for name, places in missing.items()
    ]
    # All of them, however many: who installs node packs wants to do it once.
    raise ConversionError(
        f"the server has no node class {'; '.join(told)}: install the node packs there, or take the nodes out"
    )
