"""What the first screen says: how many of what, and the same change in many cases told once."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .cases import OUTCOMES, Case
from .naming import slugged
from .outputs import VERDICTS
from .reading import Entry, entry, text, texts, whole

_BAR = 1000
"""Units of the bar of all cases."""
_MOST_GROUPS = 24
_MOST_SHOWN = 3
"""Cases of a group that are shown by their pictures."""
_MOST_NAMED = 8


@dataclass(frozen=True)
class Count:
    """How many there are of one word, and its stretch of the bar: from where, and how wide."""

    word: str
    number: int
    start: float = 0
    width: float = 0


@dataclass(frozen=True)
class Group:
    """The same change in one or more cases, worst first."""

    id: str
    title: str
    verdict: str
    since: str
    cases: tuple[Case, ...]
    outputs: int

    @property
    def shown(self) -> tuple[Case, ...]:
        """The worst that have a picture: one, or a row below it as well."""
        pictured = [case for case in self.cases if case.worst]
        return tuple(pictured[: _MOST_SHOWN if len(pictured) >= _MOST_SHOWN else 1])

    @property
    def named(self) -> tuple[Case, ...]:
        """The worst, to be linked."""
        return self.cases[:_MOST_NAMED]


@dataclass(frozen=True)
class Overview:
    """The first screen."""

    headline: str
    facts: tuple[str, ...]
    ci: tuple[str, str] | None
    interrupted: bool
    cases: tuple[Count, ...]
    outputs: tuple[Count, ...]
    kinds: tuple[Count, ...]
    groups: tuple[Group, ...]
    groups_left_out: int
    words: tuple[Count, ...]
    output_kinds: tuple[str, ...]


def overview(document: Entry, cases: Sequence[Case], groups: Mapping[str, tuple[str, ...]]) -> Overview:
    """Return what the first screen of a report says of its cases; `groups` is what `grouped` says of each, by id."""
    every = _groups(cases, groups)
    counts = entry(document.get("counts"))
    outcomes = {
        word: whole(entry(counts.get("cases")).get(word)) for word in OUTCOMES
    }  # those that are not listed, too
    if sum(outcomes.values()) < len(cases):
        outcomes = dict(Counter(case.outcome for case in cases))
    outputs = entry(counts.get("outputs")) or Counter(one.verdict for case in cases for one in case.outputs)
    changed = Counter(kind for case in cases for kind in case.kinds if not kind.startswith("is:"))
    words = Counter(word for case in cases for word in case.words)
    order = ("error", "failed", *VERDICTS[:4], "xfailed", "approved", "passed")
    return Overview(
        headline=_headline(outcomes),
        facts=tuple(_facts(document)),
        ci=_ci(entry(document.get("ci"))),
        interrupted=document.get("interrupted") is True,
        cases=tuple(_bar(outcomes, OUTCOMES)),
        outputs=tuple(Count(word, whole(outputs.get(word))) for word in VERDICTS if whole(outputs.get(word))),
        kinds=tuple(Count(*one) for one in changed.most_common(20)),
        groups=tuple(every[:_MOST_GROUPS]),
        groups_left_out=max(0, len(every) - _MOST_GROUPS),
        words=tuple(Count(word, words[word]) for word in order if words[word]),
        output_kinds=tuple(sorted({kind[3:] for case in cases for kind in case.kinds if kind.startswith("is:")})),
    )


def grouped(case: Case) -> dict[str, tuple[str, str]]:
    """Return id -> (title, verdict) of the changes that a case has."""
    found = {_group_id(one.verdict, one.group): (one.group, one.verdict) for one in case.outputs if one.failed}
    if case.outcome == "error":
        title = case.fault.type if case.fault and case.fault.type else _first_words(case.headline or case.failure)
        return {**found, _group_id("error", title): (title, "error")}
    if not found and case.outcome == "failed":
        title = _first_words(case.failure or case.headline)
        return {_group_id("failed", title): (title, "failed")}
    return found


def _group_id(verdict: str, title: str) -> str:
    return slugged(f"{verdict}-{title}".casefold())


def _first_words(sentence: str) -> str:
    return re.split(r" at |[(;\n]", sentence)[0].strip().rstrip(":")[:80] or "not told"


def _groups(cases: Sequence[Case], groups: Mapping[str, tuple[str, ...]]) -> list[Group]:
    members = defaultdict(list)
    for case in cases:
        for name in groups.get(case.id, ()):
            members[name].append(case)
    found = []
    for name, those in members.items():
        title, verdict = grouped(those[0])[name]
        those.sort(key=lambda case: -case.distance)
        count = sum(one.group == title and one.verdict == verdict for case in those for one in case.outputs)
        found.append(Group(name, title, verdict, _since(those), tuple(those), count))
    return sorted(found, key=lambda group: (-len(group.cases), group.verdict != "error", -group.cases[0].distance))


def _since(cases: Iterable[Case]) -> str:
    """Return what all cases have that their golden runs had not: "ComfyUI 0.30.0" of "ComfyUI 0.8.0 -> 0.30.0"."""
    every = [case.differences for case in cases]
    common = [one for one in every[0] if all(one in others for others in every)]
    common.sort(key=lambda one: not one.startswith("ComfyUI"))
    if not common:
        return ""
    name, arrow, new = common[0].rpartition(" -> ")
    return f"{name.rsplit(' ', 1)[0].rstrip(':')} {new}" if arrow and " " in name else common[0]


def _headline(outcomes: Mapping[str, int]) -> str:
    total = sum(outcomes.values())
    if not total:
        return "No case was judged"
    cases = f"{total} {'case' if total == 1 else 'cases'}"
    failed, errors = outcomes.get("failed", 0), outcomes.get("error", 0)
    told = []
    if failed:
        told.append(f"{failed} of {cases} {'is' if failed == 1 else 'are'} not as approved")
    if errors:
        told.append(f"{errors} could not be judged" if told else f"{errors} of {cases} could not be judged")
    if told:
        return ", ".join(told)
    return "The case is as approved" if total == 1 else f"All {total} cases are as approved"


def _bar(counts: Mapping[str, int], order: Iterable[str]) -> Iterable[Count]:
    total, start = sum(counts.values()), 0.0
    for word in order:
        if counts.get(word):
            width = counts[word] / total * _BAR
            yield Count(word, counts[word], round(start, 1), round(width, 1))
            start += width


def _facts(document: Entry) -> Iterable[str]:
    created = text(document.get("created"), 40)
    yield created.replace("T", " ").removesuffix("Z") + (" UTC" if created.endswith("Z") else "")
    yield text(document.get("mode"), 40)
    yield from texts(document.get("servers"), 5)
    commit = document.get("commit")
    if commit:
        yield f"commit {text(commit, 80)[:12]}"


def _ci(document: Entry) -> tuple[str, str] | None:
    """Return the name of the service and the address of the run; only an address of the web is one."""
    address: Any = document.get("url")
    if not isinstance(address, str) or not re.fullmatch(r"https?://[\x21-\x7e]{1,500}", address):
        return None
    return text(document.get("name"), 40) or "CI", address
