"""What a server had before the first scenario, read off what it tells later: settings, files, refused prompts."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from pytest_comfy.golden import GoldenRun

from .captures import Capture, Event, is_post

_LISTING = re.compile(r"/internal/files/(input|output|temp)")
_JOBS = re.compile(r"(/api)?/api/jobs(\?limit=\d+)?")
"""All jobs, however many of them are shown."""
_OFFSET = re.compile(r"/history\?max_items=\d+&offset=(\d+)")


def settings_before(captures: Sequence[Capture]) -> dict[str, Any] | None:
    """Return the settings that the user had, none of them if only the folder was there; None without a folder."""
    there = next((event["response"]["json"]["migrated"] for event in _answers(captures, "/users")), False)
    settings = next((dict(event["response"]["json"]) for event in _answers(captures, "/settings")), {})
    return settings if settings or there else None


def files_before(captures: Sequence[Capture], runs: Iterable[GoldenRun]) -> list[tuple[str, str]]:
    """Return (folder, name) of the files that the server lists and that no run has made, oldest first."""
    made = set(_made(runs))
    found = []
    for capture in captures:
        for event in capture.events:
            asked = _LISTING.fullmatch(event["request"]["path"]) if event["kind"] == "http" else None
            if asked is not None and event["response"]["status"] == 200:
                names = [name.removesuffix(f" [{asked[1]}]") for name in event["response"]["json"]]
                found += [(asked[1], name) for name in reversed(names) if (asked[1], name) not in made]
    return list(dict.fromkeys(found))


def _made(runs: Iterable[GoldenRun]) -> Iterator[tuple[str, str]]:
    for run in runs:
        for output in run.document["ui"].values():
            for items in output.values():
                for item in items if isinstance(items, list) else []:
                    if isinstance(item, Mapping) and item.get("subfolder") == "" and "filename" in item:
                        yield item["type"], item["filename"]


def refused_before(captures: Sequence[Capture], earlier: int, known: Collection[int]) -> set[int]:
    """Return which of the `earlier` numbers were given to prompts that history does not know.

    captures  in their order
    known     numbers that it does know

    How many is shown by the first capture that is told of all jobs, and where they stand by `GET /history?offset=N`:
    N entries come before the first that it gives. Which of the others they are cannot be told, and nothing shows it.
    """
    found: set[int] = set()
    for first, offset in _offsets(captures):
        unknown = [number for number in range(min(first, earlier)) if number not in {*known, *found}]
        found |= set(unknown[: max(0, first - len([one for one in found if one < first]) - offset)])
    unknown = [number for number in range(earlier) if number not in {*known, *found}]
    more = _missing(captures, earlier) - len(found)
    return found | set(unknown[len(unknown) - max(0, more) :])


def _offsets(captures: Sequence[Capture]) -> Iterator[tuple[int, int]]:
    """Yield (number of the first entry, entries before it), as history tells it."""
    for capture in captures:
        for event in capture.events:
            asked = _OFFSET.fullmatch(event["request"]["path"]) if event["kind"] == "http" else None
            entries = event["response"].get("json") if asked is not None else None
            if asked is not None and entries:
                yield int(next(iter(entries.values()))["prompt"][0]), int(asked[1])


def _missing(captures: Sequence[Capture], earlier: int) -> int:
    """Return how many of the `earlier` numbers belong to no entry of history, 0 where nothing tells."""
    total = earlier
    for capture in captures:
        for event in capture.events:
            path = event["request"]["path"] if event["kind"] == "http" else ""
            if event["kind"] == "http" and _JOBS.fullmatch(path) and event["response"]["status"] == 200:
                if not capture.posts and "params" not in event["request"]:
                    return max(0, total - int(event["response"]["json"]["pagination"]["total"]))
            elif path == "/history" and event["request"]["method"] == "POST":
                changed = event["request"].get("json") or {}
                if changed.get("clear"):
                    return 0  # Nothing that came before can be told any more.
                total -= len(changed.get("delete") or ())
            elif is_post(event) and event["response"]["status"] == 200:
                total += event["response"]["json"]["prompt_id"] in capture.starts.keys() | capture.history.keys()
    return 0


def _answers(captures: Sequence[Capture], path: str) -> Iterator[Event]:
    for capture in captures:
        for event in capture.events:
            if event["kind"] == "http" and event["request"]["path"] == path and event["response"]["status"] == 200:
                yield event
