"""Obsolete node classes, which ComfyUI replaces by those that took their place before it validates a prompt."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ...workflow.model import is_link
from .facts import facts_of
from .library import Library

Replacements = Mapping[str, Any]
"""Old class -> list of replacements, as `GET /node_replacements` tells them; the first one counts."""


def _replacement(
    old: str,
    new: str,
    inputs: list[tuple[str, str]] | None = None,
    *,
    fixed: Mapping[str, Any] | None = None,
    widgets: list[str] | None = None,
    outputs: list[tuple[int, int]] | None = None,
) -> dict[str, Any]:
    """Return one replacement; `inputs` are (new name, old name), `fixed` new name -> value."""
    mapped = None
    if inputs is not None:
        renamed = {new_id: {"new_id": new_id, "old_id": old_id} for new_id, old_id in inputs if old_id}
        given = {name: {"new_id": name, "set_value": value} for name, value in (fixed or {}).items()}
        mapped = [renamed.get(new_id) or given[new_id] for new_id, _ in inputs]
    return {
        "new_node_id": new,
        "old_node_id": old,
        "old_widget_ids": widgets,
        "input_mapping": mapped,
        "output_mapping": None if outputs is None else [{"new_idx": b, "old_idx": a} for a, b in outputs],
    }


CORE: Replacements = {
    one["old_node_id"]: [one]
    for one in (
        _replacement(
            "ResizeImagesByLongerEdge",
            "ImageScaleToMaxDimension",
            [("image", "images"), ("largest_size", "longer_edge"), ("upscale_method", "")],
            fixed={"upscale_method": "lanczos"},
            widgets=["longer_edge"],
            outputs=[(0, 0)],
        ),
        _replacement("ImageBatch", "BatchImagesNode", [("images.image0", "image1"), ("images.image1", "image2")]),
        _replacement(
            "ImageScaleBy",
            "ResizeImageMaskNode",
            [
                ("input", "image"),
                ("resize_type", ""),
                ("resize_type.multiplier", "scale_by"),
                ("scale_method", "upscale_method"),
            ],
            fixed={"resize_type": "scale by multiplier"},
            widgets=["upscale_method", "scale_by"],
        ),
        _replacement("T2IAdapterLoader", "ControlNetLoader", [("control_net_name", "t2i_adapter_name")]),
        _replacement("Load3DAnimation", "Load3D"),
        _replacement("Preview3DAnimation", "Preview3D"),
        _replacement("SDV_img2vid_Conditioning", "SVD_img2vid_Conditioning"),
        _replacement("ConditioningAverage ", "ConditioningAverage"),
    )
}
"""Those of ComfyUI's own classes (0.30.0)."""


def replacements_of(library: Library) -> Replacements:
    """Return the replacements that the recorded server told of, else those of ComfyUI's own classes."""
    told = facts_of(library).recorded("/node_replacements")
    return CORE if told is None else told


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
            replacement = _first(known, node["class_type"])
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


def _first(known: Replacements, class_type: Any) -> Mapping[str, Any] | None:
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
