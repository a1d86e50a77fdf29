"""The widgets and sockets of a node, as the page builds them from its definition."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .layouts import REST, Layout, Place, by_option
from .specs import (
    AUTOGROW,
    BOX,
    DYNAMIC_COMBO,
    DYNAMIC_GROUP,
    MATCH_TYPE,
    SELECTING,
    UPLOADS,
    InputSpec,
    dynamic_options,
    specs_of,
    template_specs,
)
from .types import ANY
from .versions import Page

CONTROL = "control_after_generate"
AUTO_REFRESH = "Auto-refresh after generation"
"""Of a choice whose options a server has: whether they are read anew after a run."""
_MOST_STEPS = 100
"""Steps of an autogrow group that does not say how many it may have."""


@dataclass(slots=True)
class Widget:
    """A value that a person can set at a node.

    spec    the input it belongs to; for an extra one a spec without options
    stored  whether it has a place in widgets_values
    sent    whether it goes into the prompt
    value   None where the page has `undefined` or null
    known   False where the page has `undefined`: it sends nothing then
    fixed   whether it keeps its value whatever is stored
    """

    name: str
    spec: InputSpec
    value: Any = None
    stored: bool = True
    sent: bool = True
    known: bool = True
    of_control: bool = False
    fixed: bool = False

    def copy(self) -> Widget:
        """Return the same widget for another node."""
        return Widget(self.name, self.spec, self.value, self.stored, self.sent, self.known, self.of_control, self.fixed)


@dataclass(slots=True)
class Socket:
    """An input that can be linked; `widget` is the widget whose value a link replaces."""

    name: str
    type: str
    link: str | None = None
    widget: Widget | None = None
    spec: InputSpec | None = None


@dataclass(slots=True)
class Parts:
    """Sockets and widgets of a node in the page's order."""

    sockets: list[Socket] = field(default_factory=list)
    widgets: list[Widget] = field(default_factory=list)

    def copy(self) -> Parts:
        """Return the same for another node of the class, with widgets and sockets of its own."""
        widgets = [one.copy() for one in self.widgets]
        own = {id(one): new for one, new in zip(self.widgets, widgets, strict=True)}
        sockets = []
        for one in self.sockets:
            # A layout may leave out a widget that has a socket.
            widget = None if one.widget is None else own.get(id(one.widget)) or one.widget.copy()
            sockets.append(Socket(one.name, one.type, one.link, widget, one.spec))
        return Parts(sockets, widgets)


def build(specs: Iterable[InputSpec], layout: Layout, page: Page) -> Parts:
    """Build the widgets and sockets of a new node: plain sockets first, then those of widgets."""
    specs = list(specs)
    plain, fields = Parts(), Parts()
    for spec in specs:
        _add(spec, fields if spec.is_widget else plain)
    _set_controls(fields.widgets, layout)
    for each in [_upload_layout(specs), layout]:
        if each is not None:
            fields.widgets = list(_arranged(fields.widgets, each.places(page)))
    if layout.grows:
        grow(fields.widgets, layout)
    return Parts([*plain.sockets, *fields.sockets], [*plain.widgets, *fields.widgets])


def grow(widgets: list[Widget], layout: Layout) -> None:
    """Add one of the widgets of which there are as many as a person fills in."""
    widgets.append(_extra(layout.grows.format(len(widgets) - 1), ""))


def expand(widget: Widget) -> Parts:
    """Build what the option of a dynamic combo or the rows of a dynamic group add; unknown options add nothing.

    They are named "combo.input", "group.0.input".
    """
    added = Parts()
    for spec in added_specs(widget):
        _add(spec, added)
    return added


def added_specs(widget: Widget) -> Iterator[InputSpec]:
    """Yield the inputs that the option of a dynamic combo or the rows of a dynamic group add, by their full names."""
    if widget.spec.widget_type not in SELECTING:
        return
    for spec in _option_specs(widget) if widget.spec.widget_type == DYNAMIC_COMBO else _row_specs(widget):
        spec.name = f"{widget.name}.{spec.name}"
        yield spec


def is_of_other_option(widgets: list[Widget], name: str) -> bool:
    """Whether an input is named as one of a dynamic combo, which the chosen option does not have.

    The steps of its autogrow groups are its own, however many.
    """
    combos = [one for one in widgets if one.spec.widget_type == DYNAMIC_COMBO and name.startswith(f"{one.name}.")]
    if not combos:
        return False
    inner = max(combos, key=lambda one: len(one.name))
    groups = [one.name for one in _option_specs(inner) if one.type == AUTOGROW]
    return not any(name.startswith(f"{inner.name}.{group}.") for group in groups)


def _option_specs(widget: Widget) -> list[InputSpec]:
    chosen = dynamic_options(widget.spec.options).get(widget.value) if isinstance(widget.value, str) else None
    return specs_of(chosen, page=widget.spec.page)


def _row_specs(widget: Widget) -> Iterator[InputSpec]:
    for row in range(widget.spec.rows(widget.value)):
        for spec in specs_of(widget.spec.options.get("template"), page=widget.spec.page):
            spec.name = f"{row}.{spec.name}"
            yield spec


def reselect(parts: Parts, widget: Widget) -> None:
    """Replace what a dynamic combo or group had added by what its present value adds."""
    prefix = f"{widget.name}."
    parts.widgets[:] = list(_without(parts.widgets, prefix))
    parts.sockets[:] = [one for one in parts.sockets if not one.name.startswith(prefix)]
    added = expand(widget)
    at = next(index for index, one in enumerate(parts.widgets) if one is widget) + 1
    parts.widgets[at:at] = added.widgets
    at = next((index for index, one in enumerate(parts.sockets) if one.widget is widget), len(parts.sockets) - 1) + 1
    parts.sockets[at:at] = added.sockets
    for inner in added.widgets:
        if inner.spec.widget_type in SELECTING:
            reselect(parts, inner)


def _without(widgets: list[Widget], prefix: str) -> Iterator[Widget]:
    """Yield the widgets that are not named so, nor the controls of one that is."""
    gone = False
    for widget in widgets:
        gone = gone if widget.of_control else widget.name.startswith(prefix)
        if not gone:
            yield widget


def _add(spec: InputSpec, parts: Parts) -> None:
    if spec.type == AUTOGROW:
        _add_group(spec, parts)
    elif spec.type == MATCH_TYPE:
        allowed = _template(spec).get("allowed_types")
        parts.sockets.append(Socket(spec.name, allowed if isinstance(allowed, str) else ANY, spec=spec))
    elif not spec.is_widget:
        parts.sockets.append(Socket(spec.name, spec.type, spec=spec))
    else:
        widget = Widget(spec.name, spec, spec.default)
        widget.known = widget.value is not None
        if widget.value is None and spec.is_upload:
            widget.value, widget.known = "undefined", True  # the page makes text of what is not there
        if spec.widget_type == "IMAGECOMPARE" and spec.page.fixes_comparisons:
            widget.value, widget.known, widget.stored = ["", ""], True, False
        if spec.widget_type == "RESOLUTION_PREVIEW":
            widget.stored = widget.sent = False
        parts.widgets.append(widget)
        parts.widgets += _controls(spec)
        parts.widgets += _companions(spec)
        if not (spec.options.get("socketless") or spec.widget_type == DYNAMIC_GROUP):
            parts.sockets.append(Socket(spec.name, spec.type, widget=widget, spec=spec))
        if spec.widget_type in SELECTING:
            widget.sent = spec.widget_type == DYNAMIC_COMBO
            reselect(parts, widget)


def _add_group(spec: InputSpec, parts: Parts) -> None:
    """Add the steps of an autogrow group that are always there."""
    least = _template(spec).get("min", 1)
    steps = (least if isinstance(least, int) else 1) + spec.page.grows_ahead
    for ordinal in range(min(steps, _MOST_STEPS)):
        for added in group_step(spec, ordinal):
            _add(added, parts)


def group_step(spec: InputSpec, ordinal: int) -> Iterator[InputSpec]:
    """Yield the inputs of one step of an autogrow group, under the names the page gives them."""
    template = _template(spec)
    names, several = template.get("names"), list(template_specs(template, spec.page))
    most = template.get("max", _MOST_STEPS)
    if not isinstance(names, list) and ordinal >= (most if isinstance(most, int) else _MOST_STEPS):
        return
    for added in several:
        if isinstance(names, list):
            if ordinal >= len(names):
                return
            base = str(names[ordinal])
        else:
            base = f"{template.get('prefix') or '' if len(several) == 1 else added.name}{ordinal}"
        added.name = f"{spec.name}.{base}"
        yield added


def _template(spec: InputSpec) -> Mapping[str, Any]:
    template = spec.options.get("template")
    return template if isinstance(template, Mapping) else {}


def _controls(spec: InputSpec) -> Iterator[Widget]:
    """Yield the widgets that tell what becomes of a value after a run: they are stored, but never sent."""
    if spec.is_control:
        told = spec.options.get("control_after_generate")
        yield _control(told if isinstance(told, str) else CONTROL)
        if spec.widget_type == "COMBO":
            yield _control("control_filter_list")


def _companions(spec: InputSpec) -> Iterator[Widget]:
    """Yield the further widgets that the page makes for an input, and that have places in widgets_values."""
    if spec.widget_type == "BOUNDING_BOX":
        for name in BOX:
            yield Widget(name, InputSpec(name, "EXTRA"), sent=False)
    remote = spec.options.get("remote")
    if spec.widget_type == "COMBO" and isinstance(remote, Mapping):
        yield Widget(AUTO_REFRESH, InputSpec(AUTO_REFRESH, "EXTRA"), sent=False)
        if remote.get("refresh_button"):
            yield Widget("refresh", InputSpec("refresh", "EXTRA"), "refresh")


def _control(name: str) -> Widget:
    return Widget(name, InputSpec(name, "CONTROL"), sent=False, of_control=True)


def _set_controls(widgets: list[Widget], layout: Layout) -> None:
    """Move the control widgets to where a layout has them."""
    if layout.control is None:
        return
    kept = [widget for widget in widgets if not widget.of_control]
    widgets.clear()
    for widget in kept:
        widgets.append(widget)
        if widget.name in layout.control:
            widgets.append(_control(CONTROL))


def _upload_layout(specs: list[InputSpec]) -> Layout | None:
    """Return what the first required input for files adds to the widgets."""
    for spec in specs:
        if spec.optional or spec.widget_type != "COMBO":
            continue
        if spec.options.get("audio_upload") and spec.name == "audio":
            return by_option()["audio_upload"]
        for option in UPLOADS:
            if spec.options.get(option) is True:
                return by_option()[option]
    return None


def _arranged(widgets: list[Widget], places: tuple[Place, ...]) -> Iterator[Widget]:
    """Yield widgets as a layout has them; a widget keeps those that belong to it and follow it."""
    groups: dict[str, list[Widget]] = {}
    head = ""
    for widget in widgets:
        if head and (widget.of_control or widget.name.startswith(f"{head}.")):
            groups[head].append(widget)
        else:
            head = widget.name
            groups[head] = [widget]
    named = {place.name for place in places}
    for place in places:
        if place.name == REST:
            for name, group in groups.items():
                if name not in named:
                    yield from group
        elif place.name in groups:
            yield from _placed(groups[place.name], place)
        else:
            extra = _extra(place.name, place.value)
            extra.stored, extra.sent, extra.fixed = place.stored, place.sent, place.fixed
            yield extra


def _placed(group: list[Widget], place: Place) -> Iterator[Widget]:
    group[0].stored, group[0].sent, group[0].fixed = place.stored, place.sent, place.fixed
    if place.value is not None:
        group[0].value, group[0].known = place.value, True
    yield from group


def _extra(name: str, value: Any) -> Widget:
    return Widget(name, InputSpec(name, "EXTRA"), value)
