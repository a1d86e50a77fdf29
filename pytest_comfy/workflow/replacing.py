"""Obsolete node classes, which ComfyUI replaces by those that took their place before it validates a prompt."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from .model import is_link

Replacements = Mapping[str, Any]
"""Old class -> list of replacements, as `GET /node_replacements` tells them; the first one counts."""


def replaced(prompt: Mapping[str, Any], known: Replacements, definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the prompt with its obsolete nodes replaced, itself where there are none.

    A class is obsolete where the server lacks it and has its replacement. As in ComfyUI (node_replace_manager.py) the
    new node has the mapped inputs and no others. Raises KeyError where an input that is mapped, or `_meta`, is
    missing: there the answer is 500.
    """
    for node in prompt.values():
        if "class_type" in node and "inputs" in node:
            node["inputs"].items()  # ComfyUI looks for links in all nodes: what is no object ends there, with a 500
    obsolete = {}
    for node_id, node in prompt.items():
        if "class_type" in node and "inputs" in node and node["class_type"] not in definitions:
            replacement = replacement_of(known, node["class_type"])
            if replacement is not None and replacement.get("new_node_id") in definitions:
                obsolete[node_id] = replacement
    if not obsolete:
        return prompt
    found = copy.deepcopy(dict(prompt))
    for node_id, replacement in obsolete.items():
        node = found[node_id]
        inputs = _mapped(node["inputs"], replacement.get("input_mapping"))
        found[node_id] = {**node, "class_type": replacement["new_node_id"], "inputs": inputs, "_meta": node["_meta"]}
    for node_id, replacement in obsolete.items():
        _move_outputs(found, node_id, replacement.get("output_mapping"))
    return found


def replacement_of(known: Replacements, class_type: Any) -> Mapping[str, Any] | None:
    """Return what takes the place of a class, None where it has none."""
    listed = known.get(class_type) if isinstance(class_type, str) else None
    return listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], Mapping) else None


def _mapped(inputs: Mapping[str, Any], mapping: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in mapping or ():
        if "set_value" in each:
            found[each["new_id"]] = each["set_value"]
        elif "old_id" in each:
            found[each["new_id"]] = inputs[each["old_id"]]
    return found


def _move_outputs(prompt: Mapping[str, Any], node_id: str, mapping: Any) -> None:
    """Let the links from a replaced node start at the slots of the new class."""
    moved = {each["old_idx"]: each["new_idx"] for each in mapping or ()}
    for node in prompt.values():
        inputs = node.get("inputs")
        for value in inputs.values() if isinstance(inputs, dict) and moved else ():
            if is_link(value) and value[0] == node_id:
                value[1] = moved.get(value[1], value[1])
