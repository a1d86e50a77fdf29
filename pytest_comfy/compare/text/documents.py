"""Parsed JSON side by side: where two documents part."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from ..lines import decoded, first_difference, shorten

MISSING: Any = object()
"""Stands for the value that one of two documents does not have."""


def parse(data: bytes) -> Any:
    """Parse UTF-8 with or without byte order mark; raises ValueError for what is no JSON or nested too deeply."""
    try:
        return json.loads(decoded(data))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def document(data: bytes) -> Any:
    """Return the object or array that the bytes are as JSON; None for all else, single values included."""
    if data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
        return None
    try:
        value = parse(data)
    except ValueError:
        return None
    return value if isinstance(value, (dict, list)) else None


def leaves(golden: Any, actual: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield path from the root `$`, golden and actual value of all that is no container on both sides.

    In order of the documents; MISSING stands on the side that has no such value.
    """
    # A stack, not recursion: the parser accepts nesting close to the interpreter's own limit.
    waiting: list[tuple[str, Any, Any]] = [("$", golden, actual)]
    while waiting:
        path, before, after = waiting.pop()
        if isinstance(before, dict) and isinstance(after, dict):
            names = [*before, *(name for name in after if name not in before)]
            waiting += reversed([(path + _step(n), before.get(n, MISSING), after.get(n, MISSING)) for n in names])
        elif isinstance(before, list) and isinstance(after, list):
            shared = min(len(before), len(after))
            if len(before) != len(after):
                waiting.append((f"{path}[{shared}]", _at(before, shared), _at(after, shared)))
            waiting += reversed([(f"{path}[{i}]", before[i], after[i]) for i in range(shared)])
        else:
            yield path, before, after


def same(before: Any, after: Any) -> bool:
    """Whether two leaves have the same value; numbers are equal by value."""
    if before is MISSING or after is MISSING or isinstance(before, (dict, list)) or isinstance(after, (dict, list)):
        return False
    if isinstance(before, bool) or isinstance(after, bool):
        return before is after  # Python holds True equal to 1, JSON does not
    if isinstance(before, float) and isinstance(after, float) and math.isnan(before):
        return math.isnan(after)
    return bool(before == after)


def told(path: str, before: Any, after: Any) -> str:
    """Say how two leaves differ."""
    if before is MISSING:
        return f"{path} is new: {_shown(after)}"
    if after is MISSING:
        return f"{path} is missing, was {_shown(before)}"
    start = first_difference(before, after) if isinstance(before, str) and isinstance(after, str) else 0
    return f"{path} is {_shown(after, start)}, was {_shown(before, start)}"


def _at(values: list[Any], index: int) -> Any:
    return values[index] if index < len(values) else MISSING


def _step(name: str) -> str:
    return f".{shorten(name)}" if name.isidentifier() else f'["{shorten(name)}"]'


def _shown(value: Any, start: int = 0) -> str:
    if isinstance(value, dict):
        return f"an object of {len(value)} keys"
    if isinstance(value, list):
        return f"an array of {len(value)} items"
    if isinstance(value, str):
        return f'"{shorten(value, start)}"'
    return shorten(json.dumps(value))
