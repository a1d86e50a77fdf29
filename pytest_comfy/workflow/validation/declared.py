"""What a class declares, read from its `/object_info` entry, however much of that is there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .custom import CUSTOM, MODELS, NOTHING, Custom
from .groups import DYNAMIC_GROUP, rows
from .manners import Manners

AUTOGROW, DYNAMIC_COMBO, DYNAMIC_SLOT = "COMFY_AUTOGROW_V3", "COMFY_DYNAMICCOMBO_V3", "COMFY_DYNAMICSLOT_V3"
_DYNAMIC = frozenset({AUTOGROW, DYNAMIC_COMBO, DYNAMIC_SLOT, DYNAMIC_GROUP})
_GROUPS = ("required", "optional")
_ALWAYS_IN_V3 = frozenset({"api_node", "deprecated", "experimental"})
_GROW_LIMIT = 100  # 0.8.0 allows an autogrow input no more names than this


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a node: `kind` is a type name, or the list of choices of an old-style combo."""

    name: str
    kind: Any
    required: bool
    options: Mapping[str, Any]

    @property
    def config(self) -> list[Any]:
        """The `input_config` of an error; shares the definition's objects."""
        return [self.kind, self.options]

    @property
    def choices(self) -> Collection[Any]:
        """The values listed for the input; empty when it lists none."""
        listed = self.kind if isinstance(self.kind, list) else self.options.get("options")
        return listed if isinstance(listed, (list, tuple)) else ()


class Declared:
    """A class as validation sees it."""

    def __init__(self, class_type: str, definition: Any, manners: Manners) -> None:
        modern = manners.modern
        self._manners = manners
        definition = definition if isinstance(definition, Mapping) else {}
        groups = definition.get("input")
        self._groups: Mapping[str, Any] = groups if isinstance(groups, Mapping) else {}
        self.v3 = _is_v3(definition, self._groups)
        self.custom: Custom = ({**CUSTOM, **MODELS} if manners.models else CUSTOM).get(class_type, NOTHING)
        owner = self.custom.owner or class_type
        self.custom_function = f"{owner}.{'validate_inputs' if self.v3 else 'VALIDATE_INPUTS'}"
        outputs = definition.get("output")
        outputs = outputs if isinstance(outputs, (list, tuple)) else ()
        # The text of the IndexError for a slot too high names the container that ComfyUI keeps the types in.
        self.outputs: list[Any] | tuple[Any, ...] = list(outputs) if self.v3 else tuple(outputs)
        self.last_part_only = modern and self.v3
        self._fixed: list[Input] | None = None
        if not (modern and _has_dynamic(self._groups)):
            self._fixed = _inputs({group: dict(_specs(self._groups, group)) for group in _GROUPS})

    def inputs(self, live: Any) -> list[Input]:
        """Return the inputs of a node whose values are `live`; dynamic inputs depend on the values.

        Raises GroupError for values that look like rows of a dynamic group and cannot be.
        """
        if self._fixed is not None:
            return self._fixed
        found: dict[str, dict[str, Any]] = {group: {} for group in _GROUPS}
        _expand(found, live, self._groups, [], self._manners)
        return _inputs(found)


def _is_v3(definition: Mapping[str, Any], groups: Mapping[str, Any]) -> bool:
    """Tell new-style classes by keys that they always have; in a trimmed definition by hidden or dynamic inputs."""
    if definition.keys() >= _ALWAYS_IN_V3:
        return True
    hidden = groups.get("hidden")
    return _has_dynamic(groups) or (
        isinstance(hidden, Mapping) and any(isinstance(value, list) for value in hidden.values())
    )


def _has_dynamic(groups: Mapping[str, Any]) -> bool:
    return any(
        isinstance(spec[0], str) and spec[0] in _DYNAMIC for group in _GROUPS for _, spec in _specs(groups, group)
    )


def _specs(groups: Any, group: str) -> Iterator[tuple[str, Any]]:
    """Yield (name, specification) of a group's readable inputs."""
    inputs = groups.get(group) if isinstance(groups, Mapping) else None
    for name, spec in inputs.items() if isinstance(inputs, Mapping) else ():
        if isinstance(spec, (list, tuple)) and spec:
            yield name, spec


def _options(spec: Any) -> Mapping[str, Any]:
    return spec[1] if len(spec) > 1 and isinstance(spec[1], Mapping) else {}


def _inputs(groups: Mapping[str, Mapping[str, Any]]) -> list[Input]:
    required = groups["required"]
    found = [Input(name, spec[0], True, _options(spec)) for name, spec in required.items()]
    found += [
        Input(name, spec[0], False, _options(spec)) for name, spec in groups["optional"].items() if name not in required
    ]
    return found


def _expand(found: dict[str, dict[str, Any]], live: Any, groups: Any, prefix: list[str], manners: Manners) -> None:
    """Put the inputs of `groups` into `found`; dynamic ones as what `live` makes of them, under dotted names."""
    for group in _GROUPS:
        for name, spec in _specs(groups, group):
            path = [*prefix, name]
            dotted = ".".join(path)
            if spec[0] == AUTOGROW:
                grown = _grown(_options(spec).get("template"), live, dotted, manners.grown)
                _expand(found, live, grown, path, manners)
            elif spec[0] == DYNAMIC_COMBO:
                # An unknown choice brings neither its inputs nor itself: ComfyUI reports nothing then.
                if dotted in live and (chosen := _chosen(_options(spec).get("options"), live[dotted])) is not None:
                    _expand(found, live, chosen.get("inputs"), path, manners)
                    found[group][dotted] = spec
            elif spec[0] == DYNAMIC_SLOT:
                if dotted in live:
                    _expand(found, live, _options(spec).get("inputs"), path, manners)
                    found[group][dotted] = spec
            elif spec[0] == DYNAMIC_GROUP and manners.groups:
                for each, fields in rows(dotted, _options(spec), live).items():
                    found[each].update(fields)
            else:
                found[group][dotted] = spec


def _grown(template: Any, live: Any, dotted: str, needed: bool) -> dict[str, dict[str, Any]]:
    """Return the inputs of an autogrow template that the node has values for; the first `min` count as required.

    needed  these are there without values too, unless the template's own input is optional
    """
    if not isinstance(template, Mapping):
        return {}
    least, most = template.get("min"), template.get("max")
    names = template.get("names")
    if not isinstance(names, list):
        count = min(most, _GROW_LIMIT) if isinstance(most, int) else 0
        names = [f"{template.get('prefix')}{i}" for i in range(count)]
    origin, spec = next(
        ((group, spec) for group in _GROUPS for _, spec in _specs(template.get("input"), group)), ("", None)
    )
    least = least if isinstance(least, int) and not (needed and origin == "optional") else 0
    grown: dict[str, dict[str, Any]] = {group: {} for group in _GROUPS}
    for i, name in enumerate(names):
        if spec is None or not isinstance(name, str):
            continue
        if f"{dotted}.{name}" in live or (needed and i < least):
            grown["required" if i < least else "optional"][name] = spec
    return grown


def _chosen(options: Any, key: Any) -> Mapping[str, Any] | None:
    for option in options if isinstance(options, list) else ():
        if isinstance(option, Mapping) and "key" in option and option["key"] == key:
            return option
    return None
