"""What an instance of a subgraph lists in `proxyWidgets`: widgets of its own, and of nodes within it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

OWN = "-1"
"""Stands for the instance itself in place of an inner node's id."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A widget that an instance lists.

    node    id of the inner node, OWN for one of the instance's own
    source  id of the node further inside that has the widget, where several are called so; else ""
    """

    node: str
    name: str
    source: str = ""


def entries(value: Any) -> list[Entry | None]:
    """Read `proxyWidgets`, a list or the JSON of one; None is what is no entry, and has its place all the same."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return []
    return [_entry(item) for item in value] if isinstance(value, list) else []


def _entry(item: Any) -> Entry | None:
    if not isinstance(item, list) or len(item) < 2:
        return None
    return Entry(str(item[0]), str(item[1]), str(item[2]) if len(item) > 2 and item[2] is not None else "")
