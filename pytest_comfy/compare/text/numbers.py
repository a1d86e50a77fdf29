"""Compare texts that are equal but for their numbers, which may move."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from ..figures import figure
from ..lines import decoded, first_difference, shorten
from ..result import Comparison, Part, hard_failure, identical
from ..rules import TextRule
from ..tolerance import Tolerance
from .documents import MISSING, document, leaves, same, told

_NUMBER = re.compile(r"[ \t]*[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
"""A number as programs write them. Spaces before it are its own: columns are padded by the length of numbers."""

_LEAST = 2.0**-53
"""Relative distance of numbers that differ in digits which a double does not hold."""


@dataclass(frozen=True)
class _Moved:
    """A number at a place of the text, and how far it is from the golden one by its two measures."""

    place: str
    before: str
    after: str
    relative: float
    absolute: float

    def judged(self, relative: float, absolute: float) -> tuple[Part, str]:
        """Return the measure that keeps its limit better, and what follows its figures."""
        measured = (Part(self.relative, relative), " %"), (Part(self.absolute, absolute), "")
        return min(measured, key=lambda one: one[0].distance)


def compare_numbers(golden: bytes, actual: bytes, tolerance: Tolerance, rule: TextRule) -> Comparison:
    """Compare texts, or JSON where both are an object or array; numbers may move within the rule's limits.

    A number passes that keeps the relative or the absolute limit. Texts that differ in more are as different as
    by the exact rule. Part `numbers` is of the number that moved most.
    """
    try:
        found = list(_moved(golden, actual))
    except _OtherText as other:
        return hard_failure(("text",), str(other), tolerance.name)
    if not found:
        return identical("text and numbers are equal", tolerance.name)
    relative, absolute = rule.relative, rule.absolute
    if relative is None:
        relative = tolerance.limit("numbers") if absolute is None else 0.0
    limits = relative, absolute or 0.0
    worst = max(found, key=lambda number: (number.judged(*limits)[0].distance, number.relative))
    part, per_cent = worst.judged(*limits)
    unit = 100 if per_cent else 1
    moved, allowed = (f"{figure(number * unit)}{per_cent}" for number in (part.value, part.limit))
    who = tolerance.name if rule.relative is None and rule.absolute is None else "the rule"
    message = f"{worst.place} is {worst.after}, was {worst.before}: moved {moved} ({who} allows {allowed})"
    if part.distance <= 1:
        return Comparison("within tolerance", message, tolerance.name, distance=part.distance, parts={"numbers": part})
    return Comparison("different", message, tolerance.name, ("text",), part.distance, parts={"numbers": part})


class _OtherText(Exception):
    """The texts differ in more than numbers; says where."""


def _moved(golden: bytes, actual: bytes) -> Iterator[_Moved]:
    """Yield all numbers that are not the same; raises _OtherText where something else is not."""
    before, after = document(golden), document(actual)
    if before is None or after is None:
        yield from _moved_in_text(decoded(golden), decoded(actual), "line {}")
        return
    for path, old, new in leaves(before, after):
        if same(old, new):
            continue
        if isinstance(old, str) and isinstance(new, str):
            yield from _moved_in_text(old, new, f"{path}, line {{}}" if "\n" in new else path)
        elif _is_number(old) and _is_number(new):
            yield _measured(path, repr(old), repr(new))
        else:
            raise _OtherText(told(path, old, new))


def _moved_in_text(before: str, after: str, place: str) -> Iterator[_Moved]:
    old, new = [*_NUMBER.finditer(before), None], [*_NUMBER.finditer(after), None]
    at_old = at_new = line = 0
    for one, other in zip(old, new, strict=False):
        end_old, end_new = one.start() if one else len(before), other.start() if other else len(after)
        between, now = before[at_old:end_old], after[at_new:end_new]
        if between != now or (one is None) != (other is None):
            apart = first_difference(between, now)
            raise _OtherText(_parted(before, at_old + apart, after, at_new + apart, place))
        if one is None or other is None:
            return
        line += now.count("\n")
        at_old, at_new = one.end(), other.end()
        pair = one[0].strip(), other[0].strip()
        if pair[0] != pair[1] and not _equal(*pair):
            yield _measured(place.format(line + 1), *pair)


def _parted(before: str, at_old: int, after: str, at_new: int, place: str) -> str:
    """Say where two texts part, by the positions of the first characters that are not the same."""
    number = after.count("\n", 0, at_new) + 1
    (old, start_old), (new, start_new) = _line_at(before, at_old), _line_at(after, at_new)
    return f'{place.format(number)} is "{shorten(new, start_new)}", was "{shorten(old, start_old)}"'


def _line_at(text: str, at: int) -> tuple[str, int]:
    """Return the line that holds a position, and the position in it."""
    begin = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    return text[begin : end if end >= 0 else len(text)], at - begin


def _measured(place: str, before: str, after: str) -> _Moved:
    a, b = float(before), float(after)
    larger = max(abs(a), abs(b))
    absolute = max(abs(a - b), larger * _LEAST, 5e-324)
    if not math.isfinite(absolute):
        return _Moved(place, shorten(before), shorten(after), math.inf, math.inf)
    return _Moved(place, shorten(before), shorten(after), absolute / (larger or 1), absolute)


def _equal(before: str, after: str) -> bool:
    try:
        return Decimal(before) == Decimal(after)
    except InvalidOperation:
        return False


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value is not MISSING
