"""Widgets that instances of subgraphs expose: copies of inner widgets, each instance with values of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from .document import INPUT_NODE, SavedNode
from .nodes import Graph, Listed, Node
from .primitives import written_to
from .proxies import OWN, Entry, entries
from .specs import DYNAMIC_COMBO
from .values import set_value
from .versions import Page
from .widgets import Widget

_SAME_NAME = 20
"""How many widgets of one name within an instance another may list; more are none that a person tells apart."""


def exposed_widget(inner: Graph, index: int, page: Page) -> Widget | None:
    """Return a copy of the first widget that an input of a definition leads to."""
    port = inner.saved.inputs[index]
    for found in _widgets_behind(inner, index, page.follows_inner_links):
        return Widget(port.name, replace(found.spec, name=port.name), found.value, known=found.known)
    return None


def set_exposed(
    widgets: list[Widget], saved: SavedNode, inner: Graph, page: Page
) -> dict[tuple[str, str], tuple[Listed, ...]]:
    """Give the exposed widgets the values of an instance: by position, then by what `proxyWidgets` lists.

    Returns the listed widgets of inner nodes that the instance has values of its own for, which pages before 1.46
    take for mere views. The page takes a null as a value here; what the definition has is meant.
    """
    values = saved.values if isinstance(saved.values, list) else []
    for widget, value in zip(widgets, values, strict=False):
        if value is not None:
            set_value(widget, value)
    if not page.names_proxies:
        return {}
    by_name = {widget.name: widget for widget in widgets}
    found: list[Listed] = []
    listed = entries(saved.properties.get("proxyWidgets"))
    seen: set[Entry] = set()
    for entry, value in zip(listed, [*values, *[None] * len(listed)], strict=False):
        if entry is None:
            continue
        if entry.node != OWN:
            what = _what(inner, entry)
            if page.migrates_proxies and what not in seen:  # of several that name the same the first one counts
                found += _listed(inner, entry, value, by_name)
            seen.add(what)
        elif entry.name in by_name and value is not None:
            set_value(by_name[entry.name], value)
    at: dict[tuple[str, str], tuple[Listed, ...]] = {}
    for one in found:
        at[(one.node, one.name)] = (*at.get((one.node, one.name), ())[:_SAME_NAME], one)
    return at


def _what(inner: Graph, entry: Entry) -> Entry:
    """Return an entry that is the same for all that name one widget: a PrimitiveNode has one only."""
    node = inner.nodes.get(entry.node)
    return Entry(entry.node, "") if node is not None and node.virtual == "primitive" else entry


def _listed(inner: Graph, entry: Entry, value: Any, own: Mapping[str, Widget]) -> Iterator[Listed]:
    """Yield what an entry that names an inner node stands for; a widget that the instance exposes gets the value."""
    node = inner.nodes.get(entry.node)
    if node is None:
        return
    if node.virtual == "primitive":
        for target, widget, written in written_to(inner, node, value) if value is not None else ():
            yield Listed(target.id, widget.name, "", _copy(widget, entry.name, written))
        return
    port = _port_of(inner, node, entry.name)
    if port is not None:
        if port in own and value is not None:
            set_value(own[port], value)
        return
    own_widget = node.widget(entry.name)
    if own_widget is not None:
        yield Listed(node.id, entry.name, entry.source, _copy(own_widget, entry.name, value))
        return
    for one in (one for several in node.listed.values() for one in several):
        if one.widget.name == entry.name and entry.source in ("", one.node):
            # Of several that are called so the first is meant, if the entry does not tell.
            yield Listed(
                node.id, entry.name, entry.source or one.source or one.node, _copy(one.widget, entry.name, value)
            )
            return


def _port_of(inner: Graph, node: Node, name: str) -> str | None:
    """Return the name of the definition's input that a widget is linked to."""
    socket = next((one for one in node.sockets if one.widget is not None and one.name == name), None)
    link = inner.saved.links.get(socket.link or "") if socket else None
    if link is None or link.origin != INPUT_NODE or not 0 <= link.origin_slot < len(inner.saved.inputs):
        return None
    return inner.saved.inputs[link.origin_slot].name


def _copy(widget: Widget, name: str, value: Any) -> Widget:
    found = Widget(name, replace(widget.spec, name=name), widget.value, known=False)
    if value is not None:
        set_value(found, value)
    return found


def push_down(graph: Graph) -> None:
    """Write the values of a graph's instances into the definitions, as the page does when it saves.

    They show where others refer to an inner node. With several instances the last one's stay.
    """
    for node in graph.nodes.values():
        if node.inner is None:
            continue
        for index in range(len(node.inner.saved.inputs)):
            widget = node.sockets[index].widget
            if widget is not None and widget.known:
                for inner in _widgets_behind(node.inner, index, by_link=True):
                    if inner.spec.widget_type != DYNAMIC_COMBO:  # whose inputs are those of the option it has
                        set_value(inner, widget.value)


def _widgets_behind(inner: Graph, index: int, by_link: bool) -> Iterator[Widget]:
    """Yield the widgets that an input of a definition is linked to."""
    for link_id in inner.saved.inputs[index].links:
        link = inner.saved.links.get(link_id)
        target = inner.nodes.get(link.target) if link else None
        if link is None or target is None:
            continue
        if by_link:
            socket = target.fed_by(link_id)
        else:  # earlier pages go by the slot in the table of links
            socket = target.sockets[link.target_slot] if 0 <= link.target_slot < len(target.sockets) else None
        if socket is not None and socket.widget is not None:
            yield socket.widget
