"""The saved file: nodes, links and subgraph definitions, read without trust and without meaning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...text import plain, shown
from .result import ConversionError
from .types import ANY, type_name

INPUT_NODE = "-10"
"""Origin of links that come from a subgraph's inputs."""
OUTPUT_NODE = "-20"
"""Target of links that go to a subgraph's outputs."""

MAX_NODES = 100_000
"""Nodes of a workflow with all its subgraphs expanded: large ones of people have 500."""
_MAX_LINKS = 10 * MAX_NODES
_MAX_DEFINITIONS_DEPTH = 100
_ARRAYS = 0.4
"""The version of the schema in which links are arrays."""


@dataclass(slots=True)
class SavedSlot:
    """An input or output of a node, or of a subgraph definition.

    link    id of the link that feeds an input; None when nothing does
    links   ids of the links that an output, or an input of a definition, feeds
    widget  name of the widget an input stands for
    """

    name: str
    type: str = ANY
    link: str | None = None
    links: tuple[str, ...] = ()
    widget: str | None = None


@dataclass(slots=True)
class SavedNode:
    """A node as it is saved.

    values  its widgets_values, a list or an object
    named   its values by name
    was     its id in the file, where the page gives it another; else ""
    """

    id: str
    type: str
    title: str
    mode: int
    order: float
    inputs: list[SavedSlot]
    outputs: list[SavedSlot]
    values: Any
    properties: Mapping[str, Any]
    named: Any = None
    was: str = ""

    @property
    def label(self) -> str:
        """How messages call the node."""
        return f"node {plain(self.id, 40)} {plain(self.title or self.type, 80)!r}"


@dataclass(slots=True)
class SavedLink:
    """A connection from an output to an input, both by node id and slot index."""

    id: str
    origin: str
    origin_slot: int
    target: str
    target_slot: int


@dataclass(slots=True)
class SavedGraph:
    """The root graph (id "") or the definition of a subgraph.

    unread  why the page does not read the table of links; "" when it does
    again   nodes whose id an earlier node of the graph has
    """

    id: str
    name: str
    nodes: dict[str, SavedNode]
    links: dict[str, SavedLink]
    inputs: list[SavedSlot] = field(default_factory=list)
    outputs: list[SavedSlot] = field(default_factory=list)
    unread: str = ""
    again: list[SavedNode] = field(default_factory=list)

    @property
    def label(self) -> str:
        """How messages call the graph; empty for the root."""
        return f"subgraph {plain(self.name or self.id, 80)!r}" if self.id else ""

    def where(self, *parts: str) -> str:
        """Return the path of something in this graph, for messages."""
        return " > ".join(part for part in (self.label, *parts) if part)


@dataclass(slots=True)
class Document:
    """A UI-form workflow.

    frontend  version of the front-end that saved it, "" when the file does not say
    groups    definitions of legacy group nodes, by name
    last_id   the largest id that a node was given so far, as far as the file tells
    """

    root: SavedGraph
    definitions: dict[str, SavedGraph]
    frontend: str
    groups: Mapping[str, Any]
    last_id: int = 0


def read(graph: Any) -> Document:
    """Read a UI-form workflow; raises ConversionError for what has another shape."""
    if not isinstance(graph, Mapping) or not isinstance(graph.get("nodes"), list):
        raise ConversionError("no UI-form workflow (a list of nodes is missing): save it again in ComfyUI")
    extra = graph.get("extra") if isinstance(graph.get("extra"), Mapping) else {}
    assert isinstance(extra, Mapping)
    groups = extra.get("groupNodes")
    return Document(
        root=_graph(graph, "", ""),
        definitions={found.id: found for found in _definitions(graph)},
        frontend=str(extra.get("frontendVersion") or ""),
        groups=groups if isinstance(groups, Mapping) else {},
        last_id=_last_id(graph),
    )


def _last_id(graph: Mapping[str, Any]) -> int:
    state = graph.get("state")
    told = graph.get("last_node_id", state.get("lastNodeId") if isinstance(state, Mapping) else None)
    return told if isinstance(told, int) and 0 <= told < 1e9 else 0


def slots(value: Any, where: str) -> list[SavedSlot]:
    """Read a list of inputs or outputs; absent and null are none."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise ConversionError(f"{where}: a list was expected, not {shown(value)}: save the workflow again in ComfyUI")
    return [_slot(item, where) for item in value]


def identifier(value: Any, where: str) -> str:
    """Read an id, which may be saved as a number or as text."""
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    raise ConversionError(f"{where}: {shown(value)} is no id: save the workflow again in ComfyUI")


def node(value: Any, where: str) -> SavedNode:
    """Read a node; raises ConversionError for what is none."""
    if not isinstance(value, Mapping):
        raise ConversionError(f"{where}: {shown(value)} is no node: save the workflow again in ComfyUI")
    node_id = identifier(value.get("id"), f"{where} > id")
    kind = value.get("type")
    if not isinstance(kind, str):
        raise ConversionError(f"{where} > node {plain(node_id, 40)} > type: {shown(kind)} is no class of nodes")
    here = f"{where} > node {node_id:.40} {kind[:80]!r}"
    properties = value.get("properties")
    title = value.get("title")
    return SavedNode(
        id=node_id,
        type=kind,
        title=title if isinstance(title, str) else "",
        mode=_whole(value.get("mode"), 0, f"{here} > mode"),
        order=_order(value.get("order")),
        inputs=slots(value.get("inputs"), f"{here} > inputs"),
        outputs=slots(value.get("outputs"), f"{here} > outputs"),
        values=value.get("widgets_values"),
        properties=properties if isinstance(properties, Mapping) else {},
        named=value.get("widgets_values_named"),
    )


def _definitions(graph: Mapping[str, Any]) -> Iterator[SavedGraph]:
    """Yield the subgraph definitions; later front-ends may keep some inside others."""
    waiting: list[tuple[Any, int]] = [(graph.get("definitions"), 0)]
    while waiting:
        found, depth = waiting.pop()
        subgraphs = found.get("subgraphs") if isinstance(found, Mapping) else None
        if not isinstance(subgraphs, list) or depth > _MAX_DEFINITIONS_DEPTH:
            continue
        for index, item in enumerate(subgraphs):
            if not isinstance(item, Mapping):
                raise ConversionError(f"definition {index}: {shown(item)} is no subgraph")
            name = item.get("name")
            known = identifier(item.get("id"), f"definition {index} > id")
            yield _graph(item, known, name if isinstance(name, str) else "")
            waiting.append((item.get("definitions"), depth + 1))


def _graph(value: Mapping[str, Any], graph_id: str, name: str) -> SavedGraph:
    where = f"subgraph {plain(name or graph_id, 80)!r}" if graph_id else "workflow"
    nodes = value.get("nodes")
    if not isinstance(nodes, list):
        raise ConversionError(f"{where} > nodes: a list was expected, not {shown(nodes)}")
    if len(nodes) > MAX_NODES:
        raise ConversionError(f"{where}: has more than {MAX_NODES:,} nodes")
    saved: dict[str, SavedNode] = {}
    again = []
    for one in (node(item, where) for item in nodes if item is not None):
        if saved.setdefault(one.id, one) is not one:
            again.append(one)
    links = _links(value.get("links"), value.get("version"), where)
    return SavedGraph(
        id=graph_id,
        name=name,
        nodes=saved,
        links=links,
        inputs=slots(value.get("inputs"), f"{where} > inputs") if graph_id else [],
        outputs=slots(value.get("outputs"), f"{where} > outputs") if graph_id else [],
        unread="" if links or not value.get("links") else _unread(value.get("version")),
        again=again,
    )


def _unread(version: Any) -> str:
    if version == _ARRAYS:
        return "links of version 0.4 are arrays: save it again in ComfyUI"
    told = "the file has no version" if version is None else f"the file's version is {shown(version)}"
    return f'{told}, and only links of version 0.4 are arrays: save it again in ComfyUI, or set "version": 0.4'


def _links(value: Any, version: Any, where: str) -> dict[str, SavedLink]:
    """Read a table of links: arrays in version 0.4 of the schema, objects in all others; what else is there is not."""
    if value is None:
        return {}
    if not isinstance(value, (list, Mapping)):
        raise ConversionError(f"{where} > links: a list was expected, not {shown(value)}")
    if len(value) > _MAX_LINKS:
        raise ConversionError(f"{where}: has more than {_MAX_LINKS:,} links")
    form = list if version == _ARRAYS else Mapping
    links = {}
    for item in value if isinstance(value, list) else ():
        link = _link(item) if isinstance(item, form) else None
        if link is not None:  # what is no link is missed, and told, by the input that names it
            links[link.id] = link
    return links


def _link(item: Any) -> SavedLink | None:
    """Read a link; None for what is none."""
    if isinstance(item, Mapping):
        item = [item.get(key) for key in ("id", "origin_id", "origin_slot", "target_id", "target_slot")]
    if not isinstance(item, list) or len(item) < 5:
        return None
    try:
        link_id, origin, target = (identifier(item[at], "link") for at in (0, 1, 3))
        return SavedLink(link_id, origin, int(item[2]), target, int(item[4]))
    except (ConversionError, TypeError, ValueError, OverflowError):
        return None


def _slot(item: Any, where: str) -> SavedSlot:
    if item is None:
        return SavedSlot("")
    if not isinstance(item, dict):
        raise ConversionError(f"{where}: {shown(item)} is no slot: save the workflow again in ComfyUI")
    get = item.get
    name, link, widget = get("name"), get("link"), get("widget")
    several = get("linkIds", get("links"))
    widget = widget.get("name") if isinstance(widget, dict) else None
    return SavedSlot(
        name if isinstance(name, str) else "",
        type_name(get("type")),
        None if link is None else identifier(link, f"{where} > link"),
        tuple(str(one) for one in several if isinstance(one, (str, int))) if isinstance(several, list) else (),
        widget if isinstance(widget, str) else None,
    )


def _whole(value: Any, default: int, where: str) -> int:
    if value is None:
        return default
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value == value and abs(value) < 1e9:
        return int(value)
    raise ConversionError(f"{where}: {shown(value)} is no number: save the workflow again in ComfyUI")


def _order(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) and abs(value) < 1e15 else 0.0
