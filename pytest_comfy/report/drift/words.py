"""What a failure is beside an earlier report: known when it is the same, changed, or new; fixed when it is gone."""

from __future__ import annotations

from typing import Final

NEW: Final = "new"
KNOWN: Final = "known"
CHANGED: Final = "changed"
FIXED: Final = "fixed"
DRIFT = (NEW, CHANGED, KNOWN, FIXED)

PROPERTY = "comfy_drift"
"""Of a report: the word, since when, and the case, such as "known since 2026-11-20: workflows/a.json::default"."""


def told(word: str, since: str | None, case: str) -> str:
    """Return what the property holds."""
    return f"{word}{f' since {since}' if since else ''}: {case}"


def word_of(value: str) -> str:
    """Return the word of what the property holds."""
    return value.partition(":")[0].partition(" ")[0]
