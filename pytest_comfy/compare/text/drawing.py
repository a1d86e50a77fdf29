"""What differs between two texts, as a unified diff that is safe to show in a terminal."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from itertools import islice

from ..drawing import Drawing
from ..lines import decoded, escaped, first_difference
from ..result import Region
from .costs import require_memory
from .documents import document

MOST_BYTES = 2**24
"""Longest text that is taken apart, 16 MiB: whoever reads a diff has stopped long before."""
MOST_COMPARED = 400
"""Most lines of either text, from the first difference on, that are matched with each other: the matching takes
time by their product."""
MOST_SHOWN = 400
"""Most lines of the diff."""
WIDTH = 160
"""Characters of a line; what is longer goes on in the next line of the diff."""
CONTEXT = 3
"""Equal lines shown before and after what differs, as diff and git have it."""


def draw(
    golden: bytes, actual: bytes, masks: Sequence[Sequence[int]] = (), regions: Sequence[Region] = ()
) -> Drawing | None:
    """Show two texts as `text_difference` does; None when there is nothing to show."""
    told = text_difference(golden, actual)
    return Drawing(told.encode("utf-8", "replace"), ".diff") if told else None


def text_difference(golden: bytes, actual: bytes) -> str | None:
    """Return a unified diff of two texts, None when nothing differs that it could show, or either is too long.

    Two JSON documents are both laid out anew first, with keys in order. Control characters and whatever else a
    terminal could misread are escaped.
    """
    if max(len(golden), len(actual)) > MOST_BYTES:
        return None
    for mode in ("json", "exact"):  # laid out anew, then cut into lines
        require_memory((golden, actual), mode)
    before, after = _lines(golden, actual)
    if before == after:
        return None
    start = first_difference(before, after)
    ending = min(first_difference(before[::-1], after[::-1]), min(len(before), len(after)) - start)
    start, ending = max(0, start - CONTEXT), max(0, ending - CONTEXT)
    old, new = before[start : len(before) - ending], after[start : len(after) - ending]
    diff = list(islice(_hunks(old[:MOST_COMPARED], new[:MOST_COMPARED], start), MOST_SHOWN + 1))
    cut = len(diff) > MOST_SHOWN or max(len(old), len(new)) > MOST_COMPARED
    last = ["... what follows is left out"] if cut else []
    return "\n".join(["--- golden", "+++ actual", *diff[:MOST_SHOWN], *last]) + "\n"


def _hunks(before: list[str], after: list[str], start: int) -> Iterator[str]:
    """Yield the lines of a unified diff; `start` lines went before."""
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for group in matcher.get_grouped_opcodes(CONTEXT):
        first, last = group[0], group[-1]
        yield (f"@@ -{start + first[1] + 1},{last[2] - first[1]} +{start + first[3] + 1},{last[4] - first[3]} @@")
        for what, i, j, k, m in group:
            if what == "equal":
                yield from (f" {escaped(line)}" for line in before[i:j])
                continue
            yield from (f"-{escaped(line)}" for line in before[i:j])
            yield from (f"+{escaped(line)}" for line in after[k:m])


def _lines(golden: bytes, actual: bytes) -> tuple[list[str], list[str]]:
    both = document(golden), document(actual)
    if both[0] is not None and both[1] is not None:
        try:
            before, after = (json.dumps(one, indent=2, sort_keys=True, ensure_ascii=False) for one in both)
        except RecursionError:
            pass  # deeper than can be written: shown as the text it is
        else:
            return _wrapped(before), _wrapped(after)
    return _wrapped(decoded(golden)), _wrapped(decoded(actual))


def _wrapped(text: str) -> list[str]:
    return [line[at : at + WIDTH] for line in text.split("\n") for at in range(0, len(line) or 1, WIDTH)]
