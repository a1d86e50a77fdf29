"""Compare texts by the rule that holds for them: equal or not, and where they first part."""

from __future__ import annotations

import re

from ..kept import Kept, Made
from ..lines import decoded, first_difference, shorten
from ..media import essence, is_json
from ..result import Comparison, hard_failure, identical
from ..rules import Rules, TextRule
from .costs import require_memory
from .documents import document, leaves, parse, same, told
from .numbers import compare_numbers

_WORD = re.compile(r"\S+")


def compare(golden: Kept, actual: Made, rules: Rules) -> Comparison:
    """Compare a text that is not the golden one byte for byte with what was kept of that.

    Without a rule, json holds where both are JSON by media type, or both are plain text that parses as an object
    or array, and exact elsewhere. Raises CompareError when the golden file cannot be read, and where there is no
    memory for it.
    """
    rule, tolerance = rules.text, rules.tolerance
    if rule is not None and rule.mode == "regex":
        return match_pattern(actual.data, rule, tolerance.name)
    if golden.read is None:
        told = "text differs; the golden text was not kept, so the place cannot be shown"
        return hard_failure(("text",), told, tolerance.name)
    before = golden.data("the text differs")
    require_memory((before, actual.data), rule.mode if rule else "json")
    mode = rule.mode if rule else _usual_mode(golden.media_type, actual.media_type, before, actual.data)
    if mode == "numbers":
        return compare_numbers(before, actual.data, tolerance, rule or TextRule("numbers"))
    how = {"json": compare_json, "whitespace": compare_words}.get(mode, compare_text)
    return how(before, actual.data, tolerance.name)


def _usual_mode(before_type: str, after_type: str, before: bytes, after: bytes) -> str:
    if is_json(before_type) and is_json(after_type):
        return "json"
    plain = essence(before_type) == essence(after_type) == "text/plain"
    return "json" if plain and document(before) is not None and document(after) is not None else "exact"


def compare_text(golden: bytes, actual: bytes, tolerance: str) -> Comparison:
    """Compare line by line. A byte order mark and the choice of line ending do not count."""
    before, after = decoded(golden).split("\n"), decoded(actual).split("\n")
    if before == after:
        return identical("text is equal", tolerance)
    at = first_difference(before, after)
    if at == len(before):
        told = f'line {at + 1} is new: "{shorten(after[at])}"'
    elif at == len(after):
        told = f'line {at + 1} is missing, was "{shorten(before[at])}"'
    else:
        start = first_difference(before[at], after[at])
        told = f'line {at + 1} is "{shorten(after[at], start)}", was "{shorten(before[at], start)}"'
    return hard_failure(("text",), told, tolerance)


def compare_words(golden: bytes, actual: bytes, tolerance: str) -> Comparison:
    """Compare word by word: how words are spaced and wrapped, and white space at the ends, do not count."""
    before, after = decoded(golden), decoded(actual)
    old, new = before.split(), after.split()
    if old == new:
        return identical("words are equal", tolerance)
    at = first_difference(old, new)
    if at == len(old):
        told = f'line {_line_of_word(after, at)}: "{shorten(new[at])}" is new'
    elif at == len(new):
        told = f'"{shorten(old[at])}" of line {_line_of_word(before, at)} is missing'
    else:
        start = first_difference(old[at], new[at])
        told = f'line {_line_of_word(after, at)}: "{shorten(new[at], start)}", was "{shorten(old[at], start)}"'
    return hard_failure(("text",), f"word {at + 1}, {told}", tolerance)


def compare_json(golden: bytes, actual: bytes, tolerance: str) -> Comparison:
    """Compare parsed values; layout and the order of keys do not count. Numbers are equal by value.

    The first differing place is named as a path from the root `$`. What is not JSON is compared as text.
    """
    try:
        before = parse(golden)
    except ValueError:
        return compare_text(golden, actual, tolerance)
    try:
        after = parse(actual)
    except ValueError as error:
        return hard_failure(("text",), f"JSON cannot be parsed any more: {shorten(str(error))}", tolerance)
    apart = next((leaf for leaf in leaves(before, after) if not same(leaf[1], leaf[2])), None)
    return hard_failure(("text",), told(*apart), tolerance) if apart else identical("JSON is equal", tolerance)


def match_pattern(actual: bytes, rule: TextRule, tolerance: str) -> Comparison:
    """Judge a text by its rule's pattern, which must match all of it; the golden text does not count."""
    require_memory([actual], "")
    text, pattern = decoded(actual), shorten(rule.pattern or "")
    if rule.compiled().fullmatch(text):
        return Comparison("within tolerance", f"the text matches the pattern {pattern}", tolerance)
    return hard_failure(("text",), f'the text "{shorten(text)}" does not match the pattern {pattern}', tolerance)


def _line_of_word(text: str, index: int) -> int:
    """Return the number, from 1, of the line that has the word of this index, from 0."""
    found = next(word for i, word in enumerate(_WORD.finditer(text)) if i == index)
    return text.count("\n", 0, found.start()) + 1
