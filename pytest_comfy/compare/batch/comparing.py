"""Batches, the outputs of one node under one key, as ordered sets: what moved, is missing, is new, or repeats.

Comparing place by place comes first, and is all there is to do when it passes. Only then is looked for where
the other items went.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from ..kept import Made
from ..known import Known
from ..result import CompareError, Comparison, hard_failure
from ..tolerance import parse_tolerance
from . import wording as words
from .alignment import Move, align, is_in_order, out_of_order, pair_left_over
from .looks import Looks, Wanted

MOST_STEPS = 2**20
"""Golden times actual items up to which moved ones are looked for: batches of about a thousand."""

FindingVerdict = Literal["identical", "within tolerance", "different", "missing", "unexpected"]


@dataclass(frozen=True)
class Finding:
    """What became of one item of a batch.

    golden      its position in the golden batch, None for what is new there
    actual      the position of what it was compared with or came of it, None for what is missing
    message     what a person should be told, positions counted from 1; the first finding says what holds for
                several
    comparison  of the two; of a moved one it has the kind `order`, of a repeated one `repeated`
    """

    golden: int | None
    actual: int | None
    verdict: FindingVerdict
    message: str
    comparison: Comparison | None = None


def explain_batch(
    golden: Mapping[int, Wanted],
    actual: Mapping[int, Made],
    compared: Mapping[int, Comparison],
    known: Known | None = None,
) -> list[Finding]:
    """Return what became of every item: of the golden ones by position, then of those that are new.

    golden, actual  the items by position, from 0; positions that are left out of the judgement are in neither
    compared        position -> `compare_output` of the two items there, for all positions that are in both
    known           what is known of items already; what is learnt of them comes to it

    An item moved only if it matches another golden place and not its own. Of items that are legitimately alike
    none is said to have moved where an assignment in order explains the batch as well.
    """
    return list(_Batch(golden, actual, compared, known or Known()).findings())


class _Batch:
    def __init__(
        self,
        golden: Mapping[int, Wanted],
        actual: Mapping[int, Made],
        compared: Mapping[int, Comparison],
        known: Known,
    ) -> None:
        self.golden = dict(sorted(golden.items()))
        self.actual = dict(sorted(actual.items()))
        self.compared: dict[tuple[int, int], Comparison | None] = {
            (position, position): one for position, one in compared.items()
        }
        self.own = {position: position for position, one in compared.items() if one.passed}
        self._known = known
        self.noun = words.noun_of(
            [one.kept.media_type for one in golden.values()] + [one.media_type for one in actual.values()]
        )
        self.small = len(golden) * len(actual) <= MOST_STEPS

    @cached_property
    def looks(self) -> Looks:
        """Where all passed at their places nobody looks, and nothing keeps the outputs in memory."""
        return Looks(self.golden, self.actual, self.own, self._known)

    @cached_property
    def assigned(self) -> dict[int, int]:
        """Actual -> golden position of the items that were found again, whether at their own place or not."""
        if not self.small or len(self.own) in (len(self.golden), len(self.actual)):
            return self.own
        went, came = self.golden.keys() - self.own.keys(), self.actual.keys() - self.own.keys()
        found = {**self.own, **self._align(sorted(went), sorted(came))}
        if self._may_do_better(found):
            again = self._align(list(self.golden), list(self.actual))
            if is_in_order(again) and len(again) >= len(found) + is_in_order(found):
                found = again
        return {a: g for a, g in found.items() if self._passes(g, a)}

    @cached_property
    def instead(self) -> dict[int, int]:
        """Actual -> golden position of the items that came for those that were not found again."""
        if not self.small:
            return {position: position for position in self.golden.keys() & self.actual.keys() - self.own.keys()}
        if len(self.assigned) in (len(self.golden), len(self.actual)):
            return {}
        pairs = pair_left_over(self.assigned, list(self.golden), list(self.actual), self.looks.apart)
        return {a: g for a, g in pairs.items() if self._compare(g, a) is not None}

    @cached_property
    def moves(self) -> list[Move]:
        return [move for move in out_of_order(self.assigned) if move.golden != move.actual]

    @cached_property
    def missing(self) -> list[int]:
        return sorted(self.golden.keys() - set(self.assigned.values()) - set(self.instead.values()))

    @cached_property
    def new(self) -> list[int]:
        return sorted(self.actual.keys() - self.assigned.keys() - self.instead.keys())

    @cached_property
    def repeated(self) -> dict[int, int]:
        """Actual position -> that of the item it repeats, where the golden batch has no such repetition."""
        left = sorted([*self.instead, *self.new]) if self.small else []
        found = {a: self._repeated_by(a, left) for a in left}
        return {a: other for a, other in found.items() if other is not None}

    @cached_property
    def all_same(self) -> bool:
        """Whether all actual items are alike, some of which repeat others, and the golden ones are not."""
        first, *others = self.actual
        one, *rest = self.golden
        return (
            bool(self.repeated)
            and all(self.looks.alike(first, other) for other in others)
            and not all(self.looks.twins(one, other) for other in rest)
        )

    def findings(self) -> Iterator[Finding]:
        stands = {g: a for a, g in {**self.assigned, **self.instead}.items()}
        moves = {move.golden: move for move in self.moves}
        for golden in self.golden:
            if golden not in stands:
                yield Finding(golden, None, "missing", self._missing_told(golden))
            elif golden in moves:
                yield self._moved(moves[golden])
            else:
                yield self._compared(golden, stands[golden])
        for actual in self.new:
            yield Finding(None, actual, "unexpected", self._new_told(actual))

    def _moved(self, move: Move) -> Finding:
        first = move is self.moves[0]
        told = words.order_told(self.moves, self.noun) if first else words.moved_told(move, self.noun)
        tolerance = parse_tolerance(self.golden[move.golden].tolerance).name
        comparison = hard_failure(("order",), told, tolerance)
        return Finding(move.golden, move.actual, comparison.verdict, told, comparison)

    def _compared(self, golden: int, actual: int) -> Finding:
        comparison = self._compare(golden, actual)
        assert comparison is not None  # who cannot be compared stands in no pair
        if not comparison.passed:
            comparison = self._told_of_batch(comparison, golden, actual)
        return Finding(golden, actual, comparison.verdict, comparison.message, comparison)

    def _told_of_batch(self, comparison: Comparison, golden: int, actual: int) -> Comparison:
        """Put what the batch explains in place of what the comparison of two items says."""
        if self.all_same and actual == min(self.instead):
            same = words.all_same_told(len(self.actual), self.noun)
        elif actual in self.repeated:
            same = self._repeats_told(actual)
        elif golden != actual:
            told = f"{words.moved_told(Move(golden, actual, golden), self.noun)}: {comparison.message}"
            return replace(comparison, message=told)
        else:
            return comparison
        told = f"{same}: {comparison.message}" if "blank" in comparison.kinds else same
        return replace(comparison, message=told, kinds=("repeated", *comparison.kinds))

    def _missing_told(self, golden: int) -> str:
        first = golden == self.missing[0]
        which = self.missing if first else [golden]
        left = len(self.golden) - len(self.missing) if first and self._others_fine else 0
        return words.missing_told(which, max(self.golden) + 1, self.noun, left)

    def _new_told(self, actual: int) -> str:
        if actual in self.repeated:
            return f"{self._repeats_told(actual)}; {words.wanted_told(len(self.golden))}"
        others = [one for one in self.new if one not in self.repeated]
        first = actual == others[0]
        left = len(self.golden) if first and others == self.new and self._others_fine else 0
        told = words.new_told(others if first else [actual], max(self.actual) + 1, self.noun, left)
        return f"{told}; {words.wanted_told(len(self.golden))}" if first and not left else told

    def _repeats_told(self, actual: int) -> str:
        first = min(self.actual)
        return words.repeats_told(
            actual, first if self.all_same and actual > first else self.repeated[actual], self.noun
        )

    @property
    def _others_fine(self) -> bool:
        """Whether nothing but the missing, or the new, is to be told."""
        return not self.moves and not self.instead and not (self.missing and self.new)

    def _align(self, golden: list[int], actual: list[int]) -> dict[int, int]:
        return align(self.looks.matching(golden, actual), golden, actual)

    def _may_do_better(self, found: Mapping[int, int]) -> bool:
        """Whether an item that is out of order, or not found again, matches another golden one as well."""
        strays = {move.actual for move in out_of_order(found)} | (self.actual.keys() - found.keys())
        return any(found.get(a) != g for g, a in self.looks.matching(self.golden, sorted(strays)))

    def _repeated_by(self, actual: int, left: list[int]) -> int | None:
        """Return which item an item that was not found again repeats: the nearest before it, else one after it."""
        known = [a for a in self.assigned if self.looks.apart(self.assigned[a], actual) <= 1]
        # Of those not found again only these two: whoever repeats itself does so next to itself, or throughout.
        unknown = {left[max(left.index(actual) - 1, 0)], left[0]} - {actual}
        known += [a for a in unknown if a < actual and self.looks.alike(a, actual)]
        for other in sorted(known, key=lambda a: (a > actual, abs(a - actual))):
            if not self._golden_repeats(actual, other):
                return other
        return None

    def _golden_repeats(self, actual: int, other: int) -> bool:
        stands = {**self.assigned, **self.instead}
        places = stands.get(actual), stands.get(other)
        return places[0] is not None and places[1] is not None and self.looks.twins(places[0], places[1])

    def _passes(self, golden: int, actual: int) -> bool:
        found = self._compare(golden, actual)
        return found is not None and found.passed

    def _compare(self, golden: int, actual: int) -> Comparison | None:
        """Compare two items as at one place; None if that cannot be judged. Asked for where looks agree."""
        pair = golden, actual
        if pair not in self.compared:
            try:
                self.compared[pair] = self.golden[golden].compare(self.actual[actual])
            except CompareError:
                self.compared[pair] = None
        return self.compared[pair]
