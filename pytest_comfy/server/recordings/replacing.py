"""Obsolete node classes that a server replaces: what it recorded of them, and those of ComfyUI itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...workflow.replacing import Replacements
from .facts import facts_of
from .library import Library


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
