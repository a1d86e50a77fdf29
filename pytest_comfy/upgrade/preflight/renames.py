"""Which of the inputs that are new is one that is gone, under another name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from ...workflow.graph.specs import InputSpec

_ALIKE = 0.6
"""Of two names, by difflib's ratio; its own measure for close matches."""
_TELLING = ("min", "max", "default", "step")


def renamed(before: Sequence[InputSpec], now: Sequence[InputSpec]) -> dict[str, str]:
    """Return name -> former name. Both are of one type, and alike in name, or in their place, or in what they take."""
    here, there = {one.name for one in now}, {one.name for one in before}
    gone = [one for one in before if one.name not in here]
    new = [one for one in now if one.name not in there]
    if not gone or not new:
        return {}
    places = dict(_places([one.name for one in before], [one.name for one in now]))
    found: dict[str, str] = {}
    scored = [(_score(was, one, places), -at, was.name, one.name) for at, was in enumerate(gone) for one in new]
    for score, _, old, name in sorted(scored, reverse=True):
        if score and name not in found and old not in found.values():
            found[name] = old
    return found


def _places(before: list[str], now: list[str]) -> Iterator[tuple[str, str]]:
    """Yield (old name, new name) of what stands between the same neighbours, one for one."""
    for tag, a, b, c, d in SequenceMatcher(None, before, now, autojunk=False).get_opcodes():
        if tag == "replace" and b - a == d - c:
            yield from zip(before[a:b], now[c:d], strict=True)


def _score(was: InputSpec, now: InputSpec, places: Mapping[str, str]) -> float:
    """Return how likely it is that one is the other, 0 where it is not."""
    if was.type != now.type or was.is_widget != now.is_widget:
        return 0.0
    alike = SequenceMatcher(None, was.name.casefold(), now.name.casefold()).ratio()
    in_place = places.get(was.name) == now.name
    same = bool(_takes(was)) and _takes(was) == _takes(now)
    return alike + in_place + same if alike >= _ALIKE or in_place or same else 0.0


def _takes(spec: InputSpec) -> Any:
    """Return what an input takes, as far as that tells it from others of its type."""
    kept = {key: spec.options[key] for key in _TELLING if key in spec.options}
    return (kept, spec.choices) if spec.choices else kept if len(kept) > 1 else None
