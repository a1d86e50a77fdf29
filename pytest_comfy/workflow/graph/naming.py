"""`widgets_values_named`: what later pages save beside `widgets_values`, input name -> value.

It tells what the places meant to the page that saved them: they may be in another order than the definition's, when
JavaScript orders them or the class has changed since.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .layouts import Layout
from .specs import DYNAMIC_COMBO
from .values import set_and_expand, set_value
from .widgets import CONTROL, Parts, Widget

_CONTROLS = (CONTROL, "control_filter_list")


@dataclass(frozen=True, slots=True)
class Dispute:
    """A value that is one thing by name and another by position.

    taken  whether that of the name is the one that is sent
    """

    name: str
    named: Any
    positioned: Any
    taken: bool


@dataclass(frozen=True, slots=True)
class Naming:
    """What the names of a node's values tell.

    disputes  values that are others by position
    unknown   names that have a value and that the class does not have
    unnamed   widgets of the class that the file does not name
    settled   whether the values are those of the names
    """

    disputes: tuple[Dispute, ...] = ()
    unknown: tuple[str, ...] = ()
    unnamed: tuple[str, ...] = ()
    settled: bool = False

    @property
    def is_puzzle(self) -> bool:
        """Whether an unknown name may be one that the class has under another."""
        return bool(self.unknown and self.unnamed)


NOTHING = Naming()


def settle(placed: Parts, fresh: Parts, told: Any, layout: Layout, *, surplus: int | None, strict: bool) -> Naming:
    """Compare the values by position with those by name, and leave in `placed` those that count.

    placed   the parts of a node with their values by position; `surplus` of which have no widget
    fresh    the parts of a new node of the class; they are used up
    strict   whether names count that the page of the file's version would not go by: where a value was changed in
             one of the two places only, and where the class lacks some of the names

    Where the names are in the order of the widgets, the places are what the page takes them for.
    """
    if not isinstance(told, Mapping) or not told or surplus is None or layout.grows or layout.collect_keys:
        return NOTHING
    _fill(fresh, told)
    mine = [one.name for one in fresh.widgets if _counts(one)]
    theirs = [name for name in told if name in mine]
    known = {one.name for one in fresh.widgets} | {*_CONTROLS}
    lost = [name for name, value in told.items() if name not in known and value is not None]
    unknown = tuple(name for name in lost if not _is_of_option(fresh, name))
    unnamed = tuple(name for name in mine if name not in told)
    moved = bool(lost or unnamed or surplus) or theirs != [name for name in mine if name in told]
    found = Naming(unknown=unknown, unnamed=unnamed)
    differ = _differing(placed, fresh, theirs)
    if not differ or found.is_puzzle:
        return found if moved else NOTHING
    taken = strict or (moved and not lost)
    if taken:
        placed.widgets[:], placed.sockets[:] = fresh.widgets, fresh.sockets
    disputes = tuple(Dispute(name, named, positioned, taken) for name, named, positioned in differ)
    return Naming(disputes, unknown, unnamed, taken)


def settle_exposed(widgets: list[Widget], told: Any, *, strict: bool) -> Naming:
    """Do the same for the widgets that an instance of a subgraph exposes, whose values by position they have.

    The places move where a class within has lost an input that the instance exposes. Names that are none of the
    widgets' may be such inputs, or labels: nothing is taken from them.
    """
    mine = {one.name: one for one in widgets}
    if not isinstance(told, Mapping) or len(mine) != len(widgets):
        return NOTHING
    theirs = [name for name in told if name in mine]
    lost = any(value is not None for name, value in told.items() if name not in mine)
    moved = lost or theirs != [name for name in mine if name in told]
    rows = []
    for name in theirs:
        named, placed = told[name], mine[name].value
        if named is not None and named != placed:
            rows.append((name, named, placed))
    taken = strict or (moved and not lost)
    for name, named, _ in rows if taken else ():
        set_value(mine[name], named)
    return Naming(tuple(Dispute(*row, taken) for row in rows), settled=taken and bool(rows))


def _fill(parts: Parts, told: Mapping[str, Any]) -> None:
    at = 0
    while at < len(parts.widgets):  # which grow by what a dynamic combo adds
        widget = parts.widgets[at]
        at += 1
        if widget.name in told and widget.stored and not widget.fixed:
            set_and_expand(parts, widget, told[widget.name])


def _counts(widget: Widget) -> bool:
    return widget.stored and widget.sent and not widget.fixed and widget.spec.type != "EXTRA"


def _is_of_option(parts: Parts, name: str) -> bool:
    """Whether a name is one of what an option brings that the server does not have."""
    combos = (one for one in parts.widgets if one.spec.widget_type == DYNAMIC_COMBO)
    return any(name.startswith(f"{one.name}.") and one.value not in (one.spec.choices or ()) for one in combos)


def _differing(placed: Parts, fresh: Parts, names: list[str]) -> list[tuple[str, Any, Any]]:
    by_position = {one.name: one.value for one in placed.widgets if one.known}
    by_name = {one.name: one.value for one in fresh.widgets}
    rows = [(name, by_name[name], by_position.get(name)) for name in names]
    return [row for row in rows if row[1] != row[2]]
