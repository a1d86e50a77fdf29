"""Which item of one sequence became which of another, by the pairs that match: kept in order as far as can be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

Pair = tuple[int, int]
"""A golden position and an actual one."""
Assignment = Mapping[int, int]
"""Actual position -> the golden position whose item stands there, each golden one at most once."""


class Move(NamedTuple):
    """An item that stands elsewhere among those found again: `place` is the golden position whose place it took."""

    golden: int
    actual: int
    place: int


_OWN_PLACE = 2.0**-12
_NEARNESS = 2.0**-25
"""Weights that settle ties between alignments of as many pairs: small enough that those of 1024 pairs add to
less than one pair, and all nearness to less than one item at its own place."""


def align(matching: Mapping[Pair, float], golden: Sequence[int], actual: Sequence[int]) -> dict[int, int]:
    """Assign actual to golden positions.

    matching        (golden, actual) -> distance of the pairs that match, 0 (equal) to 1 (at the limit)
    golden, actual  the positions that take part, ascending

    As many as can be keep their order; of as good alignments the one with more items at their own place wins,
    then the nearer. What is left is assigned nearest first, whatever the order. Takes len(golden) * len(actual)
    steps.
    """
    assigned = _in_order(matching, golden, actual)
    taken = set(assigned.values())
    left = {pair: far for pair, far in matching.items() if pair[0] not in taken and pair[1] not in assigned}
    return {**assigned, **_nearest_first(left, set(golden), set(actual))}


def is_in_order(assigned: Assignment) -> bool:
    """Whether the items that were found again stand in their golden order."""
    return not out_of_order(assigned)


def out_of_order(assigned: Assignment) -> list[Move]:
    """Return the items that stand elsewhere among those found again than they did, by golden position."""
    places = zip(sorted(assigned), sorted(assigned.values()), strict=True)
    return sorted(Move(assigned[actual], actual, place) for actual, place in places if assigned[actual] != place)


def pair_left_over(
    assigned: Assignment, golden: Sequence[int], actual: Sequence[int], distance: Callable[[int, int], float]
) -> dict[int, int]:
    """Assign items that were not found again to those that came instead, between the same neighbours.

    As many on both sides pair up in order; else the pairs of the smallest distance are taken.
    """
    moved = {move.actual for move in out_of_order(assigned)}
    steady = {position: was for position, was in assigned.items() if position not in moved}
    came: dict[int, list[int]] = {}
    went: dict[int, list[int]] = {}
    for position in sorted(set(actual) - assigned.keys()):
        came.setdefault(sum(one < position for one in steady), []).append(position)
    for position in sorted(set(golden) - set(assigned.values())):
        went.setdefault(sum(one < position for one in steady.values()), []).append(position)
    pairs: dict[int, int] = {}
    for gap in went.keys() & came.keys():
        if len(went[gap]) == len(came[gap]):
            pairs.update(zip(came[gap], went[gap], strict=True))
        else:
            far = {(g, a): distance(g, a) for g in went[gap] for a in came[gap]}
            pairs.update(_nearest_first(far, set(went[gap]), set(came[gap])))
    return pairs


def _in_order(matching: Mapping[Pair, float], golden: Sequence[int], actual: Sequence[int]) -> dict[int, int]:
    """Return the best alignment that keeps the order, by the recurrence of the longest common subsequence."""
    best = [[0.0] * (len(actual) + 1) for _ in range(len(golden) + 1)]
    for row, g in enumerate(golden, 1):
        above, here = best[row - 1], best[row]
        for column, a in enumerate(actual, 1):
            here[column] = max(above[column], here[column - 1])
            if (g, a) in matching:
                here[column] = max(here[column], above[column - 1] + _worth(g, a, matching[g, a]))
    assigned: dict[int, int] = {}
    row, column = len(golden), len(actual)
    while row and column:
        if best[row][column] == best[row - 1][column]:
            row -= 1
        elif best[row][column] == best[row][column - 1]:
            column -= 1
        else:
            row, column = row - 1, column - 1
            assigned[actual[column]] = golden[row]
    return assigned


def _worth(golden: int, actual: int, distance: float) -> float:
    return 1 + _OWN_PLACE * (golden == actual) + _NEARNESS * (1 - min(distance, 1))


def _nearest_first(pairs: Mapping[Pair, float], golden: set[int], actual: set[int]) -> dict[int, int]:
    assigned: dict[int, int] = {}
    for g, a in _by_distance(pairs):
        if g in golden and a in actual:
            assigned[a] = g
            golden.discard(g)
            actual.discard(a)
    return assigned


def _by_distance(pairs: Mapping[Pair, float]) -> Iterable[Pair]:
    return sorted(pairs, key=lambda pair: (pairs[pair], abs(pair[0] - pair[1]), pair))
