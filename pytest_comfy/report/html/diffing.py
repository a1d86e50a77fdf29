"""What differs between two texts, line by line, and in lines that were edited word by word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import islice

MOST_LINES = 1000
"""Lines of either text that are matched with each other: the time goes by their product."""
MOST_SHOWN = 400
CONTEXT = 3
_WIDEST = 300
"""Characters of a line that are shown."""
_MOST_WORDS = 60
_MOST_PAIRS = 40
"""Lines of one block that are matched word by word."""

Span = tuple[bool, str]
"""Whether it is marked, and the text."""


@dataclass(frozen=True)
class Line:
    """One line of a diff: what ("equal", "removed", "added" or "gap"), its numbers, and its text in spans."""

    what: str
    before: int | None
    after: int | None
    spans: tuple[Span, ...]


def text_diff(golden: str, actual: str) -> tuple[list[Line], bool]:
    """Return the lines of a diff, with some that are equal around them, and whether something was left out."""
    before, after = golden.splitlines(), actual.splitlines()
    lines = list(islice(_lines(before[:MOST_LINES], after[:MOST_LINES]), MOST_SHOWN + 1))
    return lines[:MOST_SHOWN], len(lines) > MOST_SHOWN or max(len(before), len(after)) > MOST_LINES


def _lines(before: list[str], after: list[str]) -> Iterator[Line]:
    groups = SequenceMatcher(None, before, after).get_grouped_opcodes(CONTEXT)
    for number, group in enumerate(groups):
        if number or group[0][1]:
            yield Line("gap", None, None, ())
        for what, i, j, k, m in group:
            if what == "equal":
                yield from (
                    Line("equal", i + at + 1, k + at + 1, ((False, _cut(line)),)) for at, line in enumerate(before[i:j])
                )
            else:
                yield from _changed(before[i:j], after[k:m], i, k)


def _changed(before: list[str], after: list[str], i: int, k: int) -> Iterator[Line]:
    pairs = [_words(old, new) for old, new in zip(before[:_MOST_PAIRS], after, strict=False)]
    for at, line in enumerate(before):
        yield Line("removed", i + at + 1, None, pairs[at][0] if at < len(pairs) else ((False, _cut(line)),))
    for at, line in enumerate(after):
        yield Line("added", None, k + at + 1, pairs[at][1] if at < len(pairs) else ((False, _cut(line)),))


def _words(old: str, new: str) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """Return both lines with the words marked that differ; whole where they have nothing to do with each other."""
    before, after = (re.findall(r"\w+|\s+|[^\w\s]", _cut(line))[: _MOST_WORDS + 1] for line in (old, new))
    whole = ((False, _cut(old)),), ((False, _cut(new)),)
    if max(len(before), len(after)) > _MOST_WORDS:
        return whole
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    if matcher.ratio() < 0.5:
        return whole
    codes = matcher.get_opcodes()
    return (
        tuple(_span(what, before[i:j]) for what, i, j, _, _ in codes if j > i),
        tuple(_span(what, after[k:m]) for what, _, _, k, m in codes if m > k),
    )


def _span(what: str, words: Sequence[str]) -> Span:
    return what != "equal", "".join(words)


def _cut(line: str) -> str:
    return line if len(line) <= _WIDEST else f"{line[:_WIDEST]}…"
