"""Text as lines that can be compared and shown."""

from __future__ import annotations

from collections.abc import Sequence

SHOWN = 60
"""Characters shown of a line or value."""

_LEAD = 20


def decoded(data: bytes) -> str:
    """Return the text without byte order mark, lines ended by "\\n".

    Git and editors change both on their own. Bytes that are not UTF-8 are kept apart, not replaced, so two
    different files never look equal.
    """
    text = data.decode("utf-8", errors="surrogateescape").removeprefix("\ufeff")
    return text.replace("\r\n", "\n")


def first_difference(before: Sequence[str], after: Sequence[str]) -> int:
    """Return the position of the first character, word or line that is not the same."""
    shared = min(len(before), len(after))
    return next((i for i in range(shared) if before[i] != after[i]), shared)


def shorten(text: str, start: int = 0) -> str:
    """Return one printable line of at most about SHOWN characters around the position `start`."""
    begin = max(0, start - _LEAD)
    cut = text[begin : begin + SHOWN]
    return ("…" if begin else "") + escaped(cut) + ("…" if begin + SHOWN < len(text) else "")


def escaped(text: str) -> str:
    """Return text with all escaped that a terminal or a reader could misread, as control and bidirectional marks."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
