"""Addresses: how a person names a node, one of its inputs or one of its outputs.

A node is named by its id, its title or its class; a node of a subgraph by the titles of the instances around it
as well, outermost first: "Edit > KSampler". Where ComfyUI's page gives it another id than the file, either names it.
An input is named "node.input". Titles and names of inputs may hold dots and " > " themselves, so every reading of an
address is tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..text import listed, nearest, plain
from .errors import WorkflowError

Prompt = Mapping[str, Mapping[str, Any]]
Targets = tuple[tuple[str, str], ...]

SEPARATOR = " > "


@dataclass(frozen=True)
class Exposed:
    """What instances of subgraphs expose; nothing for prompts that were never converted.

    inputs  id of an instance -> name of an input -> the (node id, input) whose values it gives
    titles  id of an instance -> its title
    """

    inputs: Mapping[str, Mapping[str, Targets]] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)

    def path(self, instance: str) -> str:
        """Return the titles of an instance and of those around it, such as "Edit > Inner"."""
        ids = instance.split(":")
        around = (":".join(ids[:end]) for end in range(1, len(ids) + 1))
        return SEPARATOR.join(self.titles[one] for one in around if one in self.titles)

    def find(self, name: str) -> list[str]:
        """Return the ids of the instances that `name` may mean: by id, by path, by title alone."""
        if name in self.inputs:
            return [name]
        by_path = [instance for instance in self.inputs if self.path(instance) == name]
        return by_path or [instance for instance in self.inputs if self.titles.get(instance) == name]


def names_of(node_id: str, node: Any) -> tuple[str, ...]:
    """Return the names of a node, the least special first: class, title, both with their path, ids."""
    if not isinstance(node, Mapping):
        return (node_id,)
    told = [_text(node.get("class_type")), _title(node)]
    paths = [_within(node, name) for name in told if name]
    told.append(_old_id(node))
    return tuple(dict.fromkeys([*(name for name in told if name), *paths, node_id]))


def path_of(node: Mapping[str, Any]) -> str:
    """Return a node's title, else its class, behind the titles of the instances around it; '' without any."""
    name = _title(node) or _text(node.get("class_type"))
    return _within(node, name) if name else ""


def class_path_of(node: Any) -> str:
    """Return a node's class behind the titles of the instances around it."""
    return _within(node, str(node.get("class_type"))) if isinstance(node, Mapping) else str(None)


def find_nodes(prompt: Prompt, name: str) -> list[str]:
    """Return the ids of the nodes that `name` may mean.

    The node of that id; else the one that has it in the file; else those whose title or class, with its path, is so
    called; else those of subgraphs whose title or class alone is.
    """
    if name in prompt:
        return [name]
    renumbered = [node_id for node_id, node in prompt.items() if _old_id(node) == name]
    if renumbered:
        return renumbered
    whole = [node_id for node_id, node in prompt.items() if name in _paths(node)]
    return whole or [node_id for node_id, node in prompt.items() if name in (_title(node), node.get("class_type"))]


def find_inputs(prompt: Prompt, address: str, source: str, exposed: Exposed | None = None) -> Targets:
    """Return the (node id, input name) that an address "node.input" sets: one, or all that an instance feeds.

    Raises WorkflowError, naming the candidates, unless exactly one input fits.
    """
    exposed = exposed or Exposed()
    found: dict[tuple[str, str], Targets] = {}
    for node, name in _splits(address):
        for node_id in find_nodes(prompt, node):
            if name in prompt[node_id].get("inputs", {}):
                found[(node_id, name)] = ((node_id, name),)
        for instance in exposed.find(node):
            if name in exposed.inputs[instance]:
                fed = exposed.inputs[instance][name]
                found[(instance, name)] = tuple(
                    (node_id, key) for node_id, key in fed if key in prompt.get(node_id, {}).get("inputs", {})
                )
    if len(found) > 1:
        ways = listed(f"{node_id}.{name} ({_label(prompt, exposed, node_id)})" for node_id, name in found)
        raise WorkflowError(f"{source}: {address!r} is ambiguous: use the node's id, one of {ways}")
    if not found:
        raise WorkflowError(f"{source}: {address!r} names no input; {_candidates(prompt, address, exposed)}")
    (targets,) = found.values()
    if not targets:
        raise WorkflowError(f"{source}: {address!r} gives its value to no node that runs")
    return targets


def _candidates(prompt: Prompt, address: str, exposed: Exposed) -> str:
    for node, _ in _splits(address):
        nodes = find_nodes(prompt, node)
        instances = exposed.find(node)
        if nodes or instances:
            inputs = [name for node_id in nodes for name in prompt[node_id].get("inputs", {})]
            inputs += [name for instance in instances for name in exposed.inputs[instance]]
            names = dict.fromkeys(f"{node}.{name}" for name in inputs)
            label = _label(prompt, exposed, [*nodes, *instances][0])
            return f"{label} has {listed(_nearest_first(address, names)) or 'no inputs'}"
    known = {f"{path_of(node)}.{name}": None for node in prompt.values() for name in node.get("inputs", {})}
    known |= {f"{exposed.path(one)}.{name}": None for one, inputs in exposed.inputs.items() for name in inputs}
    return f"known are {listed(_nearest_first(address, known)) or 'none'}"


def _nearest_first(name: str, known: Mapping[str, None]) -> list[str]:
    first = nearest(name, known, 5)
    return [*first, *(other for other in known if other not in first)]


def _splits(address: str) -> Iterator[tuple[str, str]]:
    parts = address.split(".")
    for at in range(len(parts) - 1, 0, -1):
        yield ".".join(parts[:at]), ".".join(parts[at:])


def _paths(node: Mapping[str, Any]) -> list[str]:
    return [_within(node, name) for name in (_title(node), _text(node.get("class_type"))) if name]


def _within(node: Mapping[str, Any], name: str) -> str:
    meta = node.get("_meta")
    around = meta.get("subgraph") if isinstance(meta, Mapping) else None
    return SEPARATOR.join([*map(str, around), name]) if isinstance(around, (list, tuple)) else name


def _old_id(node: Mapping[str, Any]) -> str | None:
    """Return the id that the file has for a node of a subgraph, where the page gives it another."""
    meta = node.get("_meta")
    return _text(meta.get("was")) if isinstance(meta, Mapping) else None


def _title(node: Mapping[str, Any]) -> str | None:
    meta = node.get("_meta")
    title = meta.get("title") if isinstance(meta, Mapping) else None
    return str(title) if title else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _label(prompt: Prompt, exposed: Exposed, node_id: str) -> str:
    if node_id not in prompt:
        return plain(f"{exposed.path(node_id)} [subgraph]", 80)
    node = prompt[node_id]
    return plain(f"{path_of(node)} [{node.get('class_type')}]" if _title(node) else path_of(node), 80)
