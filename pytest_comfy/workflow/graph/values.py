"""From widgets_values to the widgets: by position or by name, as the page takes them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from .document import SavedNode
from .layouts import Layout
from .specs import DYNAMIC_COMBO, SELECTING, InputSpec, spec_of
from .versions import Page
from .widgets import Parts, Widget, grow, reselect

_ANNOTATED = re.compile(r"\[(?:input|output|temp)\]", re.IGNORECASE)
_RENAMED_SAMPLERS = "sample_"


def assign(
    parts: Parts, specs: list[InputSpec], saved: SavedNode, layout: Layout, *, page: Page, holes: bool
) -> int | None:
    """Put the stored values of a node into its widgets; `holes`: the list has nulls for widgets without a place.

    Of lists that some tools save as objects, pages before 1.35 take nothing. Returns how many values have no
    widget, negative when widgets have no value; None when they are by name.
    """
    values = saved.values
    for widget in list(parts.widgets):
        if widget.spec.is_upload:
            set_value(widget, widget.value if widget.known else None)
    if layout.named and not values:
        values = {}
    elif isinstance(values, Mapping) and not layout.named and "0" in values:
        if not page.reads_numbered_values:
            return None
        values = list(_numbered(values))
    if isinstance(values, Mapping):
        _by_name(parts, values, layout)
        return None
    if not isinstance(values, list):
        return 0
    if layout.collect_keys:
        _collect(parts, values, layout, saved.properties)
        return None
    if holes:
        values = _without_holes(parts.widgets, values)
    surplus = _by_position(parts, _without_forced(specs, values), layout)
    if page.chooses_first:
        _choose_first(parts, layout)
    return surplus


def _choose_first(parts: Parts, layout: Layout) -> None:
    """Give combos without a value the first of their choices that come with other values, once all have theirs."""
    for widget in list(parts.widgets):
        if widget.spec.widget_type == DYNAMIC_COMBO and widget.value is None and widget.spec.choices:
            set_and_expand(parts, widget, widget.spec.choices[0])
    if layout.grows and parts.widgets[0].value is None:
        grown = (one.value for one in parts.widgets[1:] if one.name != layout.chosen and one.value)
        parts.widgets[0].value = next(grown, None)


def _numbered(values: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the values of an object that has them by number, as some tools save lists."""
    for number in range(len(values)):
        if str(number) not in values:
            return
        yield values[str(number)]


def set_value(widget: Widget, value: Any) -> None:
    """Give a widget a value, with what the page makes of it on the way."""
    spec = widget.spec
    kind = spec.widget_type
    page = spec.page
    if kind == "MARKDOWN":
        value = _text_area(value, page)
    elif kind == "STRING" and spec.options.get("multiline"):
        value = value if value is not None and page.keeps_raw_text else _text_area(value, page)
    elif spec.is_upload and not page.keeps_uploads:
        value = _uploaded(spec, value, "undefined" if spec.default is None else spec.default)
    elif value is None and kind == "COMBO" and page.chooses_first and spec.choices:
        value = spec.choices[0]
    widget.value, widget.known = value, True


def set_and_expand(parts: Parts, widget: Widget, value: Any) -> None:
    """Give a widget a value; a dynamic combo gets the inputs of its new option."""
    before = widget.value
    set_value(widget, value)
    if widget.spec.widget_type in SELECTING and before != value:
        reselect(parts, widget)


def _by_position(parts: Parts, values: list[Any], layout: Layout) -> int:
    at = taken = 0
    # The list grows and shrinks on the way: what a dynamic combo adds takes the next places.
    while at < len(parts.widgets):
        widget = parts.widgets[at]
        at += 1
        if not widget.stored:
            continue
        if taken >= len(values):
            # Those that only JavaScript has came in at some time: files of before lack them.
            return -sum(one.stored and one.sent and one.spec.type != "EXTRA" for one in parts.widgets[at - 1 :])
        if not widget.fixed:
            set_and_expand(parts, widget, values[taken])
        taken += 1
        if layout.grows and at == len(parts.widgets) and values[taken - 1]:
            grow(parts.widgets, layout)
    while taken < len(values) and values[-1] is None:
        values = values[:-1]  # widgets that only show something leave nulls
    return len(values) - taken


def _by_name(parts: Parts, values: Mapping[str, Any], layout: Layout) -> None:
    for widget in list(parts.widgets):
        if widget.name in values and widget.sent and not widget.fixed:
            set_and_expand(parts, widget, values[widget.name])
        elif widget.spec.type == "EXTRA" and widget.value is None:
            widget.known = False  # not one of this node's: which extra ones it has may depend on another's choice
    for widget in parts.widgets:  # those that a dynamic combo has just added
        if "." in widget.name and widget.name in values:
            set_value(widget, values[widget.name])
    if layout.formats:
        _add_formats(parts.widgets, values, layout.formats)


def _add_formats(widgets: list[Widget], values: Mapping[str, Any], name: str) -> None:
    """Add the widgets that the choice of another brings, with what is stored or their defaults."""
    at = next((index for index, one in enumerate(widgets) if one.name == name), None)
    formats = widgets[at].spec.options.get("formats") if at is not None else None
    if at is None or not isinstance(formats, Mapping):
        return
    listed = formats.get(str(widgets[at].value))
    added = []
    for item in listed if isinstance(listed, list) else ():
        if isinstance(item, list) and len(item) > 1 and isinstance(item[0], str):
            spec = spec_of(item[0], item[1:], page=widgets[at].spec.page)
            added.append(Widget(spec.name, spec, values.get(spec.name, spec.default)))
    widgets[at + 1 :] = [*added, *(one for one in widgets[at + 1 :] if one.spec.type != "EXTRA" or not one.sent)]


def _collect(parts: Parts, values: list[Any], layout: Layout, properties: Mapping[str, Any]) -> None:
    """Make inputs of the stored objects that a node keeps one of for each of its rows."""
    rows = [value for value in values if isinstance(value, Mapping) and value.keys() >= set(layout.collect_keys)]
    for number, row in enumerate(rows, 1):
        kept = dict(row)
        for key, (name, wanted) in layout.collect_only.items():
            if properties.get(name) != wanted:
                kept.pop(key, None)
            elif kept.get(key) is None:
                kept[key] = 1  # as the pack does
        named = layout.collect_name.format(number)
        parts.widgets.append(Widget(named, InputSpec(named, "EXTRA"), kept))


def _without_holes(widgets: list[Widget], values: list[Any]) -> list[Any]:
    """Drop the nulls that the page saves for widgets without a place; it does not skip them itself, by mistake."""
    at = [index for index, widget in enumerate(widgets) if not widget.stored]
    if len(values) != len(widgets) or any(values[index] is not None for index in at):
        return values
    return [value for index, value in enumerate(values) if index not in at]


def _without_forced(specs: list[InputSpec], values: list[Any]) -> list[Any]:
    """Drop the values that old files keep for inputs which are sockets by now.

    The page recognizes them by their number alone, and pairs them without regard to control widgets.
    """
    counted = [spec for spec in specs if spec.is_widget or spec.forced]
    if sum(2 if spec.counts_twice else 1 for spec in counted) != len(values):
        return values
    return [value for index, value in enumerate(values) if index >= len(counted) or not counted[index].forced]


def _text_area(value: Any, page: Page) -> str:
    """Return the text that a text area of the page makes of a value."""
    text = as_text(value)
    return text if page.keeps_text else re.sub("\r\n?", "\n", text)


def as_text(value: Any) -> str:
    """Return a JSON value as JavaScript turns it into text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)):
        return _number_as_text(value)
    if isinstance(value, list):
        return ",".join(as_text(item) for item in value)
    return "[object Object]"


def _number_as_text(value: float) -> str:
    """Return a number in JavaScript's notation: every number is a double, and exponents come late."""
    try:
        number = float(value)
    except OverflowError:
        number = math.inf if value > 0 else -math.inf
    if not math.isfinite(number):
        return "NaN" if number != number else "Infinity" if number > 0 else "-Infinity"
    if number == 0:
        return "0"
    if 1e-6 <= abs(number) < 1e21:
        text = format(Decimal(repr(number)), "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    return re.sub(r"e([+-])0+", r"e\1", repr(number))


def _uploaded(spec: InputSpec, value: Any, initial: Any) -> Any:
    """Return a file's name with its folder, as nodes that load files name it."""
    folder = spec.options.get("image_folder", "input")
    if not value and value != []:
        return initial
    if isinstance(value, list):
        if spec.options.get("allow_batch"):
            return [_annotated(item, folder) for item in value]
        return _annotated(value[0], folder) if value else initial
    return _annotated(value, folder)


def _annotated(value: Any, folder: Any) -> str:
    if isinstance(value, str):
        return value if folder == "input" or _ANNOTATED.search(value) else f"{value} [{folder}]"
    if not isinstance(value, Mapping):
        return ""
    inside, name = value.get("subfolder"), as_text(value.get("filename"))
    path = f"{as_text(inside)}/{name}" if inside else name
    return f"{path} [{folder}]" if value.get("type") and folder != "input" else path


def patched_sampler(value: Any) -> Any:
    """Return a sampler's name without the prefix that old versions saved."""
    return value[len(_RENAMED_SAMPLERS) :] if isinstance(value, str) and value.startswith(_RENAMED_SAMPLERS) else value
