"""Markdown in which foreign text is text."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..telling import line

_MARKS = re.compile(r"[!-,:-@\[-`{-~]|(?<![^\W_])[-./]|[-./](?![^\W_])|(?<=www)\.", re.IGNORECASE)
"""ASCII's punctuation: all that may mean something in Markdown or HTML; within words -, . and / do not, but for www."""


def escaped(text: object, limit: int = 400) -> str:
    """Return a foreign text as one line that Markdown and HTML show as it is."""
    return _MARKS.sub(lambda found: f"&#{ord(found[0])};", line(text, limit))


def row(cells: Iterable[str]) -> str:
    """Return a row of a table, of cells that are Markdown already."""
    return f"| {' | '.join(cells)} |\n"
