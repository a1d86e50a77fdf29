"""Text for people: names near a misspelt one, and foreign text made safe to print."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from .secrecy import fit_to_tell

# Compiled, and kept, by re at the first use: pytest's start need not wait for them.
_ESCAPES = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])"
_CONTROLS = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"


def plain(text: object, limit: int = 2000) -> str:
    """Return foreign text without terminal escapes, control characters and secrets, at most `limit` characters."""
    cleaned = fit_to_tell(re.sub(_CONTROLS, "", re.sub(_ESCAPES, "", str(text))))
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 1] + "…"


def shown(value: Any, limit: int = 80) -> str:
    """Return a JSON value as one short printable line."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    return plain(text.replace("\n", "\\n"), limit)


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """Return the known names most like `name`, best first; case does not matter."""
    import difflib  # not at the top: pytest's start must not pay for a misspelt name

    by_folded = {str(candidate).casefold(): str(candidate) for candidate in known}
    return [by_folded[hit] for hit in difflib.get_close_matches(name.casefold(), by_folded, count, 0.5)]


def listed(names: Iterable[str], most: int = 10) -> str:
    """Return names as 'a, b and 3 more'."""
    every = [plain(name, 120) for name in names]
    if len(every) <= most:
        return ", ".join(every)
    return f"{', '.join(every[:most])} and {len(every) - most} more"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ' (did you mean X?)' or an empty string."""
    close = nearest(name, known, 1)
    return f" (did you mean {close[0]!r}?)" if close else ""
