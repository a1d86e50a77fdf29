"""Bytes that texts take while they are compared: an upper estimate, made of their bytes alone."""

from __future__ import annotations

from collections.abc import Sequence

from ...memory import json_cost
from ..memory import require
from ..rules import TextMode

_PIECE = 72
"""Of a line, or word, that is cut out of a text."""
_NUMBER = 640
"""Of a number that moved: its two texts, its place, and how far it moved."""


def require_memory(texts: Sequence[bytes], mode: TextMode | str) -> None:
    """Raise TooLargeError where comparing texts would take more than there is.

    mode  as of a TextRule; "" where they are only looked at whole
    """
    cost = sum(_cost(text, mode) for text in texts)
    require(cost, f"the text has {len(texts[-1])} bytes, and to compare it")


def _cost(text: bytes, mode: str) -> int:
    # Twice: line endings are made alike in a copy.
    cost = 2 * len(text) * (1 if text.isascii() else 4)
    if mode in ("exact", "whitespace"):
        cost += _PIECE * (text.count(b"\n") + (text.count(b" ") + text.count(b"\t") if mode == "whitespace" else 0))
    elif mode == "numbers":
        cost += json_cost(text) + _NUMBER * sum(text.count(mark) for mark in (b" ", b",", b"\n", b":", b"\t"))
    elif mode == "json":
        # What proves to be no JSON is compared line by line.
        cost += json_cost(text) + _PIECE * text.count(b"\n")
    return cost
