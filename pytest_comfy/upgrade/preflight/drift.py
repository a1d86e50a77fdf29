"""What changed of a node class: its definition in a golden run, beside the one of today."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...text import shown
from ...workflow.definitions import is_file_name
from ...workflow.graph.specs import InputSpec, definition_specs
from ...workflow.graph.types import type_name
from .renames import renamed

_BOUNDS = ("min", "max")
_NUMBERS = ("INT", "FLOAT")


@dataclass(frozen=True)
class Drift:
    """What is not as it was; an input stands in one of these only, by its present name.

    before, now  name -> input, in the order that the page has them in
    renamed    name -> the one that it had
    added      of them `needed` must have a value, and of them `ahead` stand in front of widgets that were there before
    removed    former names
    retyped    name -> the types that it had and has
    moved      widgets that stand in another order among those that are left
    required, optional  which were optional, or required
    ranges     name -> "min" or "max" -> the bounds that it had and has, "none" for none
    defaults   name -> the defaults that it had and has
    outputs    slot -> the types that it had and has; None for one that is no longer there
    lists      slots -> whether they are lists now
    output_node  whether it is an output node now, None where that did not change
    """

    before: Mapping[str, InputSpec] = field(default_factory=dict)
    now: Mapping[str, InputSpec] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    added: tuple[str, ...] = ()
    ahead: frozenset[str] = frozenset()
    removed: tuple[str, ...] = ()
    retyped: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    moved: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    ranges: Mapping[str, Mapping[str, tuple[str, str]]] = field(default_factory=dict)
    defaults: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    outputs: Mapping[int, tuple[str, str | None]] = field(default_factory=dict)
    lists: Mapping[int, bool] = field(default_factory=dict)
    output_node: bool | None = None

    @property
    def shifts(self) -> bool:
        """Whether values that a UI-form file keeps by position would be taken for those of other widgets."""
        places = [name for name, spec in self.before.items() if spec.is_widget]
        new_names = {old: new for new, old in self.renamed.items()}
        today = [name for name, spec in self.now.items() if spec.is_widget]
        return today[: len(places)] != [new_names.get(name, name) for name in places]


NOTHING = Drift()


def drift(before: Any, now: Any) -> Drift:
    """Compare two definitions of a class; the one of before may be trimmed, as golden runs keep it.

    Choices are not compared: whether those that a workflow uses are there is for validation to say.
    """
    if not isinstance(before, Mapping) or not isinstance(now, Mapping) or before == now:
        return NOTHING
    was = {one.name: one for one in definition_specs(before)}
    is_now = {one.name: one for one in definition_specs(now)}
    # Golden runs recorded by hand, or very old ones, may have no inputs at all: that is not known, and no change.
    if not isinstance(before.get("input"), Mapping):
        was = is_now
    names = renamed(list(was.values()), list(is_now.values()))
    pairs = {name: (was[names.get(name, name)], spec) for name, spec in is_now.items() if names.get(name, name) in was}
    added = tuple(name for name in is_now if name not in pairs)
    removed = tuple(name for name in was if name not in is_now and name not in names.values())
    retyped = {name: (a.type, b.type) for name, (a, b) in pairs.items() if _kind(a) != _kind(b)}
    same = {name: pair for name, pair in pairs.items() if name not in retyped and name not in names}
    ranges = {name: told for name, (a, b) in same.items() if (told := _range(a, b))}
    return Drift(
        before=was,
        now=is_now,
        renamed={name: old for name, old in names.items() if name not in retyped},
        added=added,
        ahead=_ahead(added, pairs, is_now),
        removed=removed,
        retyped=retyped,
        moved=_moved(was, {name: pair for name, pair in pairs.items() if name not in retyped}),
        required=tuple(name for name, (a, b) in same.items() if a.optional and not b.optional),
        optional=tuple(name for name, (a, b) in same.items() if b.optional and not a.optional),
        ranges=ranges,
        defaults={name: (a, b) for name, pair in same.items() if (found := _defaults(*pair)) for a, b in [found]},
        outputs=dict(_outputs(before, now)),
        lists=dict(_lists(before, now)),
        output_node=_output_node(before, now),
    )


def _kind(spec: InputSpec) -> tuple[str, bool]:
    # A socket that was a widget is wired in another way, and moves the values of the widgets behind it.
    return ",".join(sorted(part.strip() for part in spec.type.split(","))), spec.is_widget


def _ahead(added: tuple[str, ...], pairs: Mapping[str, Any], now: Mapping[str, InputSpec]) -> frozenset[str]:
    widgets = [name for name, spec in now.items() if spec.is_widget]
    last = max((at for at, name in enumerate(widgets) if name in pairs), default=-1)
    return frozenset(name for name in widgets[: last + 1] if name in added)


def _moved(was: Mapping[str, InputSpec], pairs: Mapping[str, tuple[InputSpec, InputSpec]]) -> tuple[str, ...]:
    """Return the widgets that are out of the order that they had: as few as explain it."""
    order = {name: at for at, name in enumerate(was)}
    widgets = [name for name, (_, spec) in pairs.items() if spec.is_widget]
    places = [order[pairs[name][0].name] for name in widgets]
    kept = _longest_rising(places)
    return tuple(name for name, place in zip(widgets, places, strict=True) if place not in kept)


def _longest_rising(numbers: list[int]) -> set[int]:
    best: list[list[int]] = []
    for number in numbers:
        best.append([*_longest([row for row in best if row[-1] < number]), number])
    return set(_longest(best))


def _longest(rows: list[list[int]]) -> list[int]:
    return max(rows, key=lambda row: len(row), default=[])


def _range(was: InputSpec, now: InputSpec) -> dict[str, tuple[str, str]]:
    changed = [key for key in _BOUNDS if now.type in _NUMBERS and was.options.get(key) != now.options.get(key)]
    return {key: (_bound(was, key), _bound(now, key)) for key in changed}


def _bound(spec: InputSpec, key: str) -> str:
    return shown(spec.options[key], 40) if spec.options.get(key) is not None else "none"


def _defaults(was: InputSpec, now: InputSpec) -> tuple[Any, Any] | None:
    before, today = was.options.get("default"), now.options.get("default")
    if before == today or _is_file(before) or _is_file(today):
        return None  # golden runs keep no names of files that the workflow does not use
    # Without a default a new widget has one by its type: 0, false or "".
    if now.is_widget and now.choices is None and was.default == now.default:
        return None
    return before, today


def _is_file(value: Any) -> bool:
    return isinstance(value, str) and is_file_name(value)


def _outputs(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[int, tuple[str, str | None]]]:
    was, today = before.get("output"), now.get("output")
    if not isinstance(was, list) or not isinstance(today, list):
        return
    for slot, kind in enumerate(was):
        if slot >= len(today):
            yield slot, (type_name(kind), None)
        elif type_name(kind) != type_name(today[slot]):
            yield slot, (type_name(kind), type_name(today[slot]))


def _lists(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[int, bool]]:
    was, today = before.get("output_is_list"), now.get("output_is_list")
    if isinstance(was, list) and isinstance(today, list):
        for slot, (one, other) in enumerate(zip(was, today, strict=False)):
            if bool(one) != bool(other):
                yield slot, bool(other)


def _output_node(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool | None:
    if "output_node" not in before or bool(before["output_node"]) == bool(now.get("output_node")):
        return None
    return bool(now.get("output_node"))
