"""What changed, by the document of a session: output by output, and the same change of many cases as one."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..judging.verdict import FAILING
from .telling import line

WRONG = ("failed", "error")
"""Outcomes of cases that a person has to look at."""
INDENT = " " * 11
"""In front of what stands below an output's line."""


@dataclass(frozen=True)
class Changed:
    """An output that made its case fail.

    change    what kind of change it is, in words that others have too: "softer"; or missing, unexpected
    distance  of the part that moved most, 1.0 at its limit; inf for hard failures, None where nothing was measured
    parts     name -> distance of every part that moved, the farthest first
    files     what was written for a person -> its path below the report's folder
    """

    case: str
    output: str
    change: str
    message: str
    distance: float | None
    parts: Mapping[str, float]
    files: Mapping[str, str]

    @property
    def far(self) -> float:
        """The distance to sort by: what is missing or unexpected is as far as can be."""
        return math.inf if self.distance is None else self.distance


def can_be_approved(document: Mapping[str, Any]) -> bool:
    """Whether the report keeps a run that failed and may be approved from it."""
    return any(case["run"] is not None and case["refused"] is None for case in wrong_cases(document))


def changed_in(document: Mapping[str, Any]) -> list[Changed]:
    """Return the outputs that made cases fail, in the order of the document."""
    return [
        _changed(case, output)
        for case in wrong_cases(document)
        for output in case["outputs"]
        if output["verdict"] in FAILING
    ]


def wrong_cases(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the cases that failed, or of which an error was the end."""
    return [case for case in document["cases"] if case["outcome"] in WRONG]


def worst_first(cases: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return cases that were not judged, then by how far their farthest output moved; else in their order."""
    return sorted(cases, key=lambda case: -_far(case))


def grouped(changes: Iterable[Changed]) -> list[tuple[str, list[Changed]]]:
    """Return the changes by what kind they are, the kind that most cases have first; in each the worst first."""
    groups: dict[str, list[Changed]] = {}
    for one in changes:
        groups.setdefault(one.change, []).append(one)
    for group in groups.values():
        group.sort(key=lambda one: -one.far)
    return sorted(groups.items(), key=lambda found: (-cases_of(found[1]), -found[1][0].far, found[0]))


def cases_of(changes: Iterable[Changed]) -> int:
    """Return how many cases the outputs are of."""
    return len({one.case for one in changes})


def told_distance(distance: float | None) -> str:
    """Return a distance in words: "3.1", "inf"; "-" where nothing was measured."""
    if distance is None:
        return "-"
    return "inf" if math.isinf(distance) else f"{distance:.3g}" if distance < 1000 else f"{distance:.0f}"


def summary_of(change: str, group: list[Changed]) -> str:
    """Return "softer in 14 cases", "softer" where it is one."""
    count = cases_of(group)
    return f"{change} in {count} cases" if count > 1 else change


def rows(changes: list[Changed], most: int, below: Callable[[Changed], Iterable[str]]) -> Iterator[str]:
    """Yield a line an output, below one for each kind of change.

    most   outputs of a kind that are told of
    below  gives more lines on an output
    """
    if changes:
        yield f"changed outputs: {len(changes)} (with their distances, of which 1 is the limit)"
    for change, group in grouped(changes):
        yield f"  {summary_of(change, group)}"
        for one in group[:most]:
            yield f"  {told_distance(one.distance):>7}  {one.case}: {one.output}"
            yield from below(one)
        if len(group) > most:
            yield f"{INDENT}and {len(group) - most} more"


def parts_of(changed: Changed, width: int) -> Iterator[str]:
    """Yield lines of at most so many columns with the distances of all parts that moved."""
    told = ", ".join(f"{name} {told_distance(distance)}" for name, distance in changed.parts.items())
    yield from textwrap.wrap(told, max(width, len(INDENT) + 20), initial_indent=INDENT, subsequent_indent=INDENT)


def _far(case: Mapping[str, Any]) -> float:
    if case["error"] or case["failure"]:
        return math.inf
    found = [_number(one["distance"]) for one in case["outputs"] if one["verdict"] in FAILING]
    return max((math.inf if one is None else one for one in found), default=math.inf)


def _changed(case: Mapping[str, Any], output: Mapping[str, Any]) -> Changed:
    parts = {part["name"]: _number(part["distance"]) or 0.0 for part in output["parts"]}
    return Changed(
        case=line(case["node_id"], 200),
        output=line(f"node {output['node']} {line(output['title'], 100)!r} {output['key']} {output['index']}", 200),
        change=line(output["group"] or output["verdict"], 120),
        message=line(output["message"]),
        distance=_number(output["distance"]),
        parts=dict(sorted(((name, far) for name, far in parts.items() if far), key=lambda part: -part[1])),
        files=output["files"],
    )


def _number(told: float | str | None) -> float | None:
    return None if told is None else float(told)
