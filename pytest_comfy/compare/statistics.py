"""The verdict over statistics that were measured between two fingerprints."""

from __future__ import annotations

from collections.abc import Mapping

from .figures import figure
from .limits import rank
from .result import Comparison, Part, hard_failure
from .tolerance import Tolerance

Statistic = tuple[float, str]
"""How far something moved, in the unit of its limit, and a sentence that tells it."""


def judge_statistics(
    measured: Mapping[str, Statistic],
    kinds: Mapping[str, str],
    tolerance: Tolerance,
    *,
    what: str,
    units: Mapping[str, str],
) -> Comparison:
    """Return the verdict: the statistic that moved most leads, and all beyond their limits name the kinds.

    measured  name, as in `limits`, -> statistic
    kinds     name -> the kind of change that it tells
    what      what is compared, in the plural: "surfaces"
    units     name -> the unit to show, " %" where it is not there
    """
    parts = {name: Part(value, tolerance.limit(name)) for name, (value, _) in measured.items()}
    order = sorted(parts, key=lambda name: rank(name, parts[name]))[::-1]
    found = tuple(dict.fromkeys(kinds[name] for name in order if parts[name].distance > 1))
    if not order or parts[order[0]].value == 0:
        message = "no part of the fingerprint moved"
    else:
        first = order[0]
        shown = f"{figure(parts[first].limit)}{units.get(first, ' %')}"
        message = f"{measured[first][1]} ({tolerance.name} allows {shown})"
    if tolerance.exact and not found:
        told = f"{what} differ by less than the fingerprint shows (exact allows nothing)"
        return hard_failure(("bytes",), told, tolerance.name, parts)
    distance = max((part.distance for part in parts.values()), default=0.0)
    return Comparison(
        "different" if found else "within tolerance", message, tolerance.name, found, distance, parts=parts
    )
