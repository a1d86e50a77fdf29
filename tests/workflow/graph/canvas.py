"""Workflows in UI form, drawn by programs as a person draws them, and saved as ComfyUI's page saves them."""

from __future__ import annotations

import uuid
from typing import Any

MUTED, BYPASSED = 2, 4
_WIDGETS = ("INT", "FLOAT", "BOOLEAN", "STRING", "COMBO")
_NAMESPACE = uuid.UUID("5b2f4e9c-9d0e-4f44-8f3a-0a4f6a5f1c11")

Node = dict[str, Any]


class Canvas:
    """A graph: the root, or with a name the definition of a subgraph.

    definitions  class -> node definition, from which sockets and their types are taken
    first        the id of its first node
    """

    def __init__(self, definitions: dict[str, Any], name: str = "", first: int = 1) -> None:
        self.definitions = definitions
        self.name = name
        self.first = first
        self.id = str(uuid.uuid5(_NAMESPACE, name)) if name else ""
        self.nodes: list[Node] = []
        self.links: list[dict[str, Any]] = []
        self.inputs: list[dict[str, Any]] = []
        self.outputs: list[dict[str, Any]] = []
        self.inner: dict[str, Canvas] = {}

    def add(self, class_type: str, *values: Any, mode: int = 0, title: str = "", **more: Any) -> Node:
        """Put a node of a class of the server on the canvas."""
        definition = self.definitions[class_type]
        found = self._add(class_type, list(values), mode, title, more)
        found["inputs"] = [*_sockets(definition, of_widgets=False), *_sockets(definition, of_widgets=True)]
        found["outputs"] = [_slot(kind, kind, links=None) for kind in definition["output"]]
        return found

    def reroute(self, kind: str, mode: int = 0) -> Node:
        """Put a Reroute on the canvas."""
        found = self._add("Reroute", None, mode, "", {})
        found["inputs"], found["outputs"] = [_slot("", "*", link=None)], [_slot("", kind, links=None)]
        return found

    def primitive(self, *values: Any, mode: int = 0, **properties: Any) -> Node:
        """Put a PrimitiveNode on the canvas; `link` gives it its type."""
        found = self._add("PrimitiveNode", list(values), mode, "", {"properties": properties})
        found["outputs"] = [_slot("connect to widget input", "*", links=None)]
        return found

    def note(self, text: str = "a note") -> Node:
        """Put a note on the canvas."""
        return self._add("Note", [text], 0, "", {})

    def instance(self, inner: Canvas, *values: Any, mode: int = 0, title: str = "", **properties: Any) -> Node:
        """Put an instance of a subgraph on the canvas; its definition must be complete."""
        self.inner[inner.id] = inner
        found = self._add(inner.id, list(values), mode, title or inner.name, {"properties": properties})
        exposed = {port["name"] for port in inner.inputs if inner.leads_to_widget(port)}
        for port in inner.inputs:
            widget = {"widget": {"name": port["name"]}} if port["name"] in exposed else {}
            found["inputs"].append({**_slot(port["name"], port["type"], link=None), **widget})
        found["outputs"] = [_slot(port["name"], port["type"], links=None) for port in inner.outputs]
        return found

    def link(self, origin: Node, slot: int, target: Node, name: str) -> int:
        """Connect an output to the input of a name; returns the id of the link."""
        at = next(index for index, one in enumerate(target["inputs"]) if one["name"] == name)
        made, taken = origin["outputs"][slot], target["inputs"][at]
        if origin["type"] == "PrimitiveNode" and not made["links"]:
            made.update(name=taken["type"], type=taken["type"], widget={"name": name})
        link = self._link(origin["id"], slot, target["id"], at, made["type"])
        made["links"] = [*(made["links"] or []), link]
        taken["link"] = link
        return link

    def expose(self, name: str, *targets: tuple[Node, str]) -> None:
        """Make an input of the subgraph that feeds inputs of its nodes; without targets one that feeds nothing."""
        port = {"id": str(uuid.uuid5(_NAMESPACE, f"{self.name} {name}")), "name": name, "type": "*", "linkIds": []}
        for node, of_node in targets:
            at = next(index for index, one in enumerate(node["inputs"]) if one["name"] == of_node)
            port["type"] = node["inputs"][at]["type"]
            link = self._link(-10, len(self.inputs), node["id"], at, port["type"])
            node["inputs"][at]["link"] = link
            port["linkIds"].append(link)
        self.inputs.append(port)

    def give(self, name: str, node: Node, slot: int = 0) -> None:
        """Make an output of the subgraph."""
        kind = node["outputs"][slot]["type"]
        link = self._link(node["id"], slot, -20, len(self.outputs), kind)
        node["outputs"][slot]["links"] = [*(node["outputs"][slot]["links"] or []), link]
        port_id = str(uuid.uuid5(_NAMESPACE, f"{self.name} {name} out"))
        self.outputs.append({"id": port_id, "name": name, "type": kind, "linkIds": [link]})

    def leads_to_widget(self, port: dict[str, Any]) -> bool:
        """Whether an input of the subgraph exposes a widget."""
        return any(
            one.get("widget") and one["link"] in port["linkIds"] for node in self.nodes for one in node["inputs"]
        )

    def saved(self, **extra: Any) -> dict[str, Any]:
        """Return the file; definitions stand before those that contain them."""
        links = [[link[key] for key in _KEYS] for link in self.links]
        return {
            "id": str(uuid.uuid5(_NAMESPACE, "root")), "revision": 0, "last_node_id": len(self.nodes),
            "last_link_id": len(self.links), "nodes": self.nodes, "links": links, "groups": [],
            "definitions": {"subgraphs": [one.definition() for one in self._all_inner()]}, "config": {},
            "extra": {"frontendVersion": "1.35.9", **extra}, "version": 0.4,
        }  # fmt: skip

    def definition(self) -> dict[str, Any]:
        """Return the definition of a subgraph."""
        return {
            "id": self.id, "version": 1, "revision": 0, "config": {}, "name": self.name, "groups": [], "widgets": [],
            "state": {"lastGroupId": 0, "lastNodeId": len(self.nodes), "lastLinkId": len(self.links),
                      "lastRerouteId": 0},
            "inputNode": {"id": -10, "bounding": [0, 0, 120, 60]}, "inputs": self.inputs,
            "outputNode": {"id": -20, "bounding": [600, 0, 120, 60]}, "outputs": self.outputs,
            "nodes": self.nodes, "links": self.links, "extra": {},
        }  # fmt: skip

    def _all_inner(self) -> list[Canvas]:
        found: dict[str, Canvas] = {}
        for one in self.inner.values():
            found |= {deeper.id: deeper for deeper in one._all_inner()} | {one.id: one}
        return list(found.values())

    def _add(self, kind: str, values: Any, mode: int, title: str, more: dict[str, Any]) -> Node:
        number = self.first + len(self.nodes)
        found = {
            "id": number, "type": kind, "pos": [300 * len(self.nodes), 0], "size": [200, 100], "flags": {},
            "order": len(self.nodes),
            "mode": mode, "inputs": [], "outputs": [], "properties": {"Node name for S&R": kind},
        }  # fmt: skip
        if kind in ("Reroute", "PrimitiveNode", "Note") or kind in self.inner:
            found["properties"] = {}
        if title:
            found["title"] = title
        if values is not None:
            found["widgets_values"] = values
        self.nodes.append({**found, **more})
        return self.nodes[-1]

    def _link(self, origin: int, slot: int, target: int, target_slot: int, kind: str) -> int:
        number = len(self.links) + 1
        self.links.append(dict(zip(_KEYS, (number, origin, slot, target, target_slot, kind), strict=True)))
        return number


_KEYS = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")


def _sockets(definition: dict[str, Any], of_widgets: bool) -> list[dict[str, Any]]:
    found = []
    for section in ("required", "optional"):
        for name, declared in definition["input"].get(section, {}).items():
            kind = "COMBO" if isinstance(declared[0], list) else declared[0]
            options = declared[1] if len(declared) > 1 else {}
            is_widget = kind in _WIDGETS and not options.get("forceInput")
            if is_widget == of_widgets:
                found.append({**_slot(name, kind, link=None), **({"widget": {"name": name}} if is_widget else {})})
    return found


def _slot(name: str, kind: str, **link: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, **link}
