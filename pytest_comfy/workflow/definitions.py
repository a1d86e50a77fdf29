"""Node definitions: what `/object_info` says of a class, trimmed to what validation and conversion need."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

_KEPT = ("input", "input_order", "output", "output_is_list", "output_name", "output_node", "name",
         "display_name", "python_module", "api_node", "deprecated", "experimental")  # fmt: skip
_OPTIONS_DROPPED = {"tooltip", "placeholder"}
_MODEL_TYPES = {"MODEL", "CLIP", "VAE", "CONTROL_NET", "CLIP_VISION", "STYLE_MODEL", "UPSCALE_MODEL",
                "LORA_MODEL", "AUDIO_ENCODER", "PHOTOMAKER", "GLIGEN", "MODEL_PATCH"}  # fmt: skip
_UPLOAD_OPTIONS = ("image_upload", "audio_upload", "video_upload", "file_upload")


def trim(definition: Mapping[str, Any], used: Mapping[str, set[str]]) -> dict[str, Any]:
    """Return what a golden run keeps of a definition.

    Choices that are file names tell what lies on the server's disk: of those only the values that the prompt
    uses are kept. `used` is input name -> values used.
    """
    kept = {key: definition[key] for key in _KEPT if key in definition}
    groups = definition.get("input")
    if isinstance(groups, Mapping):
        kept["input"] = {
            group: {name: _trim_input(spec, used.get(name, set())) for name, spec in inputs.items()}
            for group, inputs in groups.items()
            if isinstance(inputs, Mapping)
        }
    return kept


def used_values(prompt: Mapping[str, Mapping[str, Any]], class_type: str) -> dict[str, set[str]]:
    """Return input name -> the text values that nodes of a class use in a prompt."""
    values: dict[str, set[str]] = {}
    for node in prompt.values():
        if node.get("class_type") == class_type:
            for name, value in node.get("inputs", {}).items():
                if isinstance(value, str):
                    values.setdefault(name, set()).add(value)
    return values


def upload_inputs(definition: Mapping[str, Any]) -> list[str]:
    """Return the inputs of a class that name an uploaded file (LoadImage-like nodes)."""
    found = []
    for inputs in (definition.get("input") or {}).values():
        for name, spec in inputs.items() if isinstance(inputs, Mapping) else ():
            options = spec[1] if isinstance(spec, list) and len(spec) > 1 else None
            if isinstance(options, Mapping) and any(options.get(key) for key in _UPLOAD_OPTIONS):
                found.append(name)
    return found


def loads_models(definition: Mapping[str, Any] | None) -> bool:
    """Whether all outputs of a class are models, so that running it again only costs time."""
    outputs = definition.get("output") if definition else None
    return (
        bool(outputs)
        and isinstance(outputs, list)
        and all(isinstance(kind, str) and kind in _MODEL_TYPES for kind in outputs)
    )


def _trim_input(spec: Any, used: set[str]) -> Any:
    if not isinstance(spec, list) or not spec:
        return spec
    kind, *rest = spec
    kept = [_trim_choices(kind, used) if isinstance(kind, list) else kind]
    for options in rest:
        if isinstance(options, Mapping):
            options = {key: value for key, value in options.items() if key not in _OPTIONS_DROPPED}
            if isinstance(options.get("options"), list):
                options["options"] = _trim_choices(options["options"], used)
            if isinstance(options.get("default"), str) and _names_file(options["default"]):
                options.pop("default")
        kept.append(options)
    return kept


def _trim_choices(choices: list[Any], used: set[str]) -> list[Any]:
    if any(isinstance(choice, str) and _names_file(choice) for choice in choices):
        return [choice for choice in choices if choice in used]
    return choices


def _names_file(text: str) -> bool:
    suffix = PurePosixPath(text.replace("\\", "/")).suffix
    return 2 <= len(suffix) <= 12 and suffix[1:].isalnum() and not suffix[1:].isdigit()
