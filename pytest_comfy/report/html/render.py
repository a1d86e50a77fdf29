"""The pages of a report: index.html, and a page of its own for each case that is too much for it."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...files import is_folder, refuse_links, write_whole
from . import assets
from .cases import OUTCOMES, Case, case_of, duration, name_of
from .links import Links
from .naming import Names, slugged
from .overview import grouped, overview
from .reading import entries, figure, text

if TYPE_CHECKING:
    import jinja2

INDEX = "index.html"
CASE = "case.html"
"""In the folder of a case whose details index.html has no room for."""
MOST_DETAILS = 1_000_000
"""Characters of details in index.html; those of the worst cases come first."""

_IDS = (
    "main", "told", "help", "help-title", "keys-on", "heat", "heat-gain", "amplified", "amplified-gain", "cases",
    "cases-title", "search", "kind", "sort", "shown", "none",
    "decided", "decision", "progress", "reasons", "stale", "decisions", "decisions-title", "decisions-told", "together",
    "together-title", "together-told", "together-reason", "together-progress", "together-go",
)  # fmt: skip
"""Ids of the templates' own, which no case may have."""


@dataclass(frozen=True)
class Review:
    """What pages send along when they tell what a person decides.

    key      shows that it is told by a page of ours
    version  of the report that the person looks at
    """

    key: str
    version: str


@dataclass(frozen=True)
class Pages:
    """Pages of a report.

    cases    what they show, in the order of the document
    texts    path from the report's folder on -> page
    without  paths at which an earlier report may have left the page of a case that has none now
    """

    cases: Sequence[Case]
    texts: Mapping[str, str]
    without: Sequence[str]


def write_page(report_dir: Path, document: Mapping[str, Any], inline: bool = False) -> Path:
    """Write index.html, and what belongs to it, from what report.json holds; returns where it is.

    document  as docs/report.md has it. Nothing in it is trusted: all texts are escaped and bounded, and no path is
              followed out of `report_dir`.
    inline    write style, scripts and what is shown into the one page

    Raises OSError where it cannot be written.
    """
    assets.place(report_dir, inline)
    pages = pages_of(report_dir, document, inline)
    for path, told in pages.texts.items():
        write_whole(report_dir / path, told.encode("utf-8"))
    for path in pages.without:
        with contextlib.suppress(OSError):
            (report_dir / path).unlink(missing_ok=True)
    return report_dir / INDEX


def pages_of(
    report_dir: Path, document: Mapping[str, Any], inline: bool = False, review: Review | None = None
) -> Pages:
    """Return the pages of what report.json holds, and write nothing; arguments are those of `write_page`.

    review  of pages on which something is decided
    """
    links, names = Links(report_dir, inline), Names(_IDS)
    told = [case_of(one, links, names.of(name_of(one))) for one in entries(document.get("cases"))]
    cases = sorted(told, key=_worst_first)
    groups = {case.id: tuple(grouped(case)) for case in cases}
    common = _common(document, inline, review)
    details, texts, without = _details(report_dir, cases, common)
    texts[INDEX] = _template("index.html").render(
        common, root="", cases=cases, groups=groups, details=details, overview=overview(document, cases, groups)
    )
    return Pages(told, texts, without)


def _details(
    report_dir: Path, cases: Iterable[Case], common: Mapping[str, Any]
) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Return what stands below the line of each case, '' for those that have a page of their own; these pages, by
    path; and the paths at which there is none."""
    template, length = _template("_details.html"), 0
    found: dict[str, str] = {}
    pages: dict[str, str] = {}
    without = []
    for case in cases:
        if not case.has_details:
            continue
        told = template.render(common, case=case, root="")
        folder = _folder(report_dir, case)
        path = f"{case.folder}/{CASE}"
        if common["whole"] or folder is None or path in pages or length + len(told) <= MOST_DETAILS:
            found[case.id] = told
            length += len(told)
            without += [path] if folder is not None else []
            continue
        root = "../" * (1 + case.folder.count("/"))
        details = template.render(common, case=case, root=root)
        pages[path] = _template("case.html").render(common, case=case, root=root, details=details)
        found[case.id] = ""
    return found, pages, [path for path in without if path not in pages]


def _folder(report_dir: Path, case: Case) -> Path | None:
    """Return the folder of a case, if it is there and no link leads to it."""
    if not case.folder:
        return None
    folder = report_dir / case.folder
    try:
        refuse_links(report_dir, folder)
    except OSError:
        return None
    return folder if is_folder(folder) else None


def _worst_first(case: Case) -> tuple[int, float]:
    return OUTCOMES.index(case.outcome), -case.distance


def _common(document: Mapping[str, Any], inline: bool, review: Review | None) -> dict[str, Any]:
    """Return what all pages have."""
    scripts = assets.SCRIPTS + (assets.REVIEW_SCRIPTS if review else ())
    return {
        "by": text(document.get("by"), 80),
        "policy": assets.policy(inline),
        "style": assets.style() if inline else "",
        "scripts": [(name, assets.script(name) if inline else "") for name in scripts],
        "review": review,
        "whole": inline,
        "case_page": CASE,
    }


def _is_inline(url: str) -> bool:
    return url.startswith("data:")


def _template(name: str) -> jinja2.Template:
    return _environment().get_template(name)


@cache
def _environment() -> jinja2.Environment:
    import jinja2  # not at the top: a session without a report must not load it

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pytest_comfy.report.html"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(duration=duration, figure=figure, slug=slugged)
    environment.globals.update(infinity=math.inf, inline=_is_inline)
    return environment
