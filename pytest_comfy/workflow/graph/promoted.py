"""Widgets that instances of subgraphs expose: copies of inner widgets, each instance with values of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from .document import SavedNode
from .nodes import Graph
from .values import set_value
from .widgets import Widget


def exposed_widget(inner: Graph, index: int, modern: bool) -> Widget | None:
    """Return a copy of the first widget that an input of a definition leads to."""
    port = inner.saved.inputs[index]
    for found in _widgets_behind(inner, index, modern):
        return Widget(port.name, replace(found.spec, name=port.name), found.value, known=found.known)
    return None


def set_exposed(widgets: list[Widget], saved: SavedNode, modern: bool) -> None:
    """Give the exposed widgets the values of an instance: by position, then by name where the file has names.

    Pages before 1.35 know of no names.

    The page takes a null as a value here; what the definition has is meant.
    """
    values = saved.values if isinstance(saved.values, list) else []
    for widget, value in zip(widgets, values, strict=False):
        if value is not None:
            set_value(widget, value)
    by_name = {widget.name: widget for widget in widgets}
    names = _proxies(saved.properties.get("proxyWidgets")) if modern else []
    for name, value in zip(names, values, strict=False):
        if name in by_name and value is not None:
            set_value(by_name[name], value)


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
                for inner in _widgets_behind(node.inner, index, modern=True):
                    set_value(inner, widget.value)


def _widgets_behind(inner: Graph, index: int, modern: bool) -> Iterator[Widget]:
    """Yield the widgets that an input of a definition is linked to."""
    for link_id in inner.saved.inputs[index].links:
        link = inner.saved.links.get(link_id)
        target = inner.nodes.get(link.target) if link else None
        if link is None or target is None:
            continue
        if modern:
            socket = target.fed_by(link_id)
        else:  # earlier pages go by the slot in the table of links
            socket = target.sockets[link.target_slot] if 0 <= link.target_slot < len(target.sockets) else None
        if socket is not None and socket.widget is not None:
            yield socket.widget


def _proxies(value: Any) -> list[str]:
    """Return the names of an instance's own widgets as it lists them, "" for views of inner ones."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return []
    if not isinstance(value, list):
        return []
    own = [isinstance(item, list) and len(item) >= 2 and str(item[0]) == "-1" for item in value]
    return [str(item[1]) if is_own else "" for item, is_own in zip(value, own, strict=True)]
