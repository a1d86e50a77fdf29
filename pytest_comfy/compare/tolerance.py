"""Tolerances: how far each part of a fingerprint may move before the outputs count as different."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .limits import NORMAL_LIMITS

FACTORS: Mapping[str, float] = {"exact": 0.0, "strict": 0.67, "normal": 1.0, "loose": 2.0}
"""What each named tolerance multiplies the limits by.

From a sweep over 219 pictures and 21 harmless variants: 0.67 is the smallest factor whose false alarms stay below 1 %,
2.0 the largest that still finds nine regressions in ten.
"""


@dataclass(frozen=True)
class Tolerance:
    """How far fingerprints may move.

    name    as shown to people
    factor  what NORMAL_LIMITS are multiplied by
    exact   only equal bytes or pixels pass; fingerprints then serve the explanation
    limits  absolute limits of single parts, in the part's unit; they win over the factor
    """

    name: str
    factor: float
    exact: bool = False
    limits: Mapping[str, float] = field(default_factory=dict)

    def limit(self, part: str) -> float:
        """Return how far the part may move, in its own unit. Raises KeyError for an unknown part."""
        if part in self.limits:
            return self.limits[part]
        normal = NORMAL_LIMITS[part]
        return normal if math.isinf(normal) else normal * self.factor


def parse_tolerance(value: Tolerance | str | Mapping[str, float | str]) -> Tolerance:
    """Read a tolerance from a setting.

    A name of FACTORS, or a table of part name to absolute limit (a number from 0 up, inf to switch the part
    off) whose "base" may name the tolerance of the parts that are not listed, `normal` by default.
    A Tolerance is given back as it is. Raises ValueError for unknown names and unusable limits.
    """
    if isinstance(value, Tolerance):
        return value
    if isinstance(value, str):
        return _named(value)
    if isinstance(value, Mapping):
        return _table(value)
    raise ValueError(f"a tolerance is a name ({_listed(FACTORS)}) or a table of limits, not {value!r}")


def _named(name: object) -> Tolerance:
    if not isinstance(name, str) or name not in FACTORS:
        raise ValueError(_unknown("tolerance", name, FACTORS))
    return Tolerance(name, FACTORS[name], exact=name == "exact")


def _table(table: Mapping[str, float | str]) -> Tolerance:
    base = _named(table.get("base", "normal"))
    limits = {part: _limit(part, number) for part, number in table.items() if part != "base"}
    if not limits:
        return base
    shown = ", ".join(f"{part}={limit:g}" for part, limit in sorted(limits.items()))
    return Tolerance(f"{base.name} with {shown}", base.factor, exact=False, limits=limits)


def _limit(part: object, number: object) -> float:
    if not isinstance(part, str) or part not in NORMAL_LIMITS:
        raise ValueError(_unknown("part of a tolerance", part, [*NORMAL_LIMITS, "base"]))
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise ValueError(f"the limit of {part} must be a number, not {number!r}")
    try:
        limit = float(number)
    except OverflowError:
        limit = math.inf if number > 0 else -math.inf
    if math.isnan(limit) or limit < 0:
        raise ValueError(f"the limit of {part} must be 0 or more, not {limit:g}")
    return limit


def _unknown(what: str, given: object, known: Iterable[str]) -> str:
    names = list(known)
    nearest = difflib.get_close_matches(str(given).lower(), names, n=1, cutoff=0.0)[0]
    return f"unknown {what} {given!r}; did you mean {nearest!r}? Known: {_listed(names)}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
