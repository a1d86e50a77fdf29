"""Values of report.json made fit for a page: whatever JSON they are, they come out as bounded texts, numbers, lists."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ...text import plain, shown

LINE = 400
"""Most characters of what is meant as a line."""
BLOCK = 20_000
"""Most characters of what may have many lines, such as a traceback."""

Entry = Mapping[str, Any]


def text(value: Any, limit: int = LINE) -> str:
    """Return a value as text without control characters; '' for None, and with a note where it had to be cut."""
    if value is None:
        return ""
    told = value if isinstance(value, str) else shown(value, limit)
    cleaned = plain(told, len(told) + 1).encode("utf-8", "replace").decode()  # a lone surrogate fits no file
    if len(cleaned) <= limit:
        return cleaned
    return f"{cleaned[:limit]}… (cut: it has {len(cleaned):,} characters)"


def block(value: Any) -> str:
    """Return a value as text of several lines, cut as `text` does."""
    return text(value, BLOCK)


def number(value: Any) -> float | None:
    """Return a number, infinity for "inf", None for all else."""
    if value == "inf":
        return math.inf
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return math.inf
    return None if math.isnan(found) else found


def whole(value: Any, most: int = 2**31) -> int:
    """Return a number of things, 0 for all that is none."""
    found = number(value)
    return 0 if found is None else int(min(max(found, 0), most))


def entry(value: Any) -> Entry:
    """Return an object, an empty one for all else."""
    return value if isinstance(value, Mapping) else {}


def entries(value: Any, most: int = 100_000) -> list[Entry]:
    """Return the objects of a list."""
    return [one for one in value[:most] if isinstance(one, Mapping)] if isinstance(value, list) else []


def texts(value: Any, most: int = 100) -> list[str]:
    """Return the texts of a list; of more than `most` the first, and a note."""
    found = [text(one) for one in value if isinstance(one, str)] if isinstance(value, list) else []
    return found if len(found) <= most else [*found[:most], f"… and {len(found) - most} more"]


def box(value: Any) -> tuple[int, ...] | None:
    """Return a size or a rectangle as whole numbers; None where a number is missing or none of that many pixels."""
    numbers = [number(one) for one in value] if isinstance(value, list) else []
    if not numbers or any(one is None or not 0 <= one <= 2**24 for one in numbers):
        return None
    return tuple(int(one) for one in numbers if one is not None)


def figure(value: float | None) -> str:
    """Return a number as a person writes it: three digits that count, "∞", or "-" for none."""
    if value is None:
        return "-"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"
