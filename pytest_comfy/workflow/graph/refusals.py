"""What is wrong or suspicious about a conversion, node by node."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from ...text import listed, plain, shown
from .emit import Emission, Sent
from .nodes import Node
from .specs import CAPTURES, DYNAMIC_COMBO, InputSpec
from .widgets import Widget

_VIEW = "viewport_state"
"""What the page knows of how a 3D scene is looked at: camera, lights, models in it."""
_OF_VIEW = ("LOAD3D_CAMERA", "LOAD3D_MODEL_INFO")
_CONTROLLED = ("randomize", "increment", "decrement", "increment-wrap")
_CONTROLS = ("fixed", *_CONTROLLED)
_SETTLED = (1, 16)
"""Version of the front-end from which on every widget keeps a socket in the file, so that nothing is guessed."""


def misfits(emission: Emission) -> Iterator[str]:
    """Yield what cannot be meant, a sentence each: values of the wrong type, and places that do not add up."""
    for sent in emission.sent.values():
        counted = _count_told(sent.node)
        bad = [name for name, widget in sent.values.items() if not fits(widget, widget.value)]
        for name in bad:
            widget = sent.values[name]
            yield (
                f"{sent.frame.where(sent.node, name)}: {shown(widget.value)} is saved where {_kind(widget.spec)} "
                f"belongs{counted}: open the workflow in ComfyUI, set the values again and save"
            )
        for name in _unknown_options(sent):
            bad.append(name)
            yield (
                f"{sent.frame.where(sent.node, name)}: the server does not have the option "
                f"{shown(sent.values[name].value)}, and how many of the values behind it are its own is not told: "
                "choose another in ComfyUI and save, or upgrade the server"
            )
        if sent.node.naming.is_puzzle and not (bad and sent.node.naming.settled):
            yield _puzzle(sent)
        elif not bad and _is_foreign(sent.node) and (sent.node.surplus or 0) > 0 and not _declared(sent.node):
            yield (
                f"{sent.frame.where(sent.node)}{counted}: JavaScript of its node pack adds widgets, and nothing says "
                f"which: declare them for {sent.node.type!r} in comfy-widgets.toml or by pytest_comfy_widgets"
            )


def _unknown_options(sent: Sent) -> Iterator[str]:
    """Yield the dynamic combos by whose option the places of later values go, and whose option is not known."""
    values = sent.node.saved.values
    if sent.node.naming.settled or not isinstance(values, list):
        return
    stored = len(values) - next((at for at, value in enumerate(reversed(values)) if value is not None), len(values))
    for name, widget in sent.values.items():
        chosen = widget.value
        is_lost = widget.spec.widget_type == DYNAMIC_COMBO and chosen not in (widget.spec.choices or ())
        if is_lost and chosen in values and values.index(chosen) < stored - 1:
            yield name


def _puzzle(sent: Sent) -> str:
    naming = sent.node.naming
    return (
        f"{sent.frame.where(sent.node)}: has values named {_names(naming.unknown)}, which its class does not have, and "
        f"none for {_names(naming.unnamed)}, which it has: open the workflow in ComfyUI, set the values again and save"
    )


def _names(names: tuple[str, ...]) -> str:
    return listed([repr(plain(name, 80)) for name in names], 10)


def captures(emission: Emission) -> Iterator[str]:
    """Yield the inputs whose value only the page can make, by a camera or a microphone, and that are used."""
    for sent, name, is_used in _captured(emission):
        if is_used:
            yield (
                f"{sent.frame.where(sent.node, name)}: what is recorded, filmed or rendered on the page is not in the "
                "file: load it from a file instead, or set the input"
            )


def _captured(emission: Emission) -> Iterator[tuple[Sent, str, bool]]:
    """Yield the inputs that only the page has a value for, and whether a run depends on it.

    Where it is a view of a scene, servers do without; what comes of it are the outputs that tell of the view.
    """
    linked: dict[str, set[int]] = {}
    for sent in emission.sent.values():
        for value in sent.inputs.values():
            if isinstance(value, list):
                linked.setdefault(value[0], set()).add(value[1])
    for sent in emission.sent.values():
        for name, widget in sent.values.items():
            if widget.spec.widget_type not in CAPTURES or widget.value:
                continue
            slots = linked.get(sent.id, set())
            if name == _VIEW:
                yield sent, name, any(kind in _OF_VIEW and at in slots for at, kind in enumerate(sent.node.outputs))
            else:
                yield sent, name, bool(slots or (sent.node.definition or {}).get("output_node"))


def warnings(emission: Emission, frontend: str) -> Iterator[str]:
    """Yield what is legal, but perhaps not meant."""
    version = _version(frontend)
    if version and version < _SETTLED:
        yield (
            f"saved by the front-end {plain(frontend, 20)}, before 1.16: open and save it in a later one, as values "
            "of converted widgets may have moved"
        )
    for sent in emission.sent.values():
        where = sent.frame.where
        surplus = sent.node.surplus
        if surplus is None and not _declared(sent.node):
            yield f"{where(sent.node)}: its values are saved by name, and are taken as inputs of these names"
        elif surplus:
            yield f"{where(sent.node)}{_count_told(sent.node)}; the values that are there fit"
        for name, widget in sent.values.items():
            if sent.node.layout.chosen and name == sent.node.widgets[0].name:
                # Its choices are other widgets of the node.
                if sent.inputs.get(sent.node.layout.chosen) == -1:
                    yield f"{where(sent.node, name)}: {shown(widget.value)} is none of the node's own options"
            elif _not_offered(widget):
                yield f"{where(sent.node, name)}: {shown(widget.value)} is none of the choices that the server offers"
        yield from disputes(sent.node, sent.frame.where(sent.node))
        for name, control in _controls(sent):
            stays = shown(sent.inputs[name])
            yield f"{where(sent.node, name)}: is set to {control!r} on the page; here it stays {stays}"
    for sent, name, is_used in _captured(emission):
        if name == _VIEW and not is_used:
            told = "the page sends how it shows the scene, which is not in the file: here nothing is sent of it"
            yield f"{sent.frame.where(sent.node, name)}: {told}"


def disputes(node: Node, where: str) -> Iterator[str]:
    """Yield the values that are others by name than by position, where either could be meant."""
    for one in node.naming.disputes:
        widget = node.widget(one.name)
        if widget is None or not (fits(widget, one.named) and fits(widget, one.positioned)):
            continue
        told = f"is {shown(one.named)} by its name in the file and {shown(one.positioned)} by its position"
        if one.taken:
            sends = "ComfyUI's page, which goes by position unless told otherwise, sends the other"
            yield f"{where} > {one.name}: {told}: the name counts here; {sends}"
        else:
            yield f"{where} > {one.name}: {told}: the position counts here, as on ComfyUI's page"


def fits(widget: Widget, value: Any) -> bool:
    """Whether a server could make a value of the widget's type of what is stored."""
    kind = widget.spec.widget_type
    if kind in ("INT", "FLOAT"):
        return _is_number(value, kind == "INT")
    if kind == "BOOLEAN":
        return isinstance(value, (bool, int, float)) or value in ("true", "false", "True", "False", "")
    if kind == "STRING":
        return not isinstance(value, (list, Mapping))
    if kind == "COMBO" and widget.spec.choices and not widget.spec.options.get("multiselect"):
        if value in _CONTROLS and value not in widget.spec.choices:
            return False  # the place of a control widget: what is saved and what is there do not go together
        return widget.spec.is_upload or _plain_type(value) in _kinds_of(widget.spec)
    return True


def _is_number(value: Any, whole: bool) -> bool:
    if isinstance(value, str):
        try:
            found = float(value) if not whole else int(value)
        except ValueError:
            return False
        return math.isfinite(found)
    return isinstance(value, (int, float))


def _kinds_of(spec: InputSpec) -> frozenset[str]:
    """Return the types of a combo's choices; kept with them, as every node of the class asks."""
    if spec.choice_kinds is None:
        spec.choice_kinds = frozenset(_plain_type(choice) for choice in spec.choices or ())
    return spec.choice_kinds


def _plain_type(value: Any) -> str:
    if isinstance(value, bool):
        return "flag"
    return "number" if isinstance(value, (int, float)) else type(value).__name__


def _kind(spec: InputSpec) -> str:
    names = {"INT": "a whole number", "FLOAT": "a number", "BOOLEAN": "true or false", "STRING": "a text"}
    return names.get(spec.widget_type, "one of its choices")


def _count_told(node: Node) -> str:
    values = node.saved.values
    if not node.surplus or not isinstance(values, list):
        return ""
    return f" ({len(values)} values are saved for {len(values) - node.surplus} widgets)"


def _is_foreign(node: Node) -> bool:
    module = (node.definition or {}).get("python_module")
    return isinstance(module, str) and module.split(".")[0] == "custom_nodes"


def _declared(node: Node) -> bool:
    layout = node.layout
    return layout.named or bool(layout.collect_keys) or len(layout.widgets) > 1 or layout.control is not None


def _not_offered(widget: Widget) -> bool:
    spec = widget.spec
    if (
        spec.widget_type not in ("COMBO", DYNAMIC_COMBO)
        or spec.choices is None
        or spec.is_upload
        or spec.options.get("remote")
    ):
        return False
    chosen = widget.value if isinstance(widget.value, list) else [widget.value]
    return any(value not in spec.choices for value in chosen)


def _controls(sent: Sent) -> Iterator[tuple[str, str]]:
    """Yield (input, control) of the values that the page would change after a run."""
    before = ""
    for widget in sent.node.widgets:
        if widget.of_control and before in sent.values and widget.value in _CONTROLLED:
            yield before, widget.value
        if not widget.of_control:
            before = widget.name


def _version(text: str) -> tuple[int, ...]:
    parts = text.split(".")[:2]
    return tuple(int(part) for part in parts) if all(part.isdecimal() and len(part) < 6 for part in parts) else ()
