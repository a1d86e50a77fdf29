"""What each approval keeps of its time: the environment, and how far the run was from what it took the place of."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..text import plain
from .differences import differences
from .environment import summary
from .run import GoldenRun

KEPT = ("environment", "changed", "distance")
"""Keys of an approval that tell of its time."""
MOVED = ("within tolerance", "different", "missing", "unexpected")
"""Verdicts of outputs that are not what they were."""

_MOST_CHANGES = 20


@dataclass(frozen=True)
class Moved:
    """How far an output was from the one that it took the place of.

    distance  1.0 is its limit; None where it is beyond all numbers, as that of a picture of another size, or where
              there is only one of the two
    """

    verdict: str
    distance: float | None = None


@dataclass(frozen=True)
class Step:
    """One approval.

    at           in UTC, such as "2026-11-26T10:02:03Z"; "" where it does not tell
    environment  what the run was made with, in a few words; "" where it does not tell
    changed      what of the environment was not as before, a few words each; None where that is not known
    moved        output -> how far it moved, of those that did; None where that is not known, as of a first approval
    """

    at: str = ""
    by: str = ""
    reason: str = ""
    environment: str = ""
    changed: tuple[str, ...] | None = None
    moved: Mapping[str, Moved] | None = None

    @property
    def worst(self) -> Moved | None:
        """What moved most; None where nothing did, or that is not known."""
        return max((self.moved or {}).values(), key=_weight, default=None)


@dataclass(frozen=True)
class Replaced:
    """What a run takes the place of.

    environment  that of the golden run
    moved        output -> how far it moved, of all that were compared; None where they were not compared
    """

    environment: Mapping[str, Any]
    moved: Mapping[str, Moved] | None = field(default_factory=dict)


def told_of(environment: Mapping[str, Any], replaced: Replaced | None) -> dict[str, Any]:
    """Return what an approval keeps, by `KEPT`, of a run of an environment."""
    told: dict[str, Any] = {"environment": summary(environment)}
    if replaced is None:
        return told
    told["changed"] = list(_changed(replaced.environment, environment))
    if replaced.moved is not None:
        told["distance"] = {
            name: {"verdict": one.verdict, "distance": _finite(one.distance)}
            for name, one in replaced.moved.items()
            if one.verdict in MOVED
        }
    return told


def steps_of(run: GoldenRun) -> list[Step]:
    """Return the approvals of a golden run, the first one first; what one tells wrongly is taken as not told."""
    approvals = run.document.get("approvals")
    return [_step(one) for one in approvals if isinstance(one, Mapping)] if isinstance(approvals, list) else []


def moved_in(value: Any) -> dict[str, Moved]:
    """Return the distances that an approval keeps; raises ValueError for what is none."""
    if not isinstance(value, Mapping):
        raise ValueError("is no object")
    found = {}
    for name, one in value.items():
        verdict, distance = (one.get("verdict"), one.get("distance")) if isinstance(one, Mapping) else (None, None)
        if verdict not in MOVED or not (distance is None or _is_distance(distance)):
            raise ValueError(f"tells of no distance of {plain(name, 80)}")
        found[str(name)] = Moved(str(verdict), None if distance is None else float(distance))
    return found


def _step(entry: Mapping[str, Any]) -> Step:
    changed = entry.get("changed")
    try:
        moved = moved_in(entry.get("distance"))
    except ValueError:
        moved = None
    return Step(
        at=_text(entry.get("at"), 40),
        by=_text(entry.get("by"), 120),
        reason=_text(entry.get("reason"), 2000),
        environment=_text(entry.get("environment"), 300),
        changed=tuple(_text(one, 300) for one in changed) if isinstance(changed, list) else None,
        moved=moved,
    )


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    found = differences(before, after)
    yield from found[:_MOST_CHANGES]
    if len(found) > _MOST_CHANGES:
        yield f"and {len(found) - _MOST_CHANGES} more"


def _weight(one: Moved) -> float:
    return math.inf if one.distance is None else one.distance


def _is_distance(value: Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and 0 <= value < math.inf


def _finite(distance: float | None) -> float | None:
    return None if distance is None or not math.isfinite(distance) else round(float(distance), 4)


def _text(value: Any, most: int) -> str:
    return plain(value, most).replace("\n", " ") if isinstance(value, str) else ""
