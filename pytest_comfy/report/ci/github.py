"""Annotations of GitHub: each case that failed is marked at its file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..changes import Changed, changed_in, told_distance, worst_first, wrong_cases
from ..telling import line, told
from .commands import command

_MOST = 10
"""Annotations of a kind that GitHub shows of a step."""
_LONGEST = 4000


def annotations_of(document: Mapping[str, Any], root: Path, environ: Mapping[str, str]) -> list[str]:
    """Return an annotation for each case that failed; the worst first.

    GitHub shows so many, so the last one counts the rest.
    """
    cases = worst_first(wrong_cases(document))
    changed: dict[str, list[Changed]] = {}
    for one in changed_in(document):
        changed.setdefault(one.case, []).append(one)
    shown = cases if len(cases) <= _MOST else cases[: _MOST - 1]
    lines = [_annotation(case, changed, root, environ) for case in shown]
    if len(shown) < len(cases):
        more = len(cases) - len(shown)
        lines.append(command("error", f"and {more} more cases: they are in the summary of the run", title="ComfyUI"))
    return lines


def _annotation(
    case: Mapping[str, Any], changed: Mapping[str, list[Changed]], root: Path, environ: Mapping[str, str]
) -> str:
    node_id = line(case["node_id"], 200)
    details = list(_details(changed.get(node_id, [])))
    message = details if details and not case["failure"] else [line(case["headline"]), *details]
    source = case["node_id"].partition("::")[0]  # from pytest's root, in whatever project of it the file is
    source = _in_repository(root / source, source, environ)
    return command("error", told("\n".join(message), _LONGEST), file=line(source, 400), title=node_id)


def _details(changes: list[Changed]) -> Iterator[str]:
    for one in changes[:_MOST]:
        yield f"{one.output}: {one.message or one.change} (distance {told_distance(one.distance)})"
    if len(changes) > _MOST:
        yield f"and {len(changes) - _MOST} more outputs"


def _in_repository(path: Path, source: str, environ: Mapping[str, str]) -> str:
    """Return a file's path as GitHub knows it: from the root of the checkout."""
    workspace = environ.get("GITHUB_WORKSPACE")
    return path.relative_to(workspace).as_posix() if workspace and path.is_relative_to(workspace) else source
