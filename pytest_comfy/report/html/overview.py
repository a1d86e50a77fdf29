"""What the first screen says: how many of what, and the same change in many cases told once."""

from __future__ import annotations

import math
import re
import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ...upgrade.causes import Word, causes_in
from .cases import OUTCOMES, Case
from .naming import slugged
from .outputs import VERDICTS, Output
from .reading import Entry, entries, entry, text, texts, whole

_BAR = 1000
"""Units of the bar of all cases."""
_MOST_GROUPS = 24
_MOST_SHOWN = 3
"""Cases of a group that are shown by their pictures."""
_MOST_NAMED = 8
_MOST_CAUSES = 8
_DRIFT = ("new", "changed", "known", "fixed")
_CAUSES: dict[Word, str] = {"likely": "Likely cause", "possible": "Possible cause", "every case": "In every case"}
_PLACE = re.compile(r"(?:missing|different): |\S+\.\w+::\S+ |\S+\.\w+(?::\d+)*: ")
"""What a sentence begins with that no other case has: its verdict, and which case, file or server it is about."""


@dataclass(frozen=True)
class Count:
    """How many there are of one word, and its stretch of the bar: from where, and how wide."""

    word: str
    number: int
    start: float = 0
    width: float = 0


@dataclass(frozen=True)
class Member:
    """A case that has a change: how far the farthest of its outputs with it moved, and the one to show."""

    case: Case
    distance: float
    pictured: Output | None


@dataclass(frozen=True)
class Group:
    """The same change in one or more cases, worst first."""

    id: str
    title: str
    verdict: str
    since: str
    members: tuple[Member, ...]
    outputs: int

    @property
    def is_type(self) -> bool:
        """Whether the title is the name of a type, which is told letter by letter."""
        return self.verdict in ("failed", "error") and any(
            one.case.fault is not None and one.case.fault.type == self.title for one in self.members
        )

    @property
    def shown(self) -> tuple[Member, ...]:
        """The worst that have a picture: one, or a row below it as well."""
        pictured = [member for member in self.members if member.pictured]
        return tuple(pictured[: _MOST_SHOWN if len(pictured) >= _MOST_SHOWN else 1])

    @property
    def named(self) -> tuple[Member, ...]:
        """The worst, to be linked."""
        return self.members[:_MOST_NAMED]


@dataclass(frozen=True)
class Cause:
    """What differs in the environments of failing cases, by how likely it is the cause."""

    title: str
    differences: tuple[tuple[str, str], ...]


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
    drift: tuple[Count, ...]
    beside: str
    causes: tuple[Cause, ...]
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
    known, drift = entry(document.get("known")), entry(counts.get("drift"))
    changed = Counter(kind for case in cases for kind in case.kinds if not kind.startswith("is:"))
    words = Counter(word for case in cases for word in case.words)
    order = ("error", "failed", *VERDICTS[:4], "xfailed", "approved", "passed")
    return Overview(
        headline=_headline(outcomes, "as on the old server" if _old_servers(document) else "as approved"),
        facts=tuple(_facts(document)),
        ci=_ci(entry(document.get("ci"))),
        interrupted=document.get("interrupted") is True,
        cases=tuple(_bar(outcomes, OUTCOMES)),
        outputs=tuple(Count(word, whole(outputs.get(word))) for word in VERDICTS if whole(outputs.get(word))),
        kinds=tuple(Count(*one) for one in changed.most_common(20)),
        drift=tuple(Count(word, whole(drift.get(word))) for word in _DRIFT) if known else (),
        beside=f"{text(known.get('file'), 120)} of {text(known.get('created'), 40)[:10]}" if known else "",
        causes=tuple(_causes(document)),
        groups=tuple(every[:_MOST_GROUPS]),
        groups_left_out=max(0, len(every) - _MOST_GROUPS),
        words=tuple(Count(word, words[word]) for word in order if words[word]),
        output_kinds=tuple(sorted({kind[3:] for case in cases for kind in case.kinds if kind.startswith("is:")})),
    )


def _causes(document: Entry) -> Iterable[Cause]:
    found: dict[Word, list[tuple[str, str]]] = {}
    for word, difference, counts in islice(causes_in([document.get("causes")]).found(), _MOST_CAUSES):
        found.setdefault(word, []).append((text(difference), counts))
    for word, differences in found.items():
        yield Cause(_CAUSES[word], tuple(differences))


def grouped(case: Case) -> dict[str, tuple[str, str]]:
    """Return id -> (title, verdict) of the changes that a case has; none where they were expected."""
    if case.outcome == "xfailed":
        return {}
    found = {_group_id(one.verdict, one.group): (one.group, one.verdict) for one in case.outputs if one.failed}
    if case.outcome == "error" or (not found and case.outcome == "failed"):
        title, word = _title(case), "error" if case.outcome == "error" else "failed"
        return {**found, _group_id(word, title): (title, word)}
    return found


def _title(case: Case) -> str:
    """Return why a case has no outputs to judge: the type of what a node raised, else how the sentence begins."""
    if case.fault and case.fault.node and case.fault.type:
        return case.fault.type
    return _first_words(case.failure or case.headline)


def _group_id(verdict: str, title: str) -> str:
    return slugged(f"{verdict}-{title}".casefold())


def _first_words(sentence: str) -> str:
    told = _PLACE.sub("", sentence)
    words = re.split(r" at | for |[.:] |[(;\n]", told)[0].strip().rstrip(".:")
    return textwrap.shorten(words, 80, placeholder=" ...") if words else "not told"


def _groups(cases: Sequence[Case], groups: Mapping[str, tuple[str, ...]]) -> list[Group]:
    having = defaultdict(list)
    for case in cases:
        for name in groups.get(case.id, ()):
            having[name].append(case)
    found = []
    for name, those in having.items():
        title, verdict = grouped(those[0])[name]
        members = sorted((_member(case, title, verdict) for case in those), key=lambda one: -one.distance)
        count = sum(len(_having(case, title, verdict)) for case in those)
        found.append(Group(name, title, verdict, _since(those), tuple(members), count))
    return sorted(found, key=lambda group: (-len(group.members), group.verdict != "error", -group.members[0].distance))


def _member(case: Case, title: str, verdict: str) -> Member:
    outputs = _having(case, title, verdict)
    far = [math.inf if one.distance is None else one.distance for one in outputs]
    pictured = [one for one in outputs if any(one.thumbnails)]
    return Member(case, max(far, default=math.inf), max(pictured, key=lambda one: one.distance or 0.0, default=None))


def _having(case: Case, title: str, verdict: str) -> list[Output]:
    return [one for one in case.outputs if (one.group, one.verdict) == (title, verdict)]


def _since(cases: Iterable[Case]) -> str:
    """Return what all cases have that their golden runs had not: "ComfyUI 0.30.0" of "ComfyUI 0.8.0 -> 0.30.0"."""
    every = [case.differences for case in cases]
    common = [one for one in every[0] if all(one in others for others in every)]
    common.sort(key=lambda one: not one.startswith("ComfyUI"))
    if not common:
        return ""
    name, arrow, new = common[0].rpartition(" -> ")
    return f"{name.rsplit(' ', 1)[0].rstrip(':')} {new}" if arrow and " " in name else common[0]


def _headline(outcomes: Mapping[str, int], standard: str) -> str:
    """Return the first line; `standard` is what the cases were held against."""
    total = sum(outcomes.values())
    if not total:
        return "No case was judged"
    cases = f"{total} {'case' if total == 1 else 'cases'}"
    failed, errors = outcomes.get("failed", 0), outcomes.get("error", 0)
    told = []
    if failed:
        told.append(f"{failed} of {cases} {'is' if failed == 1 else 'are'} not {standard}")
    if errors:
        told.append(f"{errors} could not be judged" if told else f"{errors} of {cases} could not be judged")
    if told:
        return ", ".join(told)
    if outcomes.get("xfailed"):
        return f"Nothing new: {outcomes['xfailed']} of {cases} failed as expected"
    return f"The case is {standard}" if total == 1 else f"All {total} cases are {standard}"


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
    yield from (f"against {one}" for one in _old_servers(document))
    commit = document.get("commit")
    if commit:
        yield f"commit {text(commit, 80)[:12]}"


def _old_servers(document: Entry) -> list[str]:
    """Return the servers that cases were held against, each once."""
    told = (text(entry(case.get("against")).get("server"), 200) for case in entries(document.get("cases"), 1000))
    return list(dict.fromkeys(one for one in told if one))[:5]


def _ci(document: Entry) -> tuple[str, str] | None:
    """Return the name of the service and the address of the run; only an address of the web is one."""
    address: Any = document.get("url")
    if not isinstance(address, str) or not re.fullmatch(r"https?://[\x21-\x7e]{1,500}", address):
        return None
    return text(document.get("name"), 40) or "CI", address
