"""What a benchmark is asked with, and what it finds.

A module of this folder that has `measure(options: Options) -> list[Result]` is one of `python -m benchmarks`. It raises
NotMeasured, in a sentence, where what it needs is not there.
"""

from __future__ import annotations

from typing import NamedTuple


class NotMeasured(Exception):
    """What a benchmark needs is not there."""


class Options(NamedTuple):
    """How much is measured."""

    full: bool = False
    """Also what takes minutes."""
    live: str = ""
    """URL of a real ComfyUI; "" where there is none."""
    count: int | None = None
    """How many items, runs or pictures, in place of the benchmark's own numbers."""
    rounds: int | None = None
    """How often things are measured in turn, in place of the benchmark's own number."""

    def counts(self, quick: list[int], full: list[int]) -> list[int]:
        """Return the numbers of items to measure with."""
        return [self.count] if self.count else full if self.full else quick

    def turns(self, own: int) -> int:
        """Return how many rounds to measure."""
        return self.rounds or own


class Result(NamedTuple):
    """One figure: of ours, or of a peer that did the same work in the same run."""

    what: str
    """What was measured, in a few words that are the same for ours and for peers."""
    value: float
    unit: str
    """ms, s, MB, "" for ratios and shares."""
    limit: float | None = None
    """What the value may be at most; None where nothing is asked of it."""
    at_least: bool = False
    """Whether `limit` is the least that the value may be instead."""
    peer: str = ""
    """Whose figure it is; "" for ours."""

    @property
    def met(self) -> bool | None:
        """Whether the limit is kept; None where there is none."""
        if self.limit is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit
