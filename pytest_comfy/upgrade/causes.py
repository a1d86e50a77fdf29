"""What failing cases share that passing ones have not: the likely cause, told once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..text import plain

Compared = tuple[bool, frozenset[str]]
"""Of a case: whether it failed, and the lines of what differs in its environment."""
Word = Literal["likely", "possible", "every case"]

_MOST = 200
_FAILED = ("failed", "error")
_ORDER: tuple[Word, ...] = ("likely", "possible", "every case")
_TOLD = {
    "likely": "likely cause",
    "possible": "possible cause",
    "every case": "may be the cause, though every case has it",
}


@dataclass(frozen=True)
class Difference:
    """One thing that differs from golden runs, and how many cases have it.

    text     in a line: "ComfyUI 0.8.0 -> 0.30.0"
    failing  of the cases that failed
    passing  of those that passed
    """

    text: str
    failing: int
    passing: int


@dataclass(frozen=True)
class Causes:
    """What differs in the environments of a session's cases.

    failing      cases that failed and whose environment is known
    passing      the same of those that passed
    differences  the likeliest to be a cause first
    """

    failing: int
    passing: int
    differences: tuple[Difference, ...]

    def word(self, one: Difference) -> Word | None:
        """Return what a difference is to the failures; None where passing cases have it more, or one failing of many.

        "likely" has failed all that have it, and "every case" tells nothing apart, as passing ones have it as well.
        """
        if one.failing < min(2, self.failing) or not one.failing:
            return None
        if not one.passing:
            alone = one.failing < self.failing or len(self._shared) == 1
            return "likely" if self.passing or alone else "possible"
        if one.failing == self.failing and one.passing == self.passing:
            return "every case"
        return "possible" if one.failing * self.passing > one.passing * self.failing else None

    def found(self) -> Iterator[tuple[Word, str, str]]:
        """Yield word, difference and counts of each cause: "5 of 5 failing cases, 0 of 12 passing"."""
        for one in self.differences:
            word = self.word(one)
            if word is not None:
                yield word, one.text, self._counts(one)

    def told(self) -> Iterator[str]:
        """Yield each cause in a line: "likely cause: torch 2.8.0 -> 2.9.0 (1 of 1 failing case, 0 of 2 passing)"."""
        for word, text, counts in self.found():
            yield f"{_TOLD[word]}: {text} ({counts})"

    def to_json(self) -> dict[str, Any]:
        """Return what report.json has of it."""
        rows = [
            {"difference": one.text, "failing": one.failing, "passing": one.passing, "cause": self.word(one)}
            for one in self.differences
        ]
        return {"failing": self.failing, "passing": self.passing, "differences": rows}

    @property
    def _shared(self) -> list[Difference]:
        return [one for one in self.differences if one.failing == self.failing and not one.passing]

    def _counts(self, one: Difference) -> str:
        cases = "failing case" if self.failing == 1 else "failing cases"
        passing = f"{one.passing} of {self.passing} passing" if self.passing else "none passed"
        return f"{one.failing} of {self.failing} {cases}, {passing}"


def causes_of(compared: Iterable[Compared]) -> Causes:
    """Return what differs in the environments of cases."""
    totals: Counter[bool] = Counter()
    found: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for failed, lines in compared:
        totals[failed] += 1
        found[failed].update(lines)
    return _ranked(totals[True], totals[False], found[True], found[False])


def compared_in(case: Mapping[str, Any]) -> Compared | None:
    """Return what an entry of report.json says of its environment; None where it says nothing that counts."""
    told = case.get("environment")
    told = told if isinstance(told, Mapping) else {}
    lines, outcome = told.get("differences"), case.get("outcome")
    known = told.get("golden") is not None and told.get("actual") is not None and isinstance(lines, list)
    if not known or outcome not in (*_FAILED, "passed"):
        return None
    return outcome in _FAILED, frozenset(plain(one, 200) for one in lines or () if isinstance(one, str))


def causes_in(documents: Sequence[Any], less: Iterable[Compared] = ()) -> Causes:
    """Return the causes of several reports together, of what each tells of its own; what is malformed counts nothing.

    less  cases that are counted and do not count, as a later report has them as well
    """
    taken = causes_of(less)
    failing, passing = -taken.failing, -taken.passing
    found: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    for one in taken.differences:
        found[0][one.text] -= one.failing
        found[1][one.text] -= one.passing
    for document in documents:
        told = document if isinstance(document, Mapping) else {}
        failing, passing = failing + _count(told.get("failing")), passing + _count(told.get("passing"))
        for text, row in _rows(told.get("differences")):
            found[0][text] += _count(row.get("failing"))
            found[1][text] += _count(row.get("passing"))
    return _ranked(max(0, failing), max(0, passing), *found)


def _ranked(failing: int, passing: int, failed: Mapping[str, int], passed: Mapping[str, int]) -> Causes:
    every = [
        Difference(text, min(max(0, failed.get(text, 0)), failing), min(max(0, passed.get(text, 0)), passing))
        for text in dict.fromkeys([*failed, *passed])
    ]
    unsorted = Causes(failing, passing, tuple(one for one in every if one.failing or one.passing))
    return Causes(failing, passing, tuple(sorted(unsorted.differences, key=lambda one: _rank(unsorted, one))[:_MOST]))


def _rank(causes: Causes, one: Difference) -> tuple[int, float, bool, str]:
    """Return what to sort by: the word, how much more of the failing cases have it, ComfyUI itself first."""
    word = causes.word(one)
    apart = one.failing / max(1, causes.failing) - one.passing / max(1, causes.passing)
    return _ORDER.index(word) if word else len(_ORDER), -apart, not one.text.startswith("ComfyUI "), one.text


def _rows(listed: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for row in listed[:_MOST] if isinstance(listed, list) else ():
        if isinstance(row, Mapping) and isinstance(row.get("difference"), str):
            yield plain(row["difference"], 200), row


def _count(told: Any) -> int:
    return told if type(told) is int and 0 <= told < 10**9 else 0
