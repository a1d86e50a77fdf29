"""Node definitions as the conversion reads them: inputs in their order, and which of them are widgets."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .types import type_name
from .versions import Page, is_later, page_of

DYNAMIC_COMBO = "COMFY_DYNAMICCOMBO_V3"
AUTOGROW = "COMFY_AUTOGROW_V3"
MATCH_TYPE = "COMFY_MATCHTYPE_V3"
DYNAMIC_GROUP = "COMFY_DYNAMICGROUP_V3"
SELECTING = (DYNAMIC_COMBO, DYNAMIC_GROUP)
"""Types of widgets whose value tells which further ones there are."""

_WIDGET_TYPES = frozenset(
    ("INT", "FLOAT", "BOOLEAN", "STRING", "COMBO", "MARKDOWN", "COLOR", "TEXTAREA", "IMAGECOMPARE", "CHART", "GALLERIA",
     "IMAGEUPLOAD", "AUDIOUPLOAD", "AUDIO_UI", "AUDIO_RECORD", "WEBCAM", "LOAD_3D", "LOAD_3D_ANIMATION",
     "PREVIEW_3D", "PREVIEW_3D_ANIMATION")
)  # fmt: skip
"""Those of all versions of the page; `versions.py` has the later ones."""
_NEW: Mapping[str, Any] = {
    "BOUNDING_BOX": {"x": 0, "y": 0, "width": 512, "height": 512},
    "BOUNDING_BOXES": [],
    "CHART": {},
    "COLOR": "#000000",
    "COLORS": [],
    "COMPOSITOR": {},
    "CURVE": {"points": [[0, 0], [1, 1]], "interpolation": "monotone_cubic"},
    "GALLERIA": [],
    "LIGHT_INFO_PREVIEW": [],
    "PAINTER": "",
    "RANGE": {"min": 0, "max": 1},
}
"""Type of a widget -> the value of a new one whose definition gives none."""
UPLOADS = ("image_upload", "video_upload", "animated_image_upload")
CAPTURES = frozenset(("AUDIO_RECORD", "WEBCAM", "LOAD_3D", "LOAD_3D_ANIMATION"))
"""Types whose value the page makes when a prompt is queued: a recording, a picture, a rendering."""

BOX = ("x", "y", "width", "height")
"""The numbers of a BOUNDING_BOX, which have places of their own behind it."""
_CUTS: Mapping[str, Any] = {
    "trim": {"start_time": 0, "duration": 0},
    "crop": {"x": 0, "y": 0, "width": 0, "height": 0},
}
"""What a VIDEO_EDIT can do -> the value of a new one for it."""

_MOST_ROWS = 1000
"""Rows of a dynamic group beyond all that a person adds; the page lets them add 50."""
_SEEDS = ("seed", "noise_seed")


@dataclass(slots=True)
class InputSpec:
    """One input of a node definition.

    widget_type  the type of the widget, which may be another than that of the links
    forced       whether it is a socket whatever its type
    is_widget    whether the page shows a widget for it
    is_upload    whether it is a choice of files that the page can upload pictures or videos to
    choice_kinds the types of the choices, once somebody asked
    """

    name: str
    type: str
    options: Mapping[str, Any] = field(default_factory=dict)
    choices: list[Any] | None = None
    optional: bool = False
    page: Page = field(default_factory=lambda: page_of({}), compare=False)
    widget_type: str = field(init=False)
    forced: bool = field(init=False)
    is_widget: bool = field(init=False)
    is_upload: bool = field(init=False)
    choice_kinds: frozenset[str] | None = field(init=False, default=None, compare=False)

    def __post_init__(self) -> None:
        options = self.options
        other = options.get("widgetType")
        self.widget_type = other if isinstance(other, str) else self.type
        self.forced = bool(options.get("forceInput") or (self.optional and options.get("defaultInput")))
        self.is_widget = not self.forced and self.is_known
        self.is_upload = self.widget_type == "COMBO" and any(options.get(key) is True for key in UPLOADS)

    @property
    def is_known(self) -> bool:
        """Whether the page has a widget of its type."""
        return self.widget_type in _WIDGET_TYPES or self.page.has_widget(self.widget_type)

    @property
    def is_strange(self) -> bool:
        """Whether it is a widget of a type that no version of the page known here has."""
        is_told = "widgetType" in self.options or bool(self.options.get("socketless"))
        return is_told and not self.forced and not self.is_known and not is_later(self.widget_type)

    @property
    def is_control(self) -> bool:
        """Whether a control_after_generate widget follows."""
        told = self.options.get("control_after_generate")
        if self.widget_type == "INT":
            return self.name in _SEEDS if told is None else bool(told)
        return bool(told) and self.widget_type in ("FLOAT", "COMBO")

    @property
    def counts_twice(self) -> bool:
        """Whether old files count it as two values; not the same question as `is_control`."""
        return bool(self.options.get("control_after_generate")) or self.name in _SEEDS

    @property
    def default(self) -> Any:
        """The value of a new widget; None where the page has `undefined`."""
        kind, given = self.widget_type, self.options.get("default")
        if kind in ("INT", "FLOAT"):
            return given if given is not None else 0
        if kind == "BOOLEAN":
            return given if given is not None else False
        if kind in ("STRING", "MARKDOWN", "TEXTAREA"):
            return given if given is not None else ""
        if kind in ("COMBO", DYNAMIC_COMBO):
            return given or (self.choices[0] if self.choices else None)
        if kind in CAPTURES or kind.startswith("PREVIEW_3D"):
            return ""
        if kind == DYNAMIC_GROUP:
            return self.least_rows
        if kind == "VIDEO_EDIT" and given is None:
            features = self.options.get("features", list(_CUTS))
            return {name: value for name, value in _CUTS.items() if isinstance(features, list) and name in features}
        return _NEW.get(kind) if given is None else given

    @property
    def least_rows(self) -> int:
        """How many rows a dynamic group always has."""
        told = self.options.get("min")
        return told if isinstance(told, int) and 0 < told <= _MOST_ROWS else 0

    def rows(self, value: Any) -> int:
        """Return how many rows a dynamic group has by what is stored."""
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
            return self.least_rows
        return min(max(int(value), self.least_rows), _MOST_ROWS)


def spec_of(name: str, declared: Any, optional: bool = False, *, page: Page | None = None) -> InputSpec:
    """Read one input as it is declared: [type, options], or [[choices], options]."""
    parts = declared if isinstance(declared, (list, tuple)) and declared else [declared]
    options = parts[1] if len(parts) > 1 and isinstance(parts[1], Mapping) else {}
    kind = type_name(parts[0])
    choices: list[Any] | None = None
    if isinstance(parts[0], list):
        choices = parts[0]
    elif kind == "COMBO" and isinstance(options.get("options"), list):
        choices = options["options"]
    elif kind == DYNAMIC_COMBO:
        choices = list(dynamic_options(options))
    return InputSpec(name, kind, options, choices, optional, page or page_of({}))


def specs_of(inputs: Any, order: Any = None, *, page: Page | None = None) -> list[InputSpec]:
    """Read the inputs of a definition: required ones, then optional ones, in the order the page has them."""
    if not isinstance(inputs, Mapping):
        return []
    found = {}
    page = page or page_of({})
    for section in ("required", "optional"):
        declared = inputs.get(section)
        for name, value in declared.items() if isinstance(declared, Mapping) else ():
            found[str(name)] = spec_of(str(name), value, section == "optional", page=page)
    if not isinstance(order, Mapping):
        return list(found.values())
    names: dict[str, None] = {}
    for section in ("required", "optional"):
        listed = order.get(section)
        for name in listed if isinstance(listed, list) else ():
            if isinstance(name, str) and name in found and found[name].optional == (section == "optional"):
                names[name] = None
    names.update(dict.fromkeys(found))
    return [found[name] for name in names]


def definition_specs(definition: Mapping[str, Any], page: Page | None = None) -> list[InputSpec]:
    """Read the inputs of a node definition in the page's order."""
    return specs_of(definition.get("input"), definition.get("input_order"), page=page)


def output_types(definition: Mapping[str, Any]) -> list[str]:
    """Return the types of a definition's outputs; those that follow an input's are any type."""
    declared = definition.get("output")
    kinds = [type_name(kind) for kind in declared] if isinstance(declared, list) else []
    return ["*" if kind == MATCH_TYPE else kind for kind in kinds]


def dynamic_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return key -> inputs of a dynamic combo."""
    listed = options.get("options")
    return {
        str(option.get("key")): option.get("inputs")
        for option in (listed if isinstance(listed, list) else ())
        if isinstance(option, Mapping)
    }


def template_specs(template: Mapping[str, Any], page: Page) -> Iterator[InputSpec]:
    """Yield the inputs that one step of an autogrow group adds."""
    yield from specs_of(template.get("input"), page=page)
