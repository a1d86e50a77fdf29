"""One case as the page shows it: what became of it, its outputs, and what explains them."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from .graph import Graph, laid_out
from .links import Links, is_inside
from .naming import Names
from .outputs import FAILED, VERDICTS, Output, output_of
from .reading import Entry, block, entries, entry, number, text, texts

OUTCOMES = ("error", "failed", "xfailed", "approved", "passed")
_BAR = 160
_MOST_OUTPUTS = 500
_MOST_BLAMED = 8
_MOST_NODES = 300


@dataclass(frozen=True)
class Timing:
    """Seconds of one node, and its bars in pixels."""

    node: str
    title: str
    golden: str
    actual: str
    golden_bar: float
    actual_bar: float
    cached: bool


@dataclass(frozen=True)
class Fault:
    """Why a case could not be judged."""

    type: str
    message: str
    node: str
    traceback: str


@dataclass(frozen=True)
class Fact:
    """A name and what it is, such as ("server", "http://127.0.0.1:8188")."""

    name: str
    told: str


@dataclass(frozen=True)
class Batch:
    """The outputs of one node under one key, in order."""

    title: str
    outputs: tuple[Output, ...]


@dataclass(frozen=True)
class Case:
    """One case.

    folder  where it lies in the report, '' where that is not known or not to be trusted
    blame   what is to blame for it, a sentence each
    before  what its outputs were compared with, as the page calls it
    """

    id: str
    name: str
    outcome: str
    headline: str
    failure: str
    notes: tuple[str, ...]
    told: str
    seconds: float | None
    facts: tuple[Fact, ...]
    environment: tuple[str, str]
    differences: tuple[str, ...]
    prompt_differences: tuple[str, ...]
    timings: tuple[Timing, ...]
    graph: Graph | None
    fault: Fault | None
    log: str
    approve: str
    refused: str
    doubts: tuple[str, ...]
    drift: str
    folder: str
    outputs: tuple[Output, ...]
    blame: tuple[str, ...] = ()
    before: str = "golden"

    @property
    def verdict(self) -> str:
        """The one word: error, the worst of its outputs, failed where no output is to blame; else its outcome."""
        if self.outcome == "error":
            return "error"
        worst = next((word for word in VERDICTS for one in self.outputs if one.verdict == word), "")
        if self.outcome == "failed":  # what failed as expected is told as that
            return worst if worst in FAILED else "failed"
        if self.outcome == "passed" and worst == "within tolerance":
            return worst
        return self.outcome

    @property
    def words(self) -> tuple[str, ...]:
        """What the filter by verdict finds it by."""
        return tuple(dict.fromkeys([self.verdict, *(one.verdict for one in self.outputs if one.failed)]))

    @property
    def kinds(self) -> tuple[str, ...]:
        """What the filter by kind finds it by: kinds of change, then kinds of output."""
        changed = (kind for one in self.outputs if one.failed for kind in one.kinds)
        return tuple(dict.fromkeys([*changed, *(f"is:{one.kind}" for one in self.outputs if one.kind)]))

    @property
    def distance(self) -> float:
        """How far its worst output moved, in limits; infinite where something is missing or could not be judged."""
        if self.outcome == "error" or any(one.verdict in ("missing", "unexpected") for one in self.outputs):
            return math.inf
        moved = max((one.distance for one in self.outputs if one.distance is not None), default=None)
        return moved if moved is not None else math.inf if self.outcome == "failed" else 0.0

    @property
    def worst(self) -> Output | None:
        """The output that is shown in its place."""
        shown = [one for one in self.outputs if any(one.thumbnails)]
        failed = [one for one in shown if one.failed]
        return max(failed or shown, key=lambda one: one.distance or 0.0, default=None)

    @property
    def differing(self) -> tuple[Output, ...]:
        """The outputs that are approved or rejected one by one."""
        return tuple(one for one in self.outputs if one.failed)

    @property
    def batches(self) -> tuple[Batch, ...]:
        """The outputs by node and key, those with a failed one first."""
        parts = [tuple(members) for _, members in groupby(self.outputs, key=lambda one: one.batch)]
        parts.sort(key=lambda members: not any(one.failed for one in members))
        return tuple(Batch(members[0].title or members[0].batch, members) for members in parts)

    @property
    def has_details(self) -> bool:
        """Whether there is more to tell than its line."""
        return self.outcome in ("error", "failed", "xfailed") or any(
            one.files or one.verdict not in ("identical", "ignored") for one in self.outputs
        )


def name_of(document: Entry) -> str:
    """Return what a case is called: the key of its golden run, with the folder of its project in front."""
    key = text(document.get("key"), 300) or text(document.get("node_id"), 300)
    project = text(document.get("project"), 300)
    return f"{project}/{key}" if project else key


def case_of(document: Entry, links: Links, name: str) -> Case:
    """Read a case of report.json; `name` is its id in the page."""
    outcome = text(document.get("outcome"), 20)
    outcome = outcome if outcome in OUTCOMES else "error"
    names = Names()
    outputs = tuple(output_of(told, links, names) for told in entries(document.get("outputs"), _MOST_OUTPUTS))
    folder = document.get("folder")
    environment = entry(document.get("environment"))
    fault = _fault(entry(document.get("error")))
    blame = [text(one.get("sentence"), 700) for one in entries(document.get("blame"), _MOST_BLAMED)]
    approve = text(document.get("approve"))  # told below the outputs, and need not be among the notes
    return Case(
        id=name,
        name=name_of(document),
        outcome=outcome,
        headline=text(document.get("headline")),
        failure=text(document.get("failure"), 4000),
        notes=tuple(
            one for one in texts(document.get("notes"), 20) if one not in blame and (not approve or approve not in one)
        ),
        told=block(document.get("text")),
        seconds=number(document.get("seconds")),
        facts=tuple(_facts(document)),
        environment=(text(environment.get("golden")), text(environment.get("actual"))),
        differences=tuple(texts(environment.get("differences"), 50)),
        prompt_differences=tuple(texts(document.get("prompt_differences"), 50)),
        timings=tuple(_timings(entries(document.get("timings"), _MOST_NODES))),
        graph=None if outcome == "passed" else laid_out(document.get("graph"), _verdicts(document, outputs)),
        fault=fault,
        log=block(document.get("server_log")),
        approve=_approval(document, links) or approve,
        refused=text(document.get("refused"), 2000),
        doubts=tuple(texts(document.get("doubts"), 20)),
        drift=_drift(document),
        folder=folder if isinstance(folder, str) and is_inside(folder) else "",
        outputs=outputs,
        blame=tuple(filter(None, blame)),
        before="old" if entry(document.get("against")) else "golden",
    )


def _approval(document: Entry, links: Links) -> str:
    """Return what to type to approve the kept run, for which no server is asked; "" where there is none."""
    if document.get("run") is None or document.get("refused"):
        return ""
    words = ["pytest-comfy", "approve", links.report_dir.absolute().name, "-k", text(document.get("node_id"))]
    return f'{shlex.join(words)} --reason "why"'


def _verdicts(document: Entry, outputs: Iterable[Output]) -> dict[str, str]:
    """Return node -> the word of its worst output; "different" for those to blame, "error" for the one that raised."""
    found: dict[str, str] = {}
    for output in outputs:
        node = output.batch.rpartition(".")[0]
        known = found.get(node, "ignored")
        if output.verdict in VERDICTS:
            found[node] = min(output.verdict, known, key=VERDICTS.index)
    for blame in entries(document.get("blame"), _MOST_BLAMED):
        found.update(dict.fromkeys(texts(blame.get("nodes"), _MOST_BLAMED), "different"))
    failing = text(entry(document.get("error")).get("node"), 40)
    return {**found, failing: "error"} if failing else found


def _drift(document: Entry) -> str:
    """Return what a case is beside an earlier report: "known since 2026-11-20"; "" where there is none."""
    word, since = text(document.get("drift"), 20), text(document.get("known_since"), 20)
    return f"{word} since {since}" if word and since else word


def _fault(document: Entry) -> Fault | None:
    if not document:
        return None
    node = " ".join(text(document.get(key), 100) for key in ("node", "title") if document.get(key))
    return Fault(
        text(document.get("type"), 100), text(document.get("message"), 4000), node, block(document.get("traceback"))
    )


def _facts(document: Entry) -> Iterable[Fact]:
    golden = entry(document.get("golden"))
    for name, value in (
        ("workflow", document.get("source")),
        ("case", document.get("case")),
        ("test", document.get("node_id")),
        ("server", document.get("server")),
        ("old server", entry(document.get("against")).get("server")),
        ("new against old", entry(document.get("against")).get("trend")),
        ("mode", document.get("mode")),
        ("started", document.get("started")),
        ("prompt", document.get("prompt_id")),
        ("golden run", golden.get("folder")),
        ("approved", golden.get("approved")),
        ("because", golden.get("reason")),
    ):
        if value:
            yield Fact(name, text(value))


def _timings(documents: list[Entry]) -> Iterable[Timing]:
    pairs = [(_seconds(one.get("golden")), _seconds(one.get("actual"))) for one in documents]
    longest = max((value for pair in pairs for value in pair if value), default=0) or 1
    for one, (golden, actual) in zip(documents, pairs, strict=True):
        yield Timing(
            text(one.get("node"), 40),
            text(one.get("title"), 80) or text(one.get("class_type"), 80),
            duration(golden),
            duration(actual),
            round((golden or 0) / longest * _BAR, 1),
            round((actual or 0) / longest * _BAR, 1),
            one.get("cached") is True,
        )


def _seconds(value: Any) -> float | None:
    found = number(value)
    return found if found is not None and 0 <= found < math.inf else None


def duration(seconds: float | None) -> str:
    """Return seconds as "0.42 s", "12 s" or "3 min 20 s"; "-" for none."""
    if seconds is None or not 0 <= seconds < 1e9:
        return "-"
    if seconds < 10:
        return f"{seconds:.2f} s"
    whole = round(seconds)
    return f"{whole} s" if whole < 120 else f"{whole // 60} min {whole % 60} s"
