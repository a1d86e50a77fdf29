"""Choices of node definitions: uploaded files, as a real server lists them live, and what several recordings tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..media import kind_of

_KINDS = {"image_upload": ("image",), "audio_upload": ("audio", "video"), "video_upload": ("video",)}
"""Option of an input -> the kinds of files it lists (ComfyUI nodes.py, nodes_audio.py, nodes_video.py)."""

_MODELS_3D = (".gltf", ".glb", ".obj", ".fbx", ".stl")
_ANY_KIND = ("LoadImageMask",)
"""Classes that list every file, whatever its name ends in."""

Names = Iterable[tuple[str, str]]
"""(subfolder, filename) of files of type `input`."""


def with_uploads(class_type: str, definition: Any, uploaded: Names) -> Any:
    """Return a node definition whose choices hold the uploaded files too; it is not changed in place."""
    inputs = definition.get("input") if isinstance(definition, Mapping) else None
    if not isinstance(inputs, Mapping):
        return definition
    names = list(uploaded)
    changed = {
        group: {name: _extended(class_type, spec, names) for name, spec in specs.items()}
        if isinstance(specs, Mapping)
        else specs
        for group, specs in inputs.items()
    }
    return definition if changed == inputs else {**definition, "input": changed}


def with_category(definition: Any) -> Any:
    """Return a node definition that has a category, without which ComfyUI's page does not start.

    Golden runs keep none of the nodes' places in its menu.
    """
    if not isinstance(definition, Mapping) or "input" not in definition or "category" in definition:
        return definition
    return {**definition, "category": ""}


def with_names(definition: Any, named: Mapping[str, Iterable[str]]) -> Any:
    """Return a node definition whose inputs offer these names too, input -> names; it is not changed in place."""
    inputs = definition.get("input") if isinstance(definition, Mapping) else None
    if not named or not isinstance(inputs, Mapping):
        return definition
    changed = {
        group: {name: _offering(spec, list(named.get(name, ()))) for name, spec in specs.items()}
        if isinstance(specs, Mapping)
        else specs
        for group, specs in inputs.items()
    }
    return {**definition, "input": changed}


def _offering(spec: Any, names: list[Any]) -> Any:
    if not isinstance(spec, list) or not spec or not names:
        return spec
    if isinstance(spec[0], list):
        return [_union(spec[0], names), *spec[1:]]
    if len(spec) > 1 and isinstance(spec[1], Mapping) and isinstance(spec[1].get("options"), list):
        return [spec[0], {**spec[1], "options": _union(spec[1]["options"], names)}, *spec[2:]]
    return spec


def with_choices_of(definition: Any, other: Any) -> Any:
    """Return a definition whose choices are also those of another of the same class; it is not changed in place."""
    inputs = definition.get("input") if isinstance(definition, Mapping) else None
    others = other.get("input") if isinstance(other, Mapping) else None
    if definition == other or not isinstance(inputs, Mapping) or not isinstance(others, Mapping):
        return definition
    changed = {
        group: {name: _joined(spec, others[group].get(name)) for name, spec in specs.items()}
        if isinstance(specs, Mapping) and isinstance(others.get(group), Mapping)
        else specs
        for group, specs in inputs.items()
    }
    return {**definition, "input": changed}


def _joined(spec: Any, other: Any) -> Any:
    if spec == other or not (isinstance(spec, list) and isinstance(other, list) and spec and other):
        return spec
    if isinstance(spec[0], list) and isinstance(other[0], list):
        return [_union(spec[0], other[0]), *spec[1:]]
    options, more = (part[1] if len(part) > 1 and isinstance(part[1], Mapping) else {} for part in (spec, other))
    if isinstance(options.get("options"), list) and isinstance(more.get("options"), list):
        return [spec[0], {**options, "options": _union(options["options"], more["options"])}, *spec[2:]]
    return spec


def _union(choices: list[Any], more: list[Any]) -> list[Any]:
    return choices + [choice for choice in more if choice not in choices]


def _extended(class_type: str, spec: Any, uploaded: Names) -> Any:
    if not isinstance(spec, (list, tuple)) or len(spec) < 2 or not isinstance(spec[1], Mapping):
        return spec
    told, options = spec[0], spec[1]
    # Choices of the output folder are fetched from a route of their own.
    if options.get("image_folder", "input") != "input":
        return spec
    new = set(_listed(class_type, options, uploaded))
    if not new:
        return spec
    if isinstance(told, list):
        return [sorted({*map(str, told), *new}), *spec[1:]]
    if isinstance(options.get("options"), list):
        return [told, {**options, "options": sorted({*map(str, options["options"]), *new})}, *spec[2:]]
    return spec


def _listed(class_type: str, options: Mapping[str, Any], uploaded: Names) -> Iterable[str]:
    kinds = [kind for option, listed in _KINDS.items() if options.get(option) for kind in listed]
    for subfolder, name in uploaded:
        if kinds and not subfolder and (class_type in _ANY_KIND or kind_of(name) in kinds):
            yield name
        if options.get("file_upload") and f"{subfolder}/".startswith("3d/") and name.lower().endswith(_MODELS_3D):
            yield f"{subfolder}/{name}"
