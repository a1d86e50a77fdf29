"""PrimitiveNodes: they write their value into the widgets they are linked to, before anything else happens."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from ...text import shown
from .document import SavedLink
from .nodes import Graph, Node, nodes_within
from .result import ConversionError
from .specs import InputSpec
from .texts import Names, replaced
from .values import as_text, set_and_expand, set_value
from .versions import Page, page_of
from .widgets import Parts, Socket, Widget

REPLACES = "Run widget replace on values"
"""Property of a PrimitiveNode whose text is to be treated as file name prefixes are."""

_LARGEST = 1e300
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_OTHER_BASE = re.compile(r"0[xX][\da-fA-F]+|0[oO][0-7]+|0[bB][01]+")
_LEFT_OUT = frozenset(
    ("default", "forceInput", "defaultInput", "control_after_generate", "multiline", "tooltip", "dynamicPrompts")
)


@dataclass(frozen=True)
class Range:
    """What a number may be, from the options of an INT or FLOAT input."""

    kind: str
    options: Mapping[str, Any]
    page: Page = field(default_factory=lambda: page_of({}))

    def merged(self, other: InputSpec) -> Range | None:
        """Return what both allow; None when they do not go together."""
        if other.widget_type != self.kind:
            return None
        low, high = _number(self.options.get("min"), -math.inf), _number(self.options.get("max"), math.inf)
        low2, high2 = _number(other.options.get("min"), -math.inf), _number(other.options.get("max"), math.inf)
        if low > high2 or high < low2:
            return None
        steps = _number(self.options.get("step"), 1), _number(other.options.get("step"), 1)
        step = _common_multiple(*steps, 1e-10 if self.page.sends_inner_primitives else 0)
        shared = {"min": max(low, low2), "max": min(high, high2), "step": step}
        mine, theirs = {**self.options, **shared}, {**other.options, **shared}
        if any(mine.get(key) != theirs.get(key) for key in {*mine, *theirs} - _LEFT_OUT):
            return None
        return Range(self.kind, {**mine, **theirs}, self.page)

    def clamped(self, value: float) -> float:
        """Return the nearest value within the limits; 0 and 2048 where none are given."""
        return min(max(value, _number(self.options.get("min"), 0)), _number(self.options.get("max"), 2048))

    def rounded(self, value: float) -> float:
        """Return the value that the page's number widget makes of one that is set from outside."""
        try:
            return self._whole(value) if self.kind == "INT" else self._decimal(value)
        except (OverflowError, ValueError):  # steps that are no steps, such as 1e308
            return value

    def _whole(self, value: float) -> float:
        step = _number(self.options.get("step"), 1) or 1
        if step == 1:
            return _half_up(value)
        low = _number(self.options.get("min"), 0)
        offset = math.fmod(low, step) if math.isfinite(low) else 0
        return _half_up((value - offset) / step) * step + offset

    def _decimal(self, value: float) -> float:
        step = _number(self.options.get("step"), 0.5)
        digits = max(0, -math.floor(math.log10(step))) if step > 0 else 0
        told = _number(self.options.get("round"), 0)
        to = told or (10.0**-digits if digits else 0)
        if not to:
            return value
        return self.clamped(_fixed(_half_up(value / to) * to, digits))


def apply(graph: Graph, page: Page, date: datetime) -> None:
    """Write the values of a graph's PrimitiveNodes into their targets; `date` is for texts that have one.

    Raises ConversionError where a page before 1.35 fails: on a linked PrimitiveNode within a subgraph.
    """
    names = functools.cache(lambda: Names(nodes_within(graph), page))
    for node in graph.nodes.values():
        if node.virtual != "primitive":
            continue
        outputs = node.saved.outputs
        if graph.saved.id and not page.sends_inner_primitives and outputs and outputs[0].links:
            raise ConversionError(
                f"{graph.saved.where(node.label)}: the page of this ComfyUI cannot send a PrimitiveNode within a "
                "subgraph: set the value at its target, or upgrade ComfyUI"
            )
        _apply(graph, node, names, date, page)


def _apply(graph: Graph, primitive: Node, names: Callable[[], Names], date: datetime, page: Page) -> None:
    ends, targets = _ends(graph, primitive)
    if not targets:
        return
    where = graph.saved.where(primitive.label)
    first = _shown(ends[0])
    if first is None:
        raise ConversionError(
            f"{where}: its first link leads to no widget, so that ComfyUI's page loses its value: connect it straight "
            "to the inputs that it is for"
        )
    stored = primitive.saved.values
    value = stored[0] if isinstance(stored, list) and stored else first.value
    value = _as_shown(first, value, targets, page)
    if value and value == value and primitive.saved.properties.get(REPLACES):
        if not isinstance(value, str):
            raise ConversionError(
                f"{where}: {REPLACES!r} is set, which is for texts only, and its value is {shown(value)}: unset it"
            )
        value = replaced(value, names, date)
    for node, widget in targets:
        set_and_expand(Parts(node.sockets, node.widgets), widget, _as_taken(widget, value))


def written_to(graph: Graph, primitive: Node, value: Any) -> list[tuple[Node, Widget, Any]]:
    """Return the widgets that a PrimitiveNode is linked to, and what a value of its becomes in each."""
    ends, targets = _ends(graph, primitive)
    first = _shown(ends[0]) if targets else None
    if first is None:
        return []
    shown_there = _as_shown(first, value, targets, first.spec.page)
    return [(node, widget, _as_taken(widget, shown_there)) for node, widget in targets]


def _ends(graph: Graph, primitive: Node) -> tuple[list[tuple[Node, Socket] | None], list[tuple[Node, Widget]]]:
    """Return where the links of a PrimitiveNode lead, and those of the ends that are widgets."""
    links = [_link(graph, primitive, name) for slot in primitive.saved.outputs[:1] for name in slot.links]
    ends = [_end(graph, link) for link in links]
    return ends, [(node, socket.widget) for node, socket in filter(None, ends) if socket.widget is not None]


def _as_shown(first: Widget, value: Any, targets: list[tuple[Node, Widget]], page: Page) -> Any:
    """Return a value as the widget of a PrimitiveNode has it, which is a copy of its first target's."""
    if first.spec.widget_type in ("INT", "FLOAT"):
        return _narrowed(value, Range(first.spec.widget_type, first.spec.options, page), targets)
    if first.spec.widget_type in ("STRING", "MARKDOWN"):
        shown_there = Widget(first.name, first.spec)
        set_value(shown_there, value)
        return shown_there.value
    return value


def _as_taken(widget: Widget, value: Any) -> Any:
    """Return what a target makes of a value that is set from outside."""
    if widget.spec.widget_type not in ("INT", "FLOAT"):
        return value
    mine = tidy(Range(widget.spec.widget_type, widget.spec.options).rounded(as_number(value)))
    return mine if mine == mine and abs(mine) != math.inf else None  # JSON has no NaN


def _link(graph: Graph, primitive: Node, link_id: str) -> SavedLink:
    link = graph.saved.links.get(link_id)
    if link is None:
        raise ConversionError(
            f"{graph.saved.where(primitive.label)}: link {link_id} is not in the file's table of links: connect the "
            "node again in ComfyUI and save"
        )
    return link


def _end(graph: Graph, link: SavedLink) -> tuple[Node, Socket] | None:
    """Return the input that a link leads to: the one that names it, else the one that it names."""
    node = graph.nodes.get(link.target)
    if node is None:
        return None
    socket = node.fed_by(link.id)
    if socket is None and 0 <= link.target_slot < len(node.sockets):
        socket = node.sockets[link.target_slot]
    return None if socket is None else (node, socket)


def _shown(end: tuple[Node, Socket] | None) -> Widget | None:
    """Return the widget that a PrimitiveNode copies, which may be one made up for a socket of a plain type."""
    if end is None:
        return None
    _, socket = end
    if socket.widget is not None:
        return socket.widget
    spec = InputSpec(socket.name, socket.type)
    return Widget(socket.name, spec, spec.default) if spec.is_widget else None


def _narrowed(value: Any, allowed: Range, targets: list[tuple[Node, Widget]]) -> Any:
    """Return a number as all targets allow it, one after the other as the page goes through them."""
    number = as_number(value)
    if not _is_number(number):
        return number
    for _, widget in targets:
        merged = allowed.merged(widget.spec)
        if merged is not None:
            allowed = merged
            number = allowed.rounded(allowed.clamped(number))
    return tidy(number)


def as_number(value: Any) -> float:
    """Return the number that JavaScript makes of a JSON value where it calculates, NaN for what is none.

    Nothing is 0 and true is 1; texts are read, and lists as texts.
    """
    if value is None or isinstance(value, bool):
        return int(bool(value))
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, Mapping):
        return math.nan
    text = as_text(value).strip()
    if _DECIMAL.fullmatch(text):
        return tidy(float(text))
    if _OTHER_BASE.fullmatch(text):
        return int(text, 0)
    return math.nan if text else 0


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _LARGEST


def _number(value: Any, default: float) -> float:
    """Return a number of an option, infinite ones included; else the default."""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or value != value:
        return default
    return value if abs(value) < _LARGEST else math.inf if value > 0 else -math.inf


def _half_up(value: float) -> float:
    return value if isinstance(value, int) else math.floor(value + 0.5)


def _fixed(value: float, digits: int) -> float:
    """Round to so many decimal places, halves away from zero, as JavaScript writes them."""
    if not math.isfinite(value) or abs(value) >= 1e21:
        return value
    return float(Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))


def _common_multiple(first: float, second: float, least: float) -> float:
    """Return the least common multiple; `least` is what the page takes for no remainder."""
    one, other = abs(first), abs(second)
    if not one or not other:
        return 0.0
    if max(one, other) >= 1e150:  # whose product may be beyond what can be calculated
        return math.inf
    for _ in range(100):  # steps are fractions that have no exact form: the rest never quite becomes 0
        if other <= least:
            break
        one, other = other, math.fmod(one, other)
    return tidy(abs(first * second) / one)


def tidy(value: float) -> float:
    """Return whole numbers as int: JSON of JavaScript does not tell 8.0 from 8."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
