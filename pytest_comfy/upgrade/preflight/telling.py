"""Findings for people and for programs: lines by workflow, and one document of all."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ... import __version__
from ...text import listed, plain
from .cases import Looked
from .finding import KINDS, SEVERITIES, Finding, Severity

SCHEMA = 1
"""Version of the document."""
_INDENT = 11
_PLURALS = {"error": "errors", "warning": "warnings", "info": "notes"}
_MOST_NODES = 4


def counts_of(looked: Iterable[Looked]) -> Counter[Severity]:
    """Return how many findings there are of each severity; one of several cases counts once."""
    return Counter(finding.severity for one in looked for finding in one.findings)


def document(looked: Sequence[Looked], against: str) -> dict[str, Any]:
    """Return the findings as one document; `against` says in words what they were held against."""
    counts = counts_of(looked)
    return {
        "schema": SCHEMA,
        "by": f"pytest-comfy {__version__}",
        "against": plain(against),
        "counts": {severity: counts[severity] for severity in SEVERITIES},
        "workflows": [
            {
                "workflow": plain(one.source),
                "cases": list(one.cases),
                "findings": [
                    {**finding.to_json(), "cases": list(cases)} for finding, cases in _sorted(one.findings.items())
                ],
            }
            for one in looked
        ],
    }


def lines(looked: Sequence[Looked], against: str, width: int, verbose: bool) -> Iterator[str]:
    """Yield what a person reads: errors and warnings of each workflow, and how many of all.

    verbose  tells the rest as well
    """
    yield from _wrapped(f"against {plain(against)}", width, "  ")
    for one in looked:
        shown = [(finding, cases) for finding, cases in _sorted(one.findings.items())
                 if verbose or finding.severity != "info"]  # fmt: skip
        if shown:
            yield ""
            yield plain(one.source)
        for findings, cases in _grouped(shown):
            some = f" (case{'s' * (len(cases) > 1)} {listed(cases)})" if 0 < len(cases) < len(one.cases) else ""
            where = _where(findings)
            text = f"{f'{where}: ' if where else ''}{findings[0].sentence}{some}"
            yield from _wrapped(f"  {findings[0].severity:<9}{plain(text)}", width, " " * _INDENT)
    yield ""
    yield from _wrapped(_closing(looked, verbose), width, "  ")


def _sorted(found: Iterable[tuple[Finding, tuple[str, ...]]]) -> list[tuple[Finding, tuple[str, ...]]]:
    return sorted(found, key=lambda pair: SEVERITIES.index(pair[0].severity))


def _grouped(found: Iterable[tuple[Finding, tuple[str, ...]]]) -> list[tuple[list[Finding], tuple[str, ...]]]:
    """Put together what is the same of several nodes of a class, and of the same cases."""
    groups: dict[Any, list[Finding]] = {}
    for finding, cases in found:
        groups.setdefault((finding.severity, finding.sentence, finding.class_type, cases), []).append(finding)
    return [(findings, key[-1]) for key, findings in groups.items()]


def _where(found: list[Finding]) -> str:
    if len(found) == 1:
        return found[0].where
    ids = listed([str(one.node) for one in found], _MOST_NODES)
    return f"nodes {ids} ({plain(found[0].class_type, 80)})"


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _closing(looked: Sequence[Looked], verbose: bool) -> str:
    counts = counts_of(looked)
    told = [
        f"{counts[severity]} {severity if counts[severity] == 1 and severity != 'info' else _PLURALS[severity]}"
        for severity in SEVERITIES
    ]
    broken = sum(any(finding.severity == "error" for finding in one.findings) for one in looked)
    count = f"{len(looked)} workflow{'s' * (len(looked) != 1)}"
    hidden = " (-v tells them)" if counts["info"] and not verbose else ""
    affected = f", {broken} of them sure to break" if broken else ""
    return f"{count}{affected}: {', '.join(told)}{hidden}"


def kind_told(kind: str) -> str:
    """Return what one of a kind is, in words."""
    return KINDS.get(kind, kind)
