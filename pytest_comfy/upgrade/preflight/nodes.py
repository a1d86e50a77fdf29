"""The nodes of a workflow as preflight looks at them, whether it can be converted or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...text import plain
from ...workflow import Workflow
from ...workflow.addresses import SEPARATOR
from ...workflow.digest import inputs_of
from ...workflow.graph import nodes_that_run
from ...workflow.model import is_link, title_of
from .finding import Finding, Severity


@dataclass(frozen=True)
class Node:
    """One node.

    inputs  name -> value or link; empty where the file could not be converted
    saved   its widgets_values as a UI-form file has them
    pack    the node pack that it is of, as the page noted it, such as "comfyui-kjnodes 1.1.0"; "" where it did not
    """

    id: str
    title: str
    class_type: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    saved: Any = None
    pack: str = ""

    def found(self, severity: Severity, kind: str, sentence: str, input: str | None = None) -> Finding:
        """Return what was found of this node."""
        return Finding(severity, kind, sentence, self.id, self.title, self.class_type, input)


def sent_nodes(prompt: Mapping[str, Any]) -> list[Node]:
    """Return the nodes of a prompt."""
    return [
        Node(node_id, title_of(node_id, node), str(node.get("class_type")), inputs_of(node))
        for node_id, node in prompt.items()
    ]


def saved_nodes(workflow: Workflow, definitions: Mapping[str, Any]) -> list[Node]:
    """Return the nodes of a UI-form file that the page would send; raises WorkflowError."""
    return [
        Node(
            node.id,
            SEPARATOR.join(filter(None, [graph.name if graph.id else "", node.title or class_type])),
            class_type,
            saved=node.values,
            pack=_pack(node.properties),
        )
        for graph, node, class_type in nodes_that_run(dict(workflow.graph), definitions)
    ]


def links_of(nodes: list[Node]) -> Iterator[tuple[Node, str, str, int]]:
    """Yield (node, input, the node that it is linked to, slot)."""
    for node in nodes:
        for name, value in node.inputs.items():
            if is_link(value):
                yield node, name, value[0], value[1]


def _pack(properties: Mapping[str, Any]) -> str:
    """Return "NAME VERSION" of a node pack, from what the page of ComfyUI notes at each node."""
    told = [properties.get("cnr_id") or properties.get("aux_id"), properties.get("ver")]
    name, version = (plain(one, 80) if isinstance(one, str) else "" for one in told)
    # A version of 40 hexadecimal digits is a commit, of which ten tell enough.
    return f"{name} {version[:10] if len(version) == 40 else version}".strip() if name else ""
