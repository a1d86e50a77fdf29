"""What the decisions on one case come to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..html.naming import Names
from ..html.outputs import FAILED, id_of
from .decisions import APPROVED, REJECTED, Decision

_WHOLE = ""
"""The slot of a case without an output that differs, such as one that has no golden run yet."""


@dataclass(frozen=True)
class Subject:
    """A case to be decided.

    id     on the page
    entry  of report.json
    slots  what is decided one by one: the ids of the outputs that differ, or the case itself
    alone  whether no other case has its folder: then it is known whose run lies there
    """

    id: str
    entry: Mapping[str, Any]
    slots: tuple[str, ...]
    alone: bool

    @property
    def folder(self) -> str:
        """Its folder in the report."""
        return str(self.entry["folder"])

    @property
    def started(self) -> str:
        """When its run began."""
        return str(self.entry["started"])

    @property
    def may_be_approved(self) -> bool:
        """Whether its run was kept, and nothing is known that speaks against it."""
        entry = self.entry
        return self.alone and entry["run"] is not None and entry["refused"] is None and entry["mode"] == "live"

    @property
    def needs(self) -> bool:
        """Whether it waits for a decision: it is red, and would be green once approved."""
        return self.may_be_approved and self.entry["outcome"] in ("failed", "error")


@dataclass(frozen=True)
class Standing:
    """The last decision on each slot of a case, None where there is none."""

    last: Mapping[str, Decision | None]

    @property
    def state(self) -> str:
        """The one word: rejected where anything is, approved where all is, partly, undecided."""
        words = [one.decision if one else None for one in self.last.values()]
        if REJECTED in words:
            return REJECTED
        if all(word == APPROVED for word in words):
            return APPROVED
        return "partly" if APPROVED in words else "undecided"

    @property
    def reason(self) -> str:
        """The reasons of all that was decided, each once; with the names of the outputs where there are several."""
        given = {slot: one.reason for slot, one in self.last.items() if one and one.reason}
        if len(set(given.values())) <= 1:
            return next(iter(given.values()), "")
        return "; ".join(f"{slot}: {reason}" for slot, reason in given.items())

    def has(self, slot: str | None, decision: str) -> bool:
        """Whether a slot, or all of them for None, is decided like that already."""
        slots = [slot] if slot is not None else list(self.last)
        return all((one := self.last[name]) is not None and one.decision == decision for name in slots)


def subject(name: str, entry: Mapping[str, Any], alone: bool) -> Subject:
    """Return a case of report.json as something to decide; arguments are as `Subject` has them."""
    names = Names()
    ids = [(id_of(output, names), output["verdict"]) for output in entry["outputs"]]
    differing = tuple(one for one, verdict in ids if verdict in FAILED)
    return Subject(name, entry, differing or (_WHOLE,), alone)


def standing(case: Subject, decisions: Iterable[Decision]) -> Standing:
    """Return what the decisions on a case come to, later ones over earlier ones; those on other runs do not count."""
    last: dict[str, Decision | None] = dict.fromkeys(case.slots)
    for one in decisions:
        if one.case == case.folder and one.started == case.started:
            last.update({slot: one for slot in case.slots if one.output in (None, slot)})
    return Standing(last)
