"""Which cases of a report are meant: by an expression over their names, as pytest's -k has it, and by what became of
them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..text import did_you_mean, listed, shown
from .reading import Refused

Case = Mapping[str, Any]
Match = Callable[[str], bool]

_TOKEN = re.compile(r"\s*(\(|\)|[^\s()]+)")
_DONE = ("passed", "approved")
_MISSING = "missing"
_DEEPEST = 50


def select(cases: Sequence[Case], expression: str | None = None, only: Iterable[str] = ()) -> list[Case]:
    """Return the cases that are meant; without `only` those that did not pass.

    expression  words that node ids and golden keys hold, in upper or lower case, with and, or, not and parentheses; or
                a whole node id or key, which means that case alone
    only        outcomes, and verdicts, kinds of change and groups of outputs: a case is meant that has one of them

    Raises Refused for an expression or a word that means nothing, and where nothing is left, naming what is there.
    """
    words = list(only)
    there = sorted({word for case in cases for word in words_of(case)})
    for word in words:
        if word not in there:
            near = did_you_mean(word, there)
            raise Refused(f"--only {shown(word)}: the report has none{near}: it has {listed(there) or 'no case'}")
    wanted = [case for case in cases if _is_wanted(case, words)]
    found = _fitting(wanted, expression)
    if not found:
        names = listed(str(case["node_id"]) for case in wanted)
        raise Refused(f"nothing to approve: {_nothing(expression, names, cases)}")
    return found


def words_of(case: Case) -> set[str]:
    """Return the words by which `only` finds a case."""
    found = {case["outcome"]}
    if case["golden"] is None and case["run"] is not None:
        found.add(_MISSING)
    for output in case["outputs"]:
        found |= {one for one in (output["verdict"], output.get("group"), *output["kinds"]) if isinstance(one, str)}
    return found


def parsed(expression: str) -> Match:
    """Return what says whether a text fits an expression; raises Refused for one that is none."""
    tokens = [found[1] for found in _TOKEN.finditer(expression)]
    match = _Parser(tokens, expression).whole()
    return lambda text: match(text.casefold())


def _fitting(cases: Sequence[Case], expression: str | None) -> list[Case]:
    if expression is None:
        return list(cases)
    named = [case for case in cases if expression in (case["node_id"], case["key"])]
    if named:
        return named
    fits = parsed(expression)
    return [case for case in cases if fits(f"{case['node_id']} {case['key']}")]


def _is_wanted(case: Case, words: Sequence[str]) -> bool:
    return not words_of(case).isdisjoint(words) if words else case["outcome"] not in _DONE


def _nothing(expression: str | None, names: str, cases: Sequence[Case]) -> str:
    if names:
        return f"-k {shown(expression)} fits none of {names}"
    return "all cases of the report passed" if cases else "the report has no case"


class _Parser:
    """Reads an expression by recursive descent: or, and, not, then names and parentheses."""

    def __init__(self, tokens: list[str], expression: str) -> None:
        self.tokens = tokens
        self.expression = expression
        self.depth = 0

    def whole(self) -> Match:
        """Return what the whole expression says."""
        match = self._either()
        if self.tokens:
            raise self._wrong(f"{self.tokens[0]!r} is one too many")
        return match

    def _either(self) -> Match:
        found = [self._both()]
        while self._takes("or"):
            found.append(self._both())
        return lambda text: any(match(text) for match in found)

    def _both(self) -> Match:
        found = [self._one()]
        while self._takes("and"):
            found.append(self._one())
        return lambda text: all(match(text) for match in found)

    def _one(self) -> Match:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self._wrong("it is nested too deep")
        try:
            if self._takes("not"):
                other = self._one()
                return lambda text: not other(text)
            if self._takes("("):
                inner = self._either()
                if not self._takes(")"):
                    raise self._wrong("a ')' is missing")
                return inner
        finally:
            self.depth -= 1
        if not self.tokens or self.tokens[0] in ("and", "or", ")"):
            raise self._wrong("a name is missing" + (f" before {self.tokens[0]!r}" if self.tokens else " at the end"))
        word = self.tokens.pop(0).casefold()
        return lambda text: word in text

    def _takes(self, token: str) -> bool:
        if self.tokens[:1] != [token]:
            return False
        del self.tokens[0]
        return True

    def _wrong(self, why: str) -> Refused:
        return Refused(f"-k {shown(self.expression)}: {why}: write it like 'portrait and not (blur or grain)'")
