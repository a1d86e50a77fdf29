"""Nodes as the page has them after loading: saved node and definition put together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .document import SavedGraph, SavedNode, SavedSlot
from .growing import close_gaps, groups_of, grow_by_links
from .layouts import Layout, Virtual
from .naming import NOTHING, Naming, settle
from .specs import AUTOGROW, InputSpec, definition_specs, output_types
from .types import ANY
from .values import assign, patched_sampler
from .versions import Page, page_of
from .widgets import Parts, Socket, Widget, build, is_of_other_option

MUTED, BYPASSED = 2, 4
REROUTE = "Reroute"
_RENAMED = {
    "T2IAdapterLoader": "ControlNetLoader",
    "ConditioningAverage ": "ConditioningAverage",
    "SDV_img2vid_Conditioning": "SVD_img2vid_Conditioning",
    "Load3DAnimation": "Load3D",
    "Preview3DAnimation": "Preview3D",
}
_RANGED = ("PrimitiveInt", "PrimitiveFloat")
"""Classes whose numbers a person may limit at the node."""
_PLAIN = Layout()


@dataclass(frozen=True, slots=True)
class Listed:
    """A widget of an inner node that an instance lists as one of its own.

    node    id of the inner node
    name    of that node's widget, or of one that it lists itself when it is an instance
    source  id of the node further inside, where the file tells which is meant; else ""
    widget  a copy, named as the instance has it; not known when the instance has no value for it
    """

    node: str
    name: str
    source: str
    widget: Widget


@dataclass(slots=True, eq=False)
class Node:
    """A node of the loaded graph.

    type      its class, or the id of a subgraph definition
    known     whether the server has the class
    outputs   the types of its outputs
    inner     the graph of an instance of a subgraph
    naming    what the names that the file has for values tell
    listed    (id, widget) of nodes in it -> what the instance lists of them, with values of its own
    cut       names of inputs whose links are taken away, as the chosen option does not have them
    surplus   how many stored values have no widget, negative when widgets have no value, None by name
    """

    saved: SavedNode
    type: str
    sockets: list[Socket]
    outputs: list[str]
    widgets: list[Widget] = field(default_factory=list)
    definition: Mapping[str, Any] | None = None
    layout: Layout = _PLAIN
    virtual: Virtual = ""
    inner: Graph | None = None
    surplus: int | None = 0
    listed: Mapping[tuple[str, str], tuple[Listed, ...]] = field(default_factory=dict)
    naming: Naming = NOTHING
    cut: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The id within its graph."""
        return self.saved.id

    @property
    def known(self) -> bool:
        """Whether it needs no definition, or has one."""
        return bool(self.virtual) or self.inner is not None or self.definition is not None

    @property
    def title(self) -> str:
        """The title that the page shows."""
        if self.saved.title:
            return self.saved.title
        if self.inner is not None:
            return self.inner.saved.name or self.inner.saved.id
        shown = (self.definition or {}).get("display_name")
        return shown if isinstance(shown, str) and shown else self.type

    @property
    def label(self) -> str:
        """How messages call the node."""
        return self.saved.label

    def fed_by(self, link_id: str) -> Socket | None:
        """Return the input that names a link; the slot in the table of links is not kept up to date."""
        return next((one for one in self.sockets if one.link == link_id), None)

    def widget(self, name: str) -> Widget | None:
        """Return a widget by name."""
        return next((one for one in self.widgets if one.name == name), None)


@dataclass(slots=True, eq=False)
class Graph:
    """A loaded graph: the root, or the definition of a subgraph, which all its instances share.

    dropped  links that the page's repair takes out of the table
    let_go   what is to be told of links that the page takes away after loading
    """

    saved: SavedGraph
    nodes: dict[str, Node]
    dropped: frozenset[str] = frozenset()
    let_go: list[str] = field(default_factory=list)

    def made_by(self, socket: Socket) -> tuple[Node, str] | None:
        """Return the node of this graph that an input is linked to, and the type of its output."""
        link = self.saved.links.get(socket.link or "")
        origin = self.nodes.get(link.origin) if link else None
        if link is None or origin is None or not 0 <= link.origin_slot < len(origin.outputs):
            return None
        return origin, origin.outputs[link.origin_slot]


@dataclass(frozen=True)
class Classes:
    """What is known of node classes: definitions, layouts, and of the pages that show and have saved them.

    page   the page that the server's definitions belong to
    strict  whether names of values count that a page would not go by
    holes   whether the file leaves a null in widgets_values for widgets that have no place there
    """

    definitions: Mapping[str, Any]
    layouts: Mapping[str, Layout]
    page: Page = field(default_factory=lambda: page_of({}))
    holes: bool = False
    strict: bool = False
    _specs: dict[str, list[InputSpec]] = field(default_factory=dict)
    _parts: dict[str, Parts] = field(default_factory=dict)

    def specs(self, class_type: str) -> list[InputSpec]:
        """Return the inputs of a class in the page's order; read once."""
        if class_type not in self._specs:
            self._specs[class_type] = definition_specs(self.definition(class_type) or {}, self.page)
        return self._specs[class_type]

    def parts(self, class_type: str) -> Parts:
        """Return the widgets and sockets of a new node of a class."""
        if class_type not in self._parts:
            layout = self.layouts.get(class_type, _PLAIN)
            self._parts[class_type] = build(self.specs(class_type), layout, self.page)
        return self._parts[class_type].copy()

    def name_of(self, saved: SavedNode) -> str:
        """Return a node's class, by its present name."""
        new = _RENAMED.get(saved.type)
        return (
            new if new is not None and (new in self.definitions or saved.type not in self.definitions) else saved.type
        )

    def definition(self, class_type: str) -> Mapping[str, Any] | None:
        """Return the definition of a class."""
        found = self.definitions.get(class_type)
        return found if isinstance(found, Mapping) else None


def load_node(saved: SavedNode, classes: Classes) -> Node:
    """Build a node that is no instance of a subgraph."""
    class_type = classes.name_of(saved)
    definition = classes.definition(class_type)
    layout = classes.layouts.get(class_type, _PLAIN)
    if layout.virtual or definition is None:
        return _stored_node(saved, class_type, layout)
    specs = classes.specs(class_type)
    parts = classes.parts(class_type)
    if classes.page.reads_ranges and class_type in _RANGED:
        _set_range(parts.widgets, saved.properties)
    surplus = assign(parts, specs, saved, layout, page=classes.page, holes=classes.holes)
    naming = NOTHING
    if saved.named:
        fresh = classes.parts(class_type)
        naming = settle(parts, fresh, saved.named, layout, surplus=surplus, strict=classes.strict)
    for name, property_name in layout.properties.items():
        if saved.properties.get(property_name) and (found := _named(parts.widgets, name)):
            found.value, found.known = saved.properties[property_name], True
    if class_type in ("KSampler", "KSamplerAdvanced") and (sampler := _named(parts.widgets, "sampler_name")):
        sampler.value = patched_sampler(sampler.value)
    kinds = output_types(definition)
    return Node(
        saved=saved,
        type=class_type,
        sockets=_linked(parts, specs, saved, classes.page),
        outputs=[*kinds, *(slot.type for slot in saved.outputs[len(kinds) :])],
        widgets=parts.widgets,
        definition=definition,
        layout=layout,
        surplus=0 if naming.settled else surplus,
        naming=naming,
    )


def nodes_within(graph: Graph) -> Iterator[Node]:
    """Yield the nodes of a graph as the page searches them: those of a subgraph before its instance."""
    for node in graph.nodes.values():
        if node.inner is not None:
            yield from nodes_within(node.inner)
        yield node


def _stored_node(saved: SavedNode, class_type: str, layout: Layout) -> Node:
    """Build a node of which only the file tells: a virtual one, or one whose class is not there."""
    sockets = [Socket(slot.name, slot.type, slot.link) for slot in saved.inputs]
    if class_type == REROUTE and not sockets:
        sockets.append(Socket("", ANY))
    return Node(
        saved, class_type, sockets, [slot.type for slot in saved.outputs], virtual=layout.virtual, layout=layout
    )


def _linked(parts: Parts, specs: list[InputSpec], saved: SavedNode, page: Page) -> list[Socket]:
    """Return the sockets with the links that the file has for them, by name."""
    by_name = {slot.name: slot for slot in saved.inputs}
    for socket in parts.sockets:
        slot = by_name.pop(socket.name, None)
        if slot is not None:
            socket.link = slot.link
    extra = [slot for slot in saved.inputs if by_name.get(slot.name) is slot]
    if page.drops_unknown_parts:
        extra = [slot for slot in extra if not is_of_other_option(parts.widgets, slot.name)]
    parts.sockets += [_extra_socket(slot, parts.widgets) for slot in extra if _stays(slot, parts.widgets)]
    for spec in specs:
        if spec.type == AUTOGROW and not page.keeps_holes:
            close_gaps(spec, parts.sockets)
    if page.grows_ahead:
        for spec in groups_of(specs, parts.widgets):
            grow_by_links(spec, parts.sockets)
    return parts.sockets


def _stays(slot: SavedSlot, widgets: list[Widget]) -> bool:
    return slot.widget is None or _named(widgets, slot.widget) is not None


def _extra_socket(slot: SavedSlot, widgets: list[Widget]) -> Socket:
    return Socket(slot.name, slot.type, slot.link, _named(widgets, slot.widget) if slot.widget else None)


def _set_range(widgets: list[Widget], properties: Mapping[str, Any]) -> None:
    """Limit a number as the node's properties say; a PrimitiveNode that is linked to it keeps to that."""
    told = {key: properties[key] for key in ("min", "max", "step", "round") if _is_number(properties.get(key))}
    digits = properties.get("precision", -1)
    widget = _named(widgets, "value")
    if widget is None:
        return
    if widget.spec.widget_type == "FLOAT" and _is_number(digits) and 0 <= digits <= 15:
        told = {"step": 5 * 10.0**-digits, "round": 10.0**-digits, **told}
    if told:
        widget.spec = replace(widget.spec, options={**widget.spec.options, **told})


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _named(widgets: list[Widget], name: str) -> Widget | None:
    return next((one for one in widgets if one.name == name), None)
