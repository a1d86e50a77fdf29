"""Text for people: names near a misspelt one, and foreign text made safe to print."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

# Compiled, and kept, by re at the first use: pytest's start need not wait for them.
_ESCAPES = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])"
REDACTED = "<redacted>"
"""What stands in golden runs, in digests and in what is told, in place of a secret."""
_SIGNS = (
    "sk-",
    "hf_",
    "gh",
    "github_pat_",
    "eyJ",
    "AKIA",
    "ASIA",
    "xox",
    "glpat-",
    "AIza",
    "r8_",
    "comfyui-",
    "=",
    "earer ",
)
_SECRETS = (
    r"((?<![\w-])[Bb]earer +"
    r"|[?&](?i:[\w-]*(?:token|secret|password|signature)|(?:api[_-]?|access[_-]?)?key|sig|auth)=)"
    r"[^\s&#\"'<>]{6,}"
    r"|(?<![\w-])(?:sk-[\w-]{16,}|hf_[A-Za-z0-9]{20,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}"
    r"|eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}|(?:AKIA|ASIA)[A-Z0-9]{16}|xox[abeprs]-[\w-]{10,}|glpat-[\w-]{16,}"
    r"|AIza[\w-]{30,}|r8_[A-Za-z0-9]{20,}|comfyui-[0-9a-f]{32,})(?![\w-])"
)
_CONTROLS = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"


def plain(text: object, limit: int = 2000) -> str:
    """Return foreign text without terminal escapes, control characters and secrets, at most `limit` characters."""
    cleaned = without_secrets(re.sub(_CONTROLS, "", re.sub(_ESCAPES, "", str(text))))
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 1] + "…"


def without_secrets(text: str) -> str:
    """Return a text without what looks like a key or token of a known service, whatever its name is."""
    if not _may_hold(text):
        return text
    return re.sub(_SECRETS, lambda found: f"{found[1] or ''}{REDACTED}", text)


def find_secrets(text: str) -> list[str]:
    """Return what looks like a key or token of a known service in a text."""
    found = re.finditer(_SECRETS, text) if _may_hold(text) else ()
    return [one[0].removeprefix(one[1] or "") for one in found]


def _may_hold(text: str) -> bool:
    # Most texts hold nothing of the kind, and are many.
    return any(word in text for word in _SIGNS)


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
