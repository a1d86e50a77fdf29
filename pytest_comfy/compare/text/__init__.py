"""Texts: equal by the rule that holds for them, or where they part. They have no fingerprint.

`documents` looks into JSON, `numbers` into numbers that may move.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..lines import decoded
from .comparing import compare
from .costs import require_memory
from .drawing import draw

__all__ = ["FINGERPRINTS", "blank", "compare", "describe", "draw"]

FINGERPRINTS = None


def describe(data: bytes, masks: Sequence[Sequence[int]] = (), *, file_kept: bool = True) -> dict[str, Any]:
    """Return nothing: texts are compared with the golden text."""
    return {}


def blank(data: bytes, made: Mapping[str, Any] | None = None) -> str | None:
    """Tell a text of nothing but white space, and an empty object, array or string of JSON."""
    require_memory([data], "")
    return "empty" if decoded(data).strip() in ("", "{}", "[]", '""', "null") else None
