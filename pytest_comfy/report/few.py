"""Lines of which a terminal has room for some."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def few(lines: Sequence[str], most: int, indent: str = "  ") -> Iterator[str]:
    """Yield the first lines, indented, and how many more there are."""
    yield from (f"{indent}{line}" for line in lines[:most])
    if len(lines) > most:
        yield f"{indent}and {len(lines) - most} more"
