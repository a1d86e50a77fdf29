"""The summary of a step on GitHub, in Markdown: it cannot show pictures, so it says where they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...judging.verdict import VERDICTS
from ...upgrade.causes import causes_of
from ..changes import Changed, can_be_approved, changed_in, grouped, summary_of, told_distance, worst_first, wrong_cases
from ..document import ci_run, servers_of
from ..drift.words import DRIFT
from .markdown import escaped, row

if TYPE_CHECKING:
    from ...session.state import State

_LIMIT = 2**20
"""Bytes that GitHub takes of a step's summary, of all that was written to it."""
_SPARE = 2**12
_MOST_ROWS = 500
_MOST_CAUSES = 5


def append(path: Path, state: State, environ: Mapping[str, str]) -> None:
    """Append what a session says to the file that GitHub reads; raises OSError."""
    taken = path.stat().st_size if path.exists() else 0
    text = markdown(state, environ, _LIMIT - taken)
    with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)


def markdown(state: State, environ: Mapping[str, str], room: int) -> str:
    """Return the summary, in at most so many bytes; nothing where there is no room for the least of it."""
    wrong = wrong_cases(state.document) if state.document is not None else []
    head, foot = _head(state, len(wrong)), _foot(state, environ) if wrong else ""
    room -= len((head + foot).encode("utf-8", "backslashreplace")) + _SPARE
    if room < 0:
        return ""
    rows = list(_rows(state.document, wrong)) if state.document is not None and wrong else []
    return f"{head}{_table(rows, room)}{foot}\n"


def _head(state: State, wrong: int) -> str:
    total = sum(state.outcomes.values())
    cases = "1 case" if total == 1 else f"{total} cases"
    counts = ", ".join(f"{state.verdicts[word]} {word}" for word in (*VERDICTS, "ignored") if state.verdicts[word])
    ended = ", and the session was interrupted" if state.document is not None and state.document["interrupted"] else ""
    title = f"### ComfyUI workflows: {f'{wrong} of {cases} failed' if wrong else f'{cases}, none failed'}{ended}\n\n"
    where = f" Live on {', '.join(map(escaped, servers_of(state.told_servers)))}." if state.settings.live else ""
    told = f"Outputs: {counts or 'none'}.{where}\n\n{_drift(state)}"
    changes = changed_in(state.document) if state.document is not None else []
    kinds = [f"- {escaped(summary_of(change, group))}\n" for change, group in grouped(changes)[:20]]
    causes = [f"- {escaped(one)}\n" for one in islice(causes_of(state.compared).told(), _MOST_CAUSES)]
    lists = ["".join(rows) + "\n" for rows in (kinds, causes) if rows]
    return title + told + "".join(lists)


def _drift(state: State) -> str:
    """Return what cases are beside the report of before."""
    if state.earlier is None:
        return ""
    counts = ", ".join(f"{state.drift[word]} {word}" for word in DRIFT)
    return f"Failures beside {escaped(state.earlier.told)} of {state.earlier.created[:10]}: {counts}.\n\n"


def _rows(document: Mapping[str, Any], wrong: list[Mapping[str, Any]]) -> Iterator[str]:
    changed: dict[str, list[Changed]] = {}
    for one in changed_in(document):
        changed.setdefault(one.case, []).append(one)
    for case in worst_first(wrong):
        name = escaped(case["node_id"], 200)
        found = changed.get(case["node_id"], [])
        if case["failure"] or case["error"] or not found:
            yield row((name, "", escaped(case["headline"]), ""))
        for one in found:
            told = escaped(one.message or one.change)
            yield row((name, escaped(one.output), told, told_distance(one.distance)))


def _table(rows: list[str], room: int) -> str:
    """Return the rows that there is room for, and how many there are beside."""
    if not rows:
        return ""
    head = row(("case", "output", "what changed", "distance")) + row(("---", "---", "---", "---:"))
    taken, kept = len(head), []
    for one in rows[:_MOST_ROWS]:
        taken += len(one.encode("utf-8", "backslashreplace"))
        if taken > room:
            break
        kept.append(one)
    more = len(rows) - len(kept)
    return f"{head}{''.join(kept)}\n" + (f"and {more} rows more, which are in the report\n\n" if more else "")


def _foot(state: State, environ: Mapping[str, str]) -> str:
    folder = state.settings.relative(state.settings.report_dir) or state.settings.report_dir.name
    run = ci_run(environ)
    where = (
        f"the [artifacts of this run]({run['url']}#artifacts)" if run and run["url"] else "the artifacts of this run"
    )
    told = f"The pictures are in the folder {escaped(folder)}: look for it among {where}, if the job uploads it.\n"
    if state.document is None or not can_be_approved(state.document):
        return told
    return f'What is right: pytest-comfy approve DIR --reason "why", in a checkout of this commit.\n\n{told}'
