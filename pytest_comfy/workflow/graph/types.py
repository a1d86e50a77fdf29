"""Types of slots, as texts: "IMAGE", "IMAGE,MASK" for either, "*" or nothing for any."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

ANY = "*"


def type_name(value: Any) -> str:
    """Return a slot's type as text; a list (a combo's choices) is COMBO, nothing and numbers are any type."""
    if isinstance(value, str):
        return value or ANY
    return "COMBO" if isinstance(value, list) else ANY


def compatible(one: str, other: str) -> bool:
    """Whether outputs of a type may be linked to inputs of another."""
    if one in ("", ANY) or other in ("", ANY):
        return True
    kinds = set(one.lower().split(","))
    return any(kind in kinds or kind in ("", ANY) for kind in other.lower().split(",")) or bool(kinds & {"", ANY})


def common(kinds: Iterable[str]) -> str | None:
    """Return the types that all have; any type when none is named, None when they exclude each other."""
    lists = [kind.split(",") for kind in kinds if kind != ANY]
    if not lists:
        return ANY
    shared = [kind for kind in dict.fromkeys(lists[0]) if all(kind in other for other in lists[1:])]
    return ",".join(shared) or None
