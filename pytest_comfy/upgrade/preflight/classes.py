"""What there is to say of a node by its class alone: missing, replaced, paid for, on its way out or not yet settled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from ...text import did_you_mean, plain
from ...workflow.definitions import is_api_node
from ...workflow.replacing import replacement_of
from .finding import API_NODE, Finding
from .known import Given, Known
from .nodes import Node

_CORE = ("nodes", "comfy_extras")
_OF_CORE = "comfy-core"
"""How the page calls ComfyUI's own classes where it notes the pack of a node."""
_ALIKE = 0.8
"""Of two names, by difflib's ratio: a letter or a version apart."""
_PAID = "queued only with --comfy-allow-api-nodes"


def missing(node: Node, given: Given, known: Known) -> Finding:
    """Return what is found of a node whose class is not there: that it is missing, replaced, or not known here."""
    new = replacement_of(known.replacements, node.class_type)
    if new is not None and new.get("new_node_id") in known.definitions:
        sentence = f"the server replaces its class by {_name(new['new_node_id'])}: save the workflow with that"
        return node.found("warning", "replaced-class", sentence)
    if known.partly:
        return node.found(
            "info",
            "not-checked",
            "no golden run has the definition of its class: ask a server with pytest-comfy doctor",
        )
    brought = _brought(node, given.kept.get(node.class_type), given.environment, known)
    near = "" if brought else did_you_mean(node.class_type, _alike(node.class_type, known))
    return node.found(
        "error",
        "missing-class",
        f"the server has no node class {_name(node.class_type)}{near}{brought or ': install the node pack that has it'}"
        ", or take the node out",
    )


def _brought(node: Node, definition: Any, environment: Mapping[str, Any], known: Known) -> str:
    """Return where a class came from, and what to do, as far as file or golden run tell."""
    module = str(definition.get("python_module") or "") if isinstance(definition, Mapping) else ""
    top, _, rest = module.partition(".")
    if is_api_node(definition) and top != "custom_nodes":
        if any(map(is_api_node, known.definitions.values())):
            return ", which was one of ComfyUI's API nodes: choose another"
        return ", one of ComfyUI's API nodes: start the server without --disable-api-nodes"
    if node.pack.split(" ")[0] == _OF_CORE or (not node.pack and top in _CORE):
        version = plain(environment.get("comfyui") or node.pack.removeprefix(_OF_CORE), 40).strip()
        return f", which is ComfyUI's own{f' (of {version})' if version else ''}: run a ComfyUI that has it"
    pack = node.pack or (plain(rest, 80) if top == "custom_nodes" else "")
    return f", which came with the node pack {pack}: install it" if pack else ""


def of_class(node: Node, definition: Mapping[str, Any], kept: Any, known: Known) -> Iterator[Finding]:
    """Yield what is found of a node whose class is there, by what its definition says of the class."""
    if is_api_node(definition):
        told = "allowed by --comfy-allow-api-nodes" if known.api_nodes == "info" else _PAID
        yield node.found(known.api_nodes, API_NODE, f"is an API node, which may cost money: {told}")
    if definition.get("deprecated") is True:
        # What it was already when the golden run was made is no news.
        was = isinstance(kept, Mapping) and kept.get("deprecated") is True
        new = replacement_of(known.replacements, node.class_type)
        told = f", in favour of {_name(new.get('new_node_id'))}" if new else ""
        sentence = f"its class is deprecated{told}: a later ComfyUI may lack it"
        yield node.found("info" if was else "warning", "deprecated", sentence)
    if definition.get("experimental") is True:
        yield node.found("info", "experimental", "its class is experimental: what it does may change")


def _alike(class_type: str, known: Known) -> list[str]:
    """Return the classes that may be meant by one that is not there: names of classes have words in common anyway."""
    return get_close_matches(class_type, known.definitions, 1, _ALIKE)


def _name(class_type: Any) -> str:
    return repr(plain(class_type, 80))
