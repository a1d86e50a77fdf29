"""What a case of today is beside its entry in an earlier report: output by output, then as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...compare import CompareError, parse_tolerance
from ...compare.memory import within
from ...files import refuse_links
from ...judging.pairs import DiffError, Rule, compare_runs
from ...judging.verdict import FAILING
from ..changes import WRONG
from ..kept import FOLDER
from ..reading import Refused, refuse_large
from .earlier import Earlier
from .words import CHANGED, FIXED, KNOWN, NEW

if TYPE_CHECKING:
    from ...memory import Budget

_SAME = ("identical", "within tolerance")
_TIGHT = "strict"
"""The tolerance by which an output is the one of before: machines do not always make the very same."""
_HASHES = ("pixels_sha256", "sha256")


def mark(earlier: Earlier, entry: dict[str, Any], report_dir: Path, budget: Budget | None = None) -> None:
    """Say in the entry of a case what it is beside the earlier report: its `drift` and `known_since`, and of each
    output that failed its `drift`.

    report_dir  where the case's own run is kept, if it is
    budget      memory that comparing may take

    A case of which every failure is known has the outcome "xfailed".
    """
    before = earlier.of(entry["folder"], entry["mode"])
    if entry["outcome"] == "passed" and before is not None:
        entry["drift"], entry["known_since"] = FIXED, earlier.since(before)
    if entry["outcome"] not in WRONG:
        return
    known = _known_outputs(earlier, before, entry, report_dir, budget) if before is not None else set()
    names = {one["name"] for one in before["outputs"] if one["verdict"] in FAILING} if before is not None else set()
    for output in entry["outputs"]:
        if output["verdict"] in FAILING:
            name = output["name"]
            output["drift"] = KNOWN if name in known else CHANGED if name in names else NEW
    if before is None:
        entry["drift"] = NEW
        return
    entry["known_since"] = earlier.since(before)
    entry["drift"] = KNOWN if _is_known(before, entry) else CHANGED
    if entry["drift"] == KNOWN:
        entry["outcome"] = "xfailed"


def _is_known(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether all that makes a case fail is what made it fail then, against the same golden run."""
    failing = [one["drift"] for one in now["outputs"] if one["verdict"] in FAILING]
    return bool(
        now["outcome"] == "failed"
        and (failing or now["failure"] or now["error"])
        and all(word == KNOWN for word in failing)
        and _sentence(before) == _sentence(now)
        and _golden(before) == _golden(now)
    )


def _sentence(case: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what is said of a case as a whole, without what is another each time."""
    error = case.get("error")
    told = tuple(error.get(key) for key in ("type", "node", "message")) if isinstance(error, dict) else None
    return case.get("failure"), told


def _golden(case: Mapping[str, Any]) -> str | None:
    golden = case["golden"]
    return golden["digest"] if golden is not None else None


def _known_outputs(
    earlier: Earlier, before: Mapping[str, Any], now: Mapping[str, Any], report_dir: Path, budget: Budget | None
) -> set[str]:
    """Return the names of outputs that fail today as they did then."""
    then = {one["name"]: one for one in before["outputs"]}
    failing = {one["name"]: one for one in now["outputs"] if one["verdict"] in FAILING}
    same = {name for name, one in failing.items() if name in then and _is_same(then[name], one)}
    left = {name for name in failing.keys() - same if then.get(name, {}).get("verdict") == failing[name]["verdict"]}
    if left and earlier.folder is not None and before["run"] is not None and now["run"] is not None:
        folders = earlier.folder / before["run"], report_dir / now["folder"] / FOLDER
        same |= left & set(_alike(earlier.folder, *folders, budget))
    return same


def _is_same(then: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether an output is the one of then by what the two documents tell of it."""
    if then["verdict"] != now["verdict"]:
        return False
    if now["verdict"] == "missing":
        return True
    old, new = then.get("actual"), now["actual"]
    if not isinstance(old, dict) or new is None:
        return False
    return any(isinstance(new[key], str) and old.get(key) == new[key] for key in _HASHES)


def _alike(root: Path, then: Path, now: Path, budget: Budget | None) -> Iterator[str]:
    """Yield the names of outputs that two kept runs made alike, within a tight tolerance; none of what is broken."""
    try:
        refuse_links(root, then)
        refuse_large(then)
        with within(budget):
            for row in compare_runs(then, now, Rule(parse_tolerance(_TIGHT))):
                if row.verdict in _SAME:
                    yield row.name
    except (DiffError, CompareError, Refused, OSError):
        return  # what cannot be compared is not known
