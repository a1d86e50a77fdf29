"""What may stand in the report's documents: no secret, no absolute path, and nothing that JSON cannot hold."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from ..golden.redaction import without_folders
from ..text import plain

LONGEST_TEXT = 2**16
"""Characters of a text that the report tells, and bytes of a file's content."""


def told(text: object, limit: int = LONGEST_TEXT) -> str:
    """Return a text without secrets, escapes, control characters and folders of absolute paths."""
    return without_folders(plain(text, limit))


def line(text: object, limit: int = 400) -> str:
    """Return the same in one line."""
    return told(" ".join(str(text).split()), limit)


def number(value: float | None) -> float | str | None:
    """Return a number for JSON, which has no infinity: "inf"; None for what is none."""
    if value is None or math.isnan(value):
        return None
    return ("inf" if value > 0 else "-inf") if math.isinf(value) else round(float(value), 6)


def dumps(document: Mapping[str, Any]) -> bytes:
    """Return a document as JSON in UTF-8; half a surrogate pair, which UTF-8 cannot hold, stays escaped."""
    text = json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False)
    return text.encode("utf-8", "backslashreplace") + b"\n"
