"""How far the items of a batch are apart, golden or actual, from fingerprints that are made once an item."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from ..kept import Kept, Made
from ..kinds import kind_named
from ..known import Known
from ..media import kind_of
from ..outputs import compare_output
from ..result import DAMAGED, CompareError, Comparison
from ..rules import TextRule
from ..tolerance import Tolerance, parse_tolerance

MOST_PAIRS = 64 * 64
"""Pairs, golden times actual, up to which fingerprints are compared, at a millisecond each; beyond, only equal
content is found again."""
MOST_TEXT = 2**18
"""Bytes of a text up to which it is compared with the other texts of its batch; texts have no fingerprint."""

_JUST_BEYOND = math.nextafter(1, 2)


@dataclass(frozen=True)
class Wanted:
    """A golden item, and how its place in the batch is judged: as `compare_output` takes it."""

    kept: Kept
    tolerance: Tolerance | str | Mapping[str, float | str] = "normal"
    masks: Sequence[Sequence[int]] = ()
    text: TextRule | None = None

    def compare(self, made: Made) -> Comparison:
        """Compare an item with it, as `compare_output` does and raises."""
        rules: dict[str, Any] = {"tolerance": self.tolerance, "masks": self.masks, "text": self.text}
        return compare_output(self.kept, made.data, made.media_type, **rules)


class Looks:
    """Distances between the items of a batch: 0 equal, up to 1 within tolerance, infinite if not comparable.

    own    positions whose item passed against the golden one there: that one's fingerprint stands for it
    known  what is known of items already, and what will be
    """

    def __init__(
        self, golden: Mapping[int, Wanted], actual: Mapping[int, Made], own: Iterable[int], known: Known
    ) -> None:
        self.golden = golden
        self.actual = actual
        self.own = frozenset(own)
        self.known = known
        self.by_content_alone = len(golden) * len(actual) > MOST_PAIRS
        self._versions: dict[str, Any] = {}
        # Each a step of seconds for a large picture, and asked for often.
        self._bytes_sha256 = cache(self._bytes_sha256_of)
        self._made = cache(self._describe_made)
        self._wanted = cache(self._describe_wanted)
        self.apart = cache(self._apart)

    def matching(self, golden: Iterable[int], actual: Iterable[int]) -> dict[tuple[int, int], float]:
        """Return the pairs (golden, actual) that match, with their distance."""
        goldens = list(golden)
        found: dict[tuple[int, int], float] = {}
        for a in actual:
            # Who has an equal in the batch needs no fingerprint.
            equal = [g for g in goldens if self.golden[g].kept.sha256 == self._bytes_sha256(a)]
            near = {(g, a): 0.0 if equal else self.apart(g, a) for g in equal or goldens}
            found.update((pair, far) for pair, far in near.items() if far <= 1)
        return found

    def twins(self, golden: int, other: int) -> bool:
        """Whether two golden items match, as far as their fingerprints tell."""
        return self._between(self._golden_look(golden), self._golden_look(other), golden) <= 1

    def alike(self, actual: int, other: int) -> bool:
        """Whether two actual items match, as far as their fingerprints tell."""
        at = actual if actual in self.golden else min(self.golden)
        masks = _plain(self.golden[at].masks)
        return self._between(self._actual_look(actual, masks), self._actual_look(other, masks), at) <= 1

    def _apart(self, golden: int, actual: int) -> float:
        look = self._actual_look(actual, _plain(self.golden[golden].masks))
        return self._between(self._golden_look(golden), look, golden)

    def _between(self, golden: Kept, actual: Kept, at: int) -> float:
        """Compare two looks by the tolerance of the golden place `at`."""
        if golden.sha256 == actual.sha256:
            return 0.0
        if golden.pixels_sha256 is not None and golden.pixels_sha256 == actual.pixels_sha256:
            return 0.0
        if self.by_content_alone:
            return math.inf
        try:
            found = _compare_looks(golden, actual, parse_tolerance(self.golden[at].tolerance))
        except (CompareError, *DAMAGED):
            return math.inf  # what is wrong with it is told where it is compared at its own place
        if found is None:
            return math.inf
        return min(found.distance, 1) if found.passed else max(found.distance, _JUST_BEYOND)

    def _golden_look(self, golden: int) -> Kept:
        kept = self.golden[golden].kept
        return self._wanted(golden, self._versions.get(kind_of(kept.media_type)))

    def _actual_look(self, actual: int, masks: tuple[tuple[int, ...], ...]) -> Kept:
        return self._golden_look(actual) if actual in self.own else self._made(actual, masks)

    def _describe_wanted(self, golden: int, version: Any) -> Kept:
        """Return a golden item with a fingerprint of this version, where there is one or can be."""
        kept, masks = self.golden[golden].kept, self.golden[golden].masks
        if kept.read is not None:
            kept = replace(kept, read=cache(kept.read))
        made_as_wanted = kept.fingerprint is not None and sorted(_plain(kept.masks)) == sorted(_plain(masks))
        if version is None or (made_as_wanted and (kept.fingerprint or {}).get("version") == version):
            return kept
        if self.by_content_alone:
            return kept
        try:
            return self._kept(kept.data("no usable fingerprint was kept"), kept.media_type, masks)
        except CompareError:
            return replace(kept, fingerprint=None)

    def _describe_made(self, actual: int, masks: tuple[tuple[int, ...], ...]) -> Kept:
        made = self.actual[actual]
        try:
            kept = self._kept(made.data, made.media_type, masks)
        except CompareError:
            return Kept(made.media_type, self._bytes_sha256(actual), None, None, (), lambda: made.data)
        if kept.fingerprint is not None:
            self._versions[kind_of(made.media_type)] = kept.fingerprint.get("version")
        return kept

    def _kept(self, data: bytes, media_type: str, masks: Sequence[Sequence[int]]) -> Kept:
        found = self.known.describe(data, media_type, masks)
        return Kept(media_type, found["sha256"], found["pixels_sha256"], found["fingerprint"], (), lambda: data)

    def _bytes_sha256_of(self, actual: int) -> str:
        return hashlib.sha256(self.actual[actual].data).hexdigest()


def _plain(masks: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(mask) for mask in masks)


def _compare_looks(golden: Kept, actual: Kept, tolerance: Tolerance) -> Comparison | None:
    name = kind_of(golden.media_type)
    kind = kind_named(name) if name == kind_of(actual.media_type) else None
    if kind is None:
        return None
    if kind.FINGERPRINTS is not None:
        known = golden.fingerprint is not None and actual.fingerprint is not None
        compare = kind.FINGERPRINTS.compare
        return compare(golden.fingerprint or {}, actual.fingerprint or {}, tolerance) if known else None
    texts = [one.data("texts are compared") for one in (golden, actual)]
    if max(map(len, texts)) > MOST_TEXT:
        return None
    return compare_output(golden, texts[1], actual.media_type, tolerance=tolerance)
