"""What to say of a prompt that no golden run answers: the nearest one, and what differs node by node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ...text import listed
from ...workflow.difference import Prompt, differences
from ...workflow.digest import class_of

NO_RECORDING = "pytest_comfy_no_recording"
"""The type of the error for a prompt that no golden run answers."""

MOST_DIFFERENCES = 5
"""Listed at most; more would hide the first."""


@dataclass(frozen=True, slots=True)
class Nearest:
    """The golden run most like a prompt: its name, all differences."""

    name: str
    differences: list[str]


def nearest(prompt: Prompt, candidates: Iterable[tuple[str, Prompt]]) -> Nearest | None:
    """Return the candidate (name, prompt) that is most alike, the first of equals.

    Whoever changed many values still means the run of the same classes, and not a shorter one of others.
    """
    found = (
        (_strange_classes(golden, prompt), Nearest(name, differences(golden, prompt))) for name, golden in candidates
    )
    best = min(found, key=lambda one: (one[0], len(one[1].differences)), default=None)
    return None if best is None else best[1]


def _strange_classes(golden: Prompt, prompt: Prompt) -> int:
    """Return how many nodes have a class that has no partner in the other prompt."""
    before, after = (Counter(str(class_of(node)) for node in one.values()) for one in (golden, prompt))
    return ((before - after) + (after - before)).total()


def no_recording(
    prompt: Prompt, candidates: Iterable[tuple[str, Prompt]], broken: Iterable[str] = (), hint: str = ""
) -> dict[str, Any]:
    """Return the body of the HTTP 400 for a prompt that no golden run answers.

    broken  what is wrong with golden runs that could not be read: the wanted one may be among them
    hint    what to do about it, a sentence
    """
    unread = f" {hint}." if hint else ""
    unread += "".join(f" Not readable: {one}." for one in broken)
    best = nearest(prompt, candidates)
    if best is None:
        text = "No golden run answers this prompt: the fake server has none." + unread
        return _error(text, "", {"nearest": None, "differences": []})
    shown = best.differences[:MOST_DIFFERENCES]
    more = len(best.differences) - len(shown)
    listed = "; ".join(shown) + (f"; and {more} more" if more else "")
    text = f"No golden run answers this prompt. The nearest is {best.name}: {listed}.{unread}"
    return _error(text, "\n".join(shown), {"nearest": best.name, "differences": shown})


def unknown_class(names: Iterable[Any]) -> str:
    """Return what to say of a prompt with classes that no recording tells of."""
    told = listed(sorted(str(name) for name in names))
    return f"No golden run has a node of class {told}: record the prompt, or serve a whole /object_info with it."


def _error(text: str, details: str, extra: dict[str, Any]) -> dict[str, Any]:
    error = {"type": NO_RECORDING, "message": text, "details": details, "extra_info": extra}
    return {"error": error, "node_errors": {}}
