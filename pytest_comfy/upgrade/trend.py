"""What a difference between two servers means, where a golden run says which of them is right."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

Trend = Literal["same", "improved", "golden stale", "different", "golden stale, and different", "regression"]
TRENDS: tuple[Trend, ...] = (
    "same",
    "improved",
    "golden stale",
    "different",
    "golden stale, and different",
    "regression",
)
"""From best to worst.

same                         both servers make the same, and it is as approved where something was
improved                     the new one makes what was approved, the old one did not
golden stale                 both make the same, which is not what was approved
different                    they differ, and nothing was approved
golden stale, and different  they differ, and neither makes what was approved
regression                   the old one makes what was approved, and the new one differs from it
"""
FAILING = frozenset({"different", "golden stale, and different", "regression"})
"""What the new server changed for the worse, or nobody knows which way."""


def trend_of(alike: bool, old_good: bool | None, new_good: bool | None) -> Trend:
    """Return what an output's three comparisons come to.

    alike               whether the servers agree with each other
    old_good, new_good  whether each agrees with the golden run; None where there is none
    """
    if old_good is None or new_good is None:
        return "same" if alike else "different"
    if old_good:
        return "same" if alike and new_good else "regression"
    if new_good:
        return "improved"
    return "golden stale" if alike else "golden stale, and different"


def worst(trends: Iterable[Trend]) -> Trend:
    """Return the worst of some trends, "same" of none."""
    return max(trends, key=TRENDS.index, default="same")
