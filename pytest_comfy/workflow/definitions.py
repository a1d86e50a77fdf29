"""Node definitions: what `/object_info` says of a class, trimmed to what validation and conversion need."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from .errors import WorkflowError

_KEPT = ("input", "input_order", "output", "output_is_list", "output_name", "output_node", "output_matchtypes", "name",
         "has_intermediate_output", "display_name", "python_module", "api_node", "deprecated",
         "experimental")  # fmt: skip
_OPTIONS_DROPPED = {"tooltip", "placeholder"}
_MODEL_TYPES = {"MODEL", "CLIP", "VAE", "CONTROL_NET", "CLIP_VISION", "STYLE_MODEL", "UPSCALE_MODEL",
                "LORA_MODEL", "AUDIO_ENCODER", "PHOTOMAKER", "GLIGEN", "MODEL_PATCH"}  # fmt: skip
_API_MODULE = "comfy_api_nodes"
_ACCOUNT = ("AUTH_TOKEN_COMFY_ORG", "API_KEY_COMFY_ORG")
"""What a class asks for that uses the account of whoever queues a prompt."""
_UPLOAD_OPTIONS = ("image_upload", "audio_upload", "video_upload", "file_upload")


def trim(
    definition: Mapping[str, Any],
    used: Mapping[str, set[str]],
    texts: Collection[str] = (),
    *,
    defaults: bool = False,
) -> dict[str, Any]:
    """Return what a golden run keeps of a definition.

    Choices that are file names tell what lies on the server's disk: of those only the values that the workflow
    uses are kept.

    used      input name -> values used
    texts     values used, of whatever input
    defaults  keep as well the choice that a widget has when the workflow says nothing: its `default`, or the first
              one. A conversion from UI form asks for it.
    """
    kept = {key: definition[key] for key in _KEPT if key in definition}
    groups = definition.get("input")
    if isinstance(groups, Mapping):
        kept["input"] = _Trimming(used, frozenset(texts), defaults).groups(groups)
    return kept


def read_json(path: Path) -> Any:
    """Read a file that should hold node definitions; raises WorkflowError for one that is no JSON."""
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise WorkflowError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise WorkflowError(f"{path}: is no JSON ({error}): save what /object_info answers") from error


def saved_texts(graph: Any) -> set[str]:
    """Return all texts that stand in a UI-form workflow, among them the values of its widgets."""
    found: set[str] = set()
    pending = [graph]
    while pending:
        value = pending.pop()
        if isinstance(value, Mapping):
            pending.extend(value.values())
        elif isinstance(value, (list, tuple)):
            pending.extend(value)
        elif isinstance(value, str):
            found.add(value)
    return found


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


def is_intermediate(definition: Mapping[str, Any] | None) -> bool:
    """Whether what a class shows is only on the way: ComfyUI tells of it, although the node is no output node."""
    return bool(definition and definition.get("has_intermediate_output") and not definition.get("output_node"))


def loads_models(definition: Mapping[str, Any] | None) -> bool:
    """Whether all outputs of a class are models, so that running it again only costs time."""
    outputs = definition.get("output") if definition else None
    return (
        bool(outputs)
        and isinstance(outputs, list)
        and all(isinstance(kind, str) and kind in _MODEL_TYPES for kind in outputs)
    )


def is_api_node(definition: Mapping[str, Any] | None) -> bool:
    """Whether running a class may cost money: it asks a service behind comfy.org, as all of ComfyUI's API nodes do.

    Told by `api_node`, by the module or the category that it stands in, or by the account that it asks for. Of the few
    classes in that module that ask nobody no definition tells them apart in all versions, so they count as well.
    """
    if not definition:
        return False
    module, category = str(definition.get("python_module") or ""), str(definition.get("category") or "")
    groups = definition.get("input")
    hidden = groups.get("hidden") if isinstance(groups, Mapping) else None
    asked = (
        [spec[0] if isinstance(spec, list) and spec else spec for spec in hidden.values()]
        if isinstance(hidden, Mapping)
        else []
    )
    return (
        definition.get("api_node") is True
        or module.partition(".")[0] == _API_MODULE
        or category.casefold().replace("_", " ").startswith("api node")
        or any(isinstance(one, str) and one in _ACCOUNT for one in asked)
    )


@dataclass(frozen=True)
class _Trimming:
    used: Mapping[str, set[str]]
    texts: frozenset[str]
    defaults: bool

    def groups(self, groups: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
        """Trim the inputs of a definition: group ("required", "optional", …) -> name -> input."""
        return {
            group: {name: self._input(f"{prefix}{name}", spec) for name, spec in inputs.items()}
            for group, inputs in groups.items()
            if isinstance(inputs, Mapping)
        }

    def _input(self, name: str, spec: Any) -> Any:
        if not isinstance(spec, list) or not spec:
            return spec
        kind, *rest = spec
        kept = [self._choices(name, kind) if isinstance(kind, list) else kind]
        for options in rest:
            if isinstance(options, Mapping):
                options = {key: value for key, value in options.items() if key not in _OPTIONS_DROPPED}
                if isinstance(options.get("options"), list):
                    options["options"] = self._choices(name, options["options"])
                default = options.get("default")
                if isinstance(default, str) and is_file_name(default) and not self.defaults:
                    options.pop("default")
            kept.append(options)
        return kept

    def _choices(self, name: str, choices: list[Any]) -> list[Any]:
        if any(isinstance(choice, str) and is_file_name(choice) for choice in choices):
            return [
                choice
                for place, choice in enumerate(choices)
                if (place == 0 and self.defaults) or self._is_used(name, choice)
            ]
        return [self._option(name, choice) for choice in choices]

    def _is_used(self, name: str, choice: Any) -> bool:
        return isinstance(choice, str) and (choice in self.used.get(name, ()) or choice in self.texts)

    def _option(self, name: str, choice: Any) -> Any:
        """Trim the inputs that an option of a dynamic combo brings; they are called COMBO.INPUT."""
        inputs = choice.get("inputs") if isinstance(choice, Mapping) else None
        return {**choice, "inputs": self.groups(inputs, f"{name}.")} if isinstance(inputs, Mapping) else choice


def is_file_name(text: str) -> bool:
    """Whether a text seems to name a file: it has an ending of letters and digits."""
    suffix = PurePosixPath(text.replace("\\", "/")).suffix
    return 2 <= len(suffix) <= 12 and suffix[1:].isalnum() and not suffix[1:].isdigit()
