"""Compare text and JSON: equal or not, and where they first part."""

from __future__ import annotations

import json
import math
from typing import Any

from .result import Comparison, hard_failure, identical

SHOWN = 60
"""Characters shown of a line or value."""

_LEAD = 20
_MISSING = object()


def compare_text(golden: bytes, actual: bytes, tolerance: str) -> Comparison:
    """Compare line by line. A byte order mark and the choice of line ending do not count.

    Both are what git and editors change on their own. Bytes that are not UTF-8 are kept apart, not replaced,
    so two different files never look equal.
    """
    before, after = _lines(golden), _lines(actual)
    if before == after:
        return identical("text is equal", tolerance)
    shared = min(len(before), len(after))
    at = next((i for i in range(shared) if before[i] != after[i]), shared)
    if at == len(before):
        told = f'line {at + 1} is new: "{shorten(after[at])}"'
    elif at == len(after):
        told = f'line {at + 1} is missing, was "{shorten(before[at])}"'
    else:
        start = _first_difference(before[at], after[at])
        told = f'line {at + 1} is "{shorten(after[at], start)}", was "{shorten(before[at], start)}"'
    return hard_failure(("text",), told, tolerance)


def compare_json(golden: bytes, actual: bytes, tolerance: str) -> Comparison:
    """Compare parsed values; layout and the order of keys do not count. Numbers are equal by value.

    The first differing place is named as a path from the root `$`. What is not JSON is compared as text.
    """
    try:
        before = json.loads(golden)
    except (ValueError, RecursionError):
        return compare_text(golden, actual, tolerance)
    try:
        after = json.loads(actual)
    except (ValueError, RecursionError) as error:
        return hard_failure(("text",), f"JSON cannot be parsed any more: {shorten(str(error))}", tolerance)
    told = _first_json_difference(before, after)
    return hard_failure(("text",), told, tolerance) if told else identical("JSON is equal", tolerance)


def shorten(text: str, start: int = 0) -> str:
    """Return one printable line of at most about SHOWN characters around the position `start`.

    Whatever a terminal or a reader could misread (control and bidirectional characters) is escaped.
    """
    begin = max(0, start - _LEAD)
    cut = text[begin : begin + SHOWN]
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in cut)
    return ("…" if begin else "") + escaped + ("…" if begin + SHOWN < len(text) else "")


def _lines(data: bytes) -> list[str]:
    text = data.decode("utf-8", errors="surrogateescape").removeprefix("\ufeff")
    return text.replace("\r\n", "\n").split("\n")


def _first_difference(before: str, after: str) -> int:
    shared = min(len(before), len(after))
    return next((i for i in range(shared) if before[i] != after[i]), shared)


def _first_json_difference(golden: Any, actual: Any) -> str | None:
    # A stack, not recursion: the parser accepts nesting close to the interpreter's own limit.
    waiting: list[tuple[str, Any, Any]] = [("$", golden, actual)]
    while waiting:
        path, before, after = waiting.pop()
        if isinstance(before, dict) and isinstance(after, dict):
            names = [*before, *(name for name in after if name not in before)]
            waiting += reversed([(path + _step(n), before.get(n, _MISSING), after.get(n, _MISSING)) for n in names])
        elif isinstance(before, list) and isinstance(after, list):
            shared = min(len(before), len(after))
            if len(before) != len(after):
                waiting.append((f"{path}[{shared}]", _at(before, shared), _at(after, shared)))
            waiting += reversed([(f"{path}[{i}]", before[i], after[i]) for i in range(shared)])
        elif before is _MISSING:
            return f"{path} is new: {_shown(after)}"
        elif after is _MISSING:
            return f"{path} is missing, was {_shown(before)}"
        elif not _same_scalar(before, after):
            start = _first_difference(before, after) if _strings(before, after) else 0
            return f"{path} is {_shown(after, start)}, was {_shown(before, start)}"
    return None


def _at(values: list[Any], index: int) -> Any:
    return values[index] if index < len(values) else _MISSING


def _step(name: str) -> str:
    return f".{shorten(name)}" if name.isidentifier() else f'["{shorten(name)}"]'


def _strings(before: Any, after: Any) -> bool:
    return isinstance(before, str) and isinstance(after, str)


def _same_scalar(before: Any, after: Any) -> bool:
    if isinstance(before, (dict, list)) or isinstance(after, (dict, list)):
        return False
    if isinstance(before, bool) or isinstance(after, bool):
        return before is after  # Python holds True equal to 1, JSON does not
    if isinstance(before, float) and isinstance(after, float) and math.isnan(before):
        return math.isnan(after)
    return bool(before == after)


def _shown(value: Any, start: int = 0) -> str:
    if isinstance(value, dict):
        return f"an object of {len(value)} keys"
    if isinstance(value, list):
        return f"an array of {len(value)} items"
    if isinstance(value, str):
        return f'"{shorten(value, start)}"'
    return shorten(json.dumps(value))
