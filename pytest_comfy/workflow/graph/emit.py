"""Emission: the nodes that are sent, with their values and links."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ...text import shown
from .frames import Frame, frames
from .links import Exposed, Link, Links, is_listed, listed
from .nodes import BYPASSED, MUTED, Graph, Node, nodes_within
from .result import Choice, ConversionError
from .specs import DYNAMIC_COMBO
from .texts import Chooser, Names, dynamic_prompt, replaced, savers
from .values import set_and_expand
from .versions import Page
from .widgets import Parts, Widget


@dataclass(slots=True)
class Sent:
    """A node of the prompt, with where it comes from.

    values  the inputs that have a widget's value, and the widget
    """

    id: str
    frame: Frame
    node: Node
    inputs: dict[str, Any]
    values: dict[str, Widget]


@dataclass
class Emission:
    """All that a loaded graph sends."""

    sent: dict[str, Sent] = field(default_factory=dict)
    choices: list[Choice] = field(default_factory=list)
    exposed: dict[str, dict[str, list[tuple[str, str]]]] = field(default_factory=dict)
    subgraphs: dict[str, str] = field(default_factory=dict)


def emit(root: Graph, *, seed: str | None, date: datetime, page: Page) -> Emission:
    """Flatten a loaded graph and build the inputs of the nodes that are sent; raises ConversionError."""
    every = list(frames(root, skips=page.skips_instances))
    emitter = _Emitter(every, seed, date, page)
    for frame in every:
        if frame.instance is not None and frame.parent is not None:
            emitter.result.subgraphs[frame.parent.id_of(frame.instance)] = frame.instance.title
        for node in sorted(frame.graph.nodes.values(), key=lambda node: node.saved.order):
            if node.definition is not None and not node.virtual and node.saved.mode not in (MUTED, BYPASSED):
                emitter.add(frame, node)
    return _without_gaps(emitter.result)


def _without_gaps(result: Emission) -> Emission:
    """Drop the inputs that are linked to nodes which are not sent, and order the prompt as JavaScript does."""
    for sent in result.sent.values():
        for name in [name for name, value in sent.inputs.items() if _leads_nowhere(value, result.sent)]:
            del sent.inputs[name]
    whole = sorted((key for key in result.sent if _is_index(key)), key=int)
    rest = [key for key in result.sent if not _is_index(key)]
    result.sent = {key: result.sent[key] for key in [*whole, *rest]}
    return result


def _is_index(key: str) -> bool:
    """Whether a key is one that JavaScript's objects keep in the order of numbers."""
    return key.isascii() and key.isdecimal() and len(key) < 11 and str(int(key)) == key and int(key) < 2**32 - 1


def _leads_nowhere(value: Any, sent: Mapping[str, Sent]) -> bool:
    return isinstance(value, list) and value[0] not in sent


class _Emitter:
    def __init__(self, every: list[Frame], seed: str | None, date: datetime, page: Page) -> None:
        self.result = Emission()
        self._links = Links(page)
        self._seed = seed
        self._date = date
        self._savers = savers(page)
        self._names = functools.cache(lambda: Names(nodes_within(every[0].graph), page))

    def add(self, frame: Frame, node: Node) -> None:
        """Build the inputs of a node: all widgets first, then what its links bring."""
        sent = Sent(frame.id_of(node), frame, node, {}, {})
        parts = self._parts(frame, node)
        for widget in parts.widgets:
            given = listed(frame, node, widget.name)
            if given is not None:
                self._expose(sent, widget.name, widget, given)
            elif widget.sent and widget.known and is_listed(frame, node, widget.name):
                sent.inputs[widget.name] = _wrapped(widget.value)
                sent.values[widget.name] = widget
            elif widget.sent and widget.known:
                sent.inputs[widget.name] = _typed(self._value(sent, widget, widget.value), widget)
                sent.values[widget.name] = widget
        for socket in parts.sockets:
            source = self._links.source(frame, node, socket)
            if isinstance(source, Link):
                sent.inputs[socket.name] = [source.id, source.slot]
                sent.values.pop(socket.name, None)
            elif isinstance(source, Exposed):
                self._expose(sent, socket.name, socket.widget, source)
        if node.layout.chosen and node.layout.chosen in sent.values:
            _choose(sent.inputs, parts.widgets, node.layout.chosen)
        self.result.sent[sent.id] = sent

    def _parts(self, frame: Frame, node: Node) -> Parts:
        """Return the widgets and sockets of a node as its instance has them: with the options that it chooses."""
        parts = Parts(node.sockets, node.widgets)
        for name in [one.name for one in node.widgets if one.spec.widget_type == DYNAMIC_COMBO]:
            widget = next((one for one in parts.widgets if one.name == name), None)
            chosen = self._chosen_outside(frame, node, parts, name) if widget is not None else None
            if widget is None or chosen is None or chosen.value == widget.value:
                continue
            if parts.widgets is node.widgets:
                parts = parts.copy()
                widget = next(one for one in parts.widgets if one.name == name)
            set_and_expand(parts, widget, chosen.value)
            links = {slot.name: slot.link for slot in node.saved.inputs}
            for socket in parts.sockets:
                if socket.name.startswith(f"{name}."):
                    socket.link = links.get(socket.name)
        return parts

    def _chosen_outside(self, frame: Frame, node: Node, parts: Parts, name: str) -> Exposed | None:
        given = listed(frame, node, name)
        if given is None:
            socket = next((one for one in parts.sockets if one.name == name), None)
            source = self._links.source(frame, node, socket) if socket is not None else None
            given = source if isinstance(source, Exposed) else None
        return given

    def _expose(self, sent: Sent, name: str, widget: Widget | None, source: Exposed) -> None:
        """Send the value that an instance around has for an input."""
        value = source.value
        if source.pushed and widget is not None:
            value = self._value(sent, widget, value)
        sent.inputs[name] = _wrapped(value)
        sent.values[name] = source.widget
        self.result.exposed.setdefault(source.instance, {}).setdefault(source.name, []).append((sent.id, name))

    def _value(self, sent: Sent, widget: Widget, value: Any) -> Any:
        """Return what a node's widget makes of its value when it is sent."""
        is_replaced = widget.name in sent.node.layout.replace or (
            widget.name == "filename_prefix" and sent.node.type in self._savers
        )
        if not isinstance(value, str):
            if is_replaced:  # where the page fails
                raise ConversionError(
                    f"{sent.frame.where(sent.node, widget.name)}: {shown(value)} is saved where a text belongs: "
                    "set it in ComfyUI and save again"
                )
            return value
        if widget.spec.options.get("dynamicPrompts") and widget.spec.widget_type == "STRING":
            return self._chosen(sent, widget, value)
        if is_replaced:
            after = replaced(value, self._names, self._date)
            if "%date:" in value and after != value:
                self.result.choices.append(Choice(sent.id, widget.name, "date", value, after))
            return after
        return value

    def _chosen(self, sent: Sent, widget: Widget, value: str) -> str:
        if self._seed is None:
            return value
        try:
            after = dynamic_prompt(value, Chooser(self._seed, f"{sent.id}.{widget.name}"))
        except ValueError as error:
            raise ConversionError(f"{sent.frame.where(sent.node, widget.name)}: {error}: write it simpler") from None
        if after != value:
            self.result.choices.append(Choice(sent.id, widget.name, "dynamic prompt", value, after))
        return after


def _choose(inputs: dict[str, Any], widgets: list[Widget], name: str) -> None:
    """Tell which of the widgets below that of a name has the value that the first one sends."""
    at = next((index for index, one in enumerate(widgets) if one.name == name), len(widgets))
    choices = [inputs.get(one.name) for one in widgets[at + 1 :]]
    chosen = widgets[0].value if isinstance(inputs.get(widgets[0].name), list) else inputs.get(widgets[0].name)
    inputs[name] = choices.index(chosen) if chosen in choices else -1


def _wrapped(value: Any) -> Any:
    """Return a value as it is sent: a list would be taken for a link."""
    return {"__value__": value} if isinstance(value, list) else value


def _typed(value: Any, widget: Widget) -> Any:
    """Return the same for a node's own value: curves say that they are some."""
    is_typed = isinstance(value, list) or (value is not None and widget.spec.page.types_curves)
    if widget.spec.widget_type == "CURVE" and is_typed:
        return {"__type__": "CURVE", "__value__": value}
    return _wrapped(value)
