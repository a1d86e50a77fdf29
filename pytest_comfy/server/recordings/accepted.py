"""What a recording shows to be valid although definitions forbid it: node packs check values by code of their own, and
secrets were taken out of the choices.

A class with `VALIDATE_INPUTS` takes the checks of range, choice and link type upon itself, of which `/object_info` says
nothing (ComfyUI execution.py, validate_inputs). Of core classes that is known; of others a recording is the proof.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...secrecy import REDACTED
from ...workflow.definitions import upload_inputs

_OF_PACKS = "custom_nodes."
_RANGE = ("value_smaller_than_min", "value_bigger_than_max")


def loosened(definitions: Mapping[str, Any], node_errors: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return definitions without the rules of node packs that these errors name, None where other rules are broken.

    node_errors  what validation found wrong with a prompt that a real server accepted
    """
    found = dict(definitions)
    for entry in node_errors.values():
        class_type = entry["class_type"]
        for error in entry["errors"]:
            changed = _without_rule(found[class_type], error)
            if changed is None:
                return None
            found[class_type] = changed
    return found


def _without_rule(definition: Mapping[str, Any], error: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a definition without the rule that an error tells of; None for rules that no pack may set aside."""
    name = error["extra_info"].get("input_name")
    groups = definition.get("input")
    if not isinstance(groups, Mapping):
        return None
    of_pack = str(definition.get("python_module")).startswith(_OF_PACKS)
    for group, specs in groups.items():
        spec = specs.get(name) if isinstance(specs, Mapping) else None
        if isinstance(spec, list) and spec:
            if not of_pack and not _lost_choices(spec, error):
                return None
            # A file that is to be uploaded first is missing until it is.
            freed = None if name in upload_inputs(definition) else _free(spec, error)
            return None if freed is None else {**definition, "input": {**groups, group: {**specs, name: freed}}}
    return None


def _lost_choices(spec: list[Any], error: Mapping[str, Any]) -> bool:
    """Whether the value may have been a choice before secrets were taken out of the definition."""
    options = spec[1].get("options") if len(spec) > 1 and isinstance(spec[1], Mapping) else None
    choices = spec[0] if isinstance(spec[0], list) else options if isinstance(options, list) else []
    return error["type"] == "value_not_in_list" and any(REDACTED in str(choice) for choice in choices)


def _free(spec: list[Any], error: Mapping[str, Any]) -> list[Any] | None:
    options = spec[1] if len(spec) > 1 and isinstance(spec[1], Mapping) else {}
    value = error["extra_info"].get("received_value")
    if error["type"] in _RANGE:
        return [spec[0], {key: told for key, told in options.items() if key not in ("min", "max")}]
    if error["type"] == "return_type_mismatch":
        return ["*", options]
    if error["type"] == "value_not_in_list":
        chosen = value if isinstance(value, list) and options.get("multiselect") else [value]
        if isinstance(spec[0], list):
            return [[*spec[0], *chosen], options]
        return [spec[0], {**options, "options": [*options.get("options", ()), *chosen]}]
    return None
