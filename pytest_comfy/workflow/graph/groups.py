"""Legacy group nodes, the forerunners of subgraphs: each one becomes a subgraph definition of its own.

Its values are those of its inner nodes' widgets, one after the other, so every instance has its own definition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .document import INPUT_NODE, MAX_NODES, OUTPUT_NODE, Document, SavedGraph, SavedLink, SavedNode, SavedSlot, node
from .nodes import Classes
from .renumbering import rename
from .result import ConversionError
from .specs import InputSpec, output_types, specs_of

_PREFIXES = ("workflow>", "workflow/")


def as_definitions(document: Document, classes: Classes) -> dict[str, SavedGraph]:
    """Return the definitions of the group nodes that a document uses, and make their nodes instances of these.

    Later pages unpack those of the root graph into nodes of their own, and make a subgraph of these.
    """
    found = {}
    count = 0
    for graph in [document.root, *document.definitions.values()]:
        unpacks = classes.page.unpacks_groups and not graph.id
        new = {}
        for saved in graph.nodes.values():
            name = saved.type[len(_PREFIXES[0]) :] if saved.type.startswith(_PREFIXES) else None
            if name is None or saved.type in classes.definitions or name not in document.groups:
                continue
            group = _Group(document.groups[name], graph.where(saved.label), classes)
            saved.type = f"{_PREFIXES[0]}{name}:{graph.id}:{saved.id}"
            count += group.size
            if count > MAX_NODES:
                raise ConversionError(f"the group nodes expand to more than {MAX_NODES:,} nodes")
            found[saved.type] = group.definition(saved, name, keeps_modes=unpacks)
            if unpacks:
                saved.mode = 0
                new[saved.id] = _numbered(document, found[saved.type])
        rename(graph, new)
    return found


def _numbered(document: Document, unpacked: SavedGraph) -> str:
    """Give the nodes of a group the next ids of the root graph; returns that of the subgraph which they become."""
    first = document.last_id + 1
    rename(unpacked, {saved.id: str(first + at) for at, saved in enumerate(unpacked.nodes.values())})
    document.last_id = first + len(unpacked.nodes)
    return str(document.last_id)


@dataclass
class _Group:
    """What is known of a group while its definition is built; `table` is the file's."""

    table: Any
    where: str
    classes: Classes
    inner: list[SavedNode] = field(default_factory=list)
    links: list[SavedLink] = field(default_factory=list)
    inputs: list[SavedSlot] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    fed: set[tuple[str, int]] = field(default_factory=set)

    @property
    def size(self) -> int:
        """How many nodes it has."""
        nodes = self.table.get("nodes") if isinstance(self.table, Mapping) else None
        return len(nodes) if isinstance(nodes, list) else 0

    def definition(self, instance: SavedNode, name: str, *, keeps_modes: bool) -> SavedGraph:
        """Build the definition for one instance; raises ConversionError for what is beyond the plain case."""
        self._read()
        for index, (saved, values) in enumerate(zip(self.inner, self._values(instance), strict=True)):
            saved.values = values
            saved.mode = saved.mode if keeps_modes else 0
            for slot in saved.inputs:
                slot.link = None
            self.inner[index] = saved
        self._connect()
        outputs = list(self._outputs())
        links = {link.id: link for link in self.links}
        return SavedGraph(instance.type, name, {saved.id: saved for saved in self.inner}, links, self.inputs, outputs)

    def _read(self) -> None:
        nodes = self.table.get("nodes") if isinstance(self.table, Mapping) else None
        table = self.table.get("links") if isinstance(self.table, Mapping) else None
        if not isinstance(nodes, list) or not isinstance(table, list):
            raise self._beyond("its definition is damaged")
        for index, item in enumerate(nodes):
            if not isinstance(item, Mapping):
                raise self._beyond("its definition is damaged")
            saved = node({**item, "id": index}, self.where)
            layout = self.classes.layouts.get(saved.type)
            if (layout is not None and layout.virtual) or saved.type.startswith(_PREFIXES):
                raise self._beyond(f"it contains a {saved.type}")
            self.inner.append(saved)
        for number, row in enumerate(table):
            if not isinstance(row, list) or len(row) < 4 or row[0] is None:
                continue  # links from outside are those of the instance
            if not all(isinstance(part, int) and part >= 0 for part in row[:4]):
                raise self._beyond("its definition is damaged")
            self.links.append(SavedLink(f"inner {number}", str(row[0]), row[1], str(row[2]), row[3]))
            self.fed.add((str(row[2]), row[3]))

    def _beyond(self, why: str) -> ConversionError:
        return ConversionError(f"{self.where}: {why}: convert the group node to a subgraph in ComfyUI and save again")

    def _specs(self, saved: SavedNode) -> list[InputSpec]:
        """Return the inputs of an inner node as group nodes take them: as declared, without an order of their own."""
        return specs_of((self.classes.definition(saved.type) or {}).get("input"), page=self.classes.page)

    def _values(self, instance: SavedNode) -> list[list[Any]]:
        """Hand out the instance's values: first to the widgets that never were sockets, then to the others."""
        stored = instance.values if isinstance(instance.values, list) else []
        waiting = iter(stored)
        given: dict[tuple[str, str], Any] = {}
        for converted in (False, True):
            for saved in self.inner:
                for spec in self._specs(saved):
                    if spec.is_widget and _is_converted(saved, spec.name) == converted:
                        if converted and self._is_linked(saved, spec.name):
                            continue
                        _take(given, (saved.id, spec.name), waiting)
                        if spec.is_control:
                            next(waiting, None)
                if not converted and any(spec.is_upload for spec in self._specs(saved)):
                    next(waiting, None)
        return [list(self._ordered(saved, given)) for saved in self.inner]

    def _ordered(self, saved: SavedNode, given: Mapping[tuple[str, str], Any]) -> Iterator[Any]:
        """Yield the values of an inner node in the order of its own places."""
        own = iter(saved.values if isinstance(saved.values, list) else [])
        for spec in self.classes.specs(saved.type):
            if spec.is_widget:
                kept = next(own, spec.default)
                yield given.get((saved.id, spec.name), kept)
                if spec.is_control:
                    yield next(own, None)

    def _is_linked(self, saved: SavedNode, name: str) -> bool:
        at = next((index for index, slot in enumerate(saved.inputs) if slot.name == name), -1)
        return (saved.id, at) in self.fed

    def _connect(self) -> None:
        """Link the inner nodes, and make inputs of the definition for the sockets that nothing inside feeds."""
        for link in self.links:
            saved = self.inner[int(link.target)] if int(link.target) < len(self.inner) else None
            if saved is None or link.target_slot >= len(saved.inputs):
                raise self._beyond("its definition has a link that leads nowhere")
            saved.inputs[link.target_slot].link = link.id
        for converted in (False, True):
            for saved in self.inner:
                for slot in saved.inputs:
                    if slot.link is None and (slot.widget is not None) == converted:
                        self._expose(saved, slot)

    def _expose(self, saved: SavedNode, slot: SavedSlot) -> None:
        name = slot.name
        if name in self.seen:
            name = f"{saved.title or saved.type} {slot.name}"
        self.seen.add(name)
        link = SavedLink(f"input {len(self.inputs)}", INPUT_NODE, len(self.inputs), saved.id, _at(saved, slot))
        self.links.append(link)
        slot.link = link.id
        # Without a value of its own: those of the instance are the inner nodes' already.
        self.inputs.append(replace(slot, name=name, link=None, links=(), widget=None))

    def _outputs(self) -> Iterator[SavedSlot]:
        """Yield the outputs that are not used up inside."""
        external = self.table.get("external")
        kept = {tuple(row[:2]) for row in external if isinstance(row, list) and len(row) > 1} if external else set()
        number = 0
        used = {(link.origin, link.origin_slot) for link in self.links}
        for index, saved in enumerate(self.inner):
            kinds = output_types(self.classes.definition(saved.type) or {}) or [slot.type for slot in saved.outputs]
            for slot, kind in enumerate(kinds):
                if (saved.id, slot) in used and (index, slot) not in kept:
                    continue
                link = SavedLink(f"output {number}", saved.id, slot, OUTPUT_NODE, number)
                self.links.append(link)
                number += 1
                yield SavedSlot(f"output {number}", kind, links=(link.id,))


def _at(saved: SavedNode, slot: SavedSlot) -> int:
    return next(at for at, one in enumerate(saved.inputs) if one is slot)


def _is_converted(saved: SavedNode, name: str) -> bool:
    return any(slot.name == name and slot.widget is not None for slot in saved.inputs)


def _take(given: dict[tuple[str, str], Any], key: tuple[str, str], waiting: Iterator[Any]) -> None:
    for value in waiting:
        given[key] = value
        return
