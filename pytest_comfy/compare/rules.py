"""How an output is to be compared: within which tolerance, but for which masks, and texts by which rule."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from .tolerance import Tolerance

TextMode = Literal["exact", "whitespace", "json", "regex", "numbers"]
MODES: tuple[str, ...] = get_args(TextMode)


@dataclass(frozen=True)
class TextRule:
    """How to compare texts.

    mode      exact: the same lines; line endings and a byte order mark do not count.
              whitespace: the same words in the same order; how they are spaced and wrapped does not count.
              json: the same values; layout and the order of keys do not count.
              regex: the golden text does not count, the pattern must match the whole actual one.
              numbers: as exact, or as json where both are JSON, but for numbers, which may move.
    pattern   of regex, as `re` takes it, with inline flags such as (?s)
    relative  of numbers: how far one may move, as a share of the larger of the two, such as 0.01
    absolute  of numbers: how far one may move, in its own unit; a number need keep only one of the two limits.
              With neither, the tolerance's limit `numbers` is the relative one.

    Raises ValueError for what is no such rule.
    """

    mode: TextMode = "exact"
    pattern: str | None = None
    relative: float | None = None
    absolute: float | None = None

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"{self.mode!r} is no way to compare texts; known are {', '.join(MODES)}")
        if (self.pattern is not None) != (self.mode == "regex"):
            raise ValueError('a regular expression is given as {regex = "..."}, and only there')
        if self.mode != "numbers" and not (self.relative is None and self.absolute is None):
            raise ValueError("relative and absolute are limits of numbers, not of other ways to compare texts")
        for name, limit in (("relative", self.relative), ("absolute", self.absolute)):
            if limit is not None and not _is_limit(limit):
                raise ValueError(f"{name} must be a number from 0 up, not {limit!r}")
        if self.pattern is not None:
            self.compiled()

    def compiled(self) -> re.Pattern[str]:
        """Return the compiled pattern, "" when there is none."""
        try:
            return re.compile(self.pattern or "")
        except (re.error, OverflowError, RecursionError, TypeError) as error:
            raise ValueError(f"{self.pattern!r} is no regular expression: {error}") from error


@dataclass(frozen=True)
class Rules:
    """What holds for the comparison of one output; each kind takes what concerns it.

    masks  (x, y, width, height) in pixels, that do not count
    text   None where nothing was said about texts
    """

    tolerance: Tolerance
    masks: Sequence[Sequence[int]] = ()
    text: TextRule | None = None


def parse_text_rule(value: Any) -> TextRule:
    """Read a rule from a setting.

    The name of a mode, or a table: {regex = "..."}, {numbers = 0.01}, which is relative, or {relative = ...,
    absolute = ...}, of which one is enough. A TextRule is given back as it is. Raises ValueError.
    """
    if isinstance(value, TextRule):
        return value
    if value == "regex":
        raise ValueError('"regex" needs a pattern: {regex = "..."}')
    if isinstance(value, str):
        return TextRule(value)  # type: ignore[arg-type]  # checked there
    keys = set(value) if isinstance(value, Mapping) else set()
    if keys == {"regex"} and isinstance(value["regex"], str):
        return TextRule("regex", pattern=value["regex"])
    if keys == {"numbers"}:
        return TextRule("numbers", relative=value["numbers"])
    if keys and keys <= {"relative", "absolute"}:
        return TextRule("numbers", relative=value.get("relative"), absolute=value.get("absolute"))
    raise ValueError(
        'a way to compare texts is "exact", "whitespace", "json", "numbers", {regex = "..."}, {numbers = 0.01} or '
        f"{{relative = 0.01, absolute = 0.1}}, not {value!r}"
    )


def _is_limit(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and not math.isnan(value) and value >= 0
