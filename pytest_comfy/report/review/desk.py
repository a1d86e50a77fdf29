"""The desk of who reviews: decisions are taken, golden runs follow them, and each can be undone."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ...files import read_below
from ...text import plain
from ..approving import Approved, Refused, approve, candidate, load_report, undo
from ..html import Review, pages_of
from ..html.links import is_inside
from ..kept import CASE_FILE
from ..session import DECISIONS_FILE, REPORT_FILE
from . import decisions as kept
from .decisions import APPROVED, LONGEST_REASON, Decision
from .standing import Standing, Subject, standing, subject

_MOST_TOLD = 200
"""Decisions of the list that the page is told."""


@dataclass(frozen=True)
class Sheets:
    """The report as it is on the desk.

    version   changes with report.json: what a page of another version decides is about something else
    subjects  id -> case
    pages     path -> page
    files     what the pages show or link
    """

    version: str
    subjects: Mapping[str, Subject]
    pages: Mapping[str, str]
    files: frozenset[str]


class Desk:
    """Decisions on the cases of a report; from one thread at a time, others wait.

    report  the report's folder
    root    the folder that pytest has for its root
    secret  what pages send along when they tell what was decided
    keep    a folder for golden runs that are replaced, as long as this can be undone
    """

    def __init__(self, report: Path, root: Path, secret: str, keep: Path) -> None:
        """Read the report, and what was decided of it. Raises Refused."""
        self.report, self.root = report.absolute(), root.absolute()
        self._secret, self._keep = secret, keep
        self._lock = threading.RLock()
        self._seen: tuple[int, ...] | None = None
        self._sheets = Sheets("", {}, {}, frozenset())
        self._approved: dict[str, Approved] = {}
        record = kept.read(self.report)
        self._decisions, self._written = list(record.decisions), dict(record.written)
        self.sheets()

    def sheets(self) -> Sheets:
        """Return the report as it is now, read again where a session has written it anew; raises Refused."""
        with self._lock:
            seen = _stamp(self.report / REPORT_FILE)
            if seen != self._seen:
                self._sheets = self._laid_out()
                self._seen = seen
                self._forget()
            return self._sheets

    def state(self, name: str | None = None) -> dict[str, Any]:
        """Return what is decided: of all cases, or of one alone, by id; and the decisions, the latest first."""
        with self._lock:
            subjects = self._sheets.subjects
            wanted = subjects.values() if name is None else [subjects[name]]
            return {
                "version": self._sheets.version,
                "cases": {one.id: self._told(one) for one in wanted},
                "decisions": list(self._list())[:_MOST_TOLD],
            }

    def counts(self) -> Counter[str]:
        """Return how many of the cases that wait for a decision came to which."""
        with self._lock:
            return Counter(self._standing(one).state for one in self._sheets.subjects.values() if one.needs)

    def check(self, version: str, name: str) -> str | None:
        """Return why a case cannot be approved as things stand, None where it can; raises Refused for none of ours."""
        with self._lock:
            case = self._case(version, name)
            try:
                self._refuse(case)
            except Refused as error:
                return str(error)
            return None

    def decide(self, version: str, name: str, output: str | None, decision: str, reason: str) -> None:
        """Approve or reject a case, by id, or one of its outputs.

        The golden run is written once all that differs is approved, and taken back once it is not any more. Raises
        Refused, and nothing is decided then.
        """
        with self._lock:
            case = self._case(version, name)
            if output is not None and output not in case.slots:
                raise Refused(f"output {plain(output, 80)!r}: is none that differs: reload the page")
            if self._standing(case).has(output, decision):
                return
            number = 1 + max((one.number for one in self._decisions), default=0)
            now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
            told = plain(reason, LONGEST_REASON).strip()
            taken = Decision(number, case.folder, case.started, output, decision, told, now)
            decisions = [*self._decisions, taken]
            if decision == APPROVED and standing(case, decisions).state != APPROVED:
                self._refuse(case)  # nothing is written yet, which would find out
            self._follow(case, decisions)

    def undo(self, version: str, number: int) -> str:
        """Take a decision of this session back, by its number; returns the id of its case. Raises Refused."""
        with self._lock:
            taken = next((one for one in self._decisions if one.number == number), None)
            if taken is None:
                raise Refused("that decision is not there any more: reload the page")
            case = next((one for one in self._sheets.subjects.values() if one.folder == taken.case), None)
            if case is None or case.started != taken.started:
                raise Refused("that decision is about an earlier run: nothing was undone")
            self._case(version, case.id)
            self._follow(case, [one for one in self._decisions if one is not taken])
            return case.id

    def _laid_out(self) -> Sheets:
        document = load_report(self.report)
        version = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:32]
        pages = pages_of(self.report, document, review=Review(self._secret, version))
        named = zip(pages.cases, document["cases"], strict=False)
        count = Counter(entry["folder"].casefold() for entry in document["cases"])
        subjects = {case.id: subject(case.id, entry, count[entry["folder"].casefold()] == 1) for case, entry in named}
        paths = (path for one in document["cases"] for path in _paths(one))
        return Sheets(version, subjects, pages.texts, frozenset(path for path in paths if is_inside(path)))

    def _forget(self) -> None:
        """Let go of what was decided of runs that the report does not have any more."""
        runs = {(one.folder, one.started) for one in self._sheets.subjects.values()}
        self._decisions = [one for one in self._decisions if (one.case, one.started) in runs]
        decided = {one.case for one in self._decisions}
        self._written = {name: at for name, at in self._written.items() if name in decided}
        self._approved = {name: one for name, one in self._approved.items() if name in decided}

    def _case(self, version: str, name: str) -> Subject:
        if version != self.sheets().version:
            raise Refused("a session wrote the report anew: reload the page")
        if name not in self._sheets.subjects:
            raise Refused(f"case {plain(name, 80)!r}: is not in the report: reload the page")
        return self._sheets.subjects[name]

    def _refuse(self, case: Subject) -> None:
        """Raise Refused where a case must not be approved as things stand."""
        if case.folder not in self._written:
            self._refuse_other_run(case)
            candidate(self.report, case.entry, self.root)

    def _refuse_other_run(self, case: Subject) -> None:
        """Raise Refused where the run that was kept may be another one than the page shows."""
        if not case.alone:
            raise Refused(f"{case.folder}: two cases of the report have this folder, and one run lies there: run again")
        try:
            now = json.loads(read_below(self.report, f"{case.folder}/{CASE_FILE}"))
        except (OSError, ValueError, RecursionError):
            return  # the run is looked at for itself
        # A session that goes on writes its cases before it writes the report.
        if isinstance(now, dict) and now.get("started") != case.started:
            raise Refused("a session has run the case anew: wait for its report, and reload the page")

    def _standing(self, case: Subject) -> Standing:
        return standing(case, self._decisions)

    def _follow(self, case: Subject, decisions: list[Decision]) -> None:
        """Make decisions the ones that hold, and the golden run of their case what they say."""
        now = standing(case, decisions)
        is_wanted, is_written = now.state == APPROVED, case.folder in self._written
        if is_wanted and not is_written:
            self._approve(case, decisions, now.reason)
        elif is_written and not is_wanted:
            self._take_back(case, decisions)
        else:
            self._keep_record(decisions, self._written, "nothing was decided")
            self._decisions = decisions

    def _approve(self, case: Subject, decisions: list[Decision], reason: str) -> None:
        self._refuse_other_run(case)
        approved = approve(self.report, case.entry, self.root, reason or None, keep=self._keep)
        folder = approved.folder
        shown = (folder.relative_to(self.root) if folder.is_relative_to(self.root) else folder).as_posix()
        written = {**self._written, case.folder: shown}
        try:
            self._keep_record(decisions, written, "nothing was decided")
        except Refused:
            undo(approved)
            raise
        self._approved[case.folder] = approved
        self._decisions, self._written = decisions, written

    def _take_back(self, case: Subject, decisions: list[Decision]) -> None:
        if case.folder not in self._approved:
            folder = self._written[case.folder]
            raise Refused(f"{folder}: was approved in an earlier session: restore it from version control")
        undo(self._approved[case.folder])
        del self._approved[case.folder]
        self._decisions = decisions
        self._written = {name: at for name, at in self._written.items() if name != case.folder}
        self._keep_record(decisions, self._written, "the golden run was put back all the same")

    def _keep_record(self, decisions: list[Decision], written: Mapping[str, str], otherwise: str) -> None:
        try:
            kept.write(self.report, decisions, written)
        except OSError as error:
            told = f"{self.report / DECISIONS_FILE}: cannot be written ({error.strerror or error})"
            raise Refused(f"{told}: {otherwise}") from error

    def _told(self, case: Subject) -> dict[str, Any]:
        now = self._standing(case)
        return {
            "state": now.state,
            "needs": case.needs,
            "may": case.may_be_approved,
            "written": self._written.get(case.folder),
            "reason": now.reason,
            "outputs": {slot: one.decision if one else None for slot, one in now.last.items() if slot},
        }

    def _list(self) -> Iterator[dict[str, Any]]:
        names = {(one.folder, one.started): one for one in self._sheets.subjects.values()}
        for one in reversed(self._decisions):
            case = names.get((one.case, one.started))
            if case is not None:
                earlier = case.folder in self._written and case.folder not in self._approved
                yield {
                    "number": one.number,
                    "case": case.id,
                    "name": plain(case.entry["key"], 200),
                    "output": one.output,
                    "decision": one.decision,
                    "reason": one.reason,
                    "at": one.at,
                    "undo": not (earlier and one.decision == APPROVED),
                }


def _stamp(path: Path) -> tuple[int, ...]:
    """Return what changes when a file is written anew; empty where it is not there."""
    try:
        found = os.stat(path)
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino


def _paths(entry: Mapping[str, Any]) -> Iterator[Any]:
    for output in entry["outputs"]:
        files = output.get("files")
        yield from files.values() if isinstance(files, dict) else ()
