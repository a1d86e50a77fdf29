"""Old against new of two folders of golden runs, each made in another environment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ..golden import GoldenError, GoldenRun, find_runs
from ..golden.differences import changes
from ..judging.pairs import FAILING, NOT_JUDGED, Row, Rule, compare_folders
from .trend import Trend, trend_of


def with_trends(old: Path, new: Path, golden: Path, rule: Rule) -> Iterator[tuple[Row, Trend | None]]:
    """Yield the verdict on each file and output of two folders, and what it means by a third that was approved.

    Of what cannot be judged there is no trend. Raises DiffError when a folder cannot be read.
    """
    good_old, good_new = (_good(golden, folder, rule) for folder in (old, new))
    for row in compare_folders(old, new, rule):
        if row.verdict == NOT_JUDGED:
            yield row, None
        else:
            yield (
                row,
                trend_of(row.verdict not in FAILING, *(_is_good(good, row.name) for good in (good_old, good_new))),
            )


def environments(old: Path, new: Path) -> tuple[int, list[tuple[str, int]]]:
    """Return how many golden runs two folders share, and what differs of their environments and in how many runs,
    what most have first; broken ones are left out."""
    found: Counter[str] = Counter()
    shared = 0
    for folder in find_runs(new):
        try:
            before, now = GoldenRun.load(old / folder.relative_to(new)), GoldenRun.load(folder)
        except GoldenError:
            continue
        shared += 1
        found.update(f"{key} {was} -> {is_now}" for key, was, is_now in changes(before.environment, now.environment))
    return shared, sorted(found.items(), key=lambda one: (-one[1], one[0]))


def _is_good(good: dict[str, bool], name: str) -> bool | None:
    """Return whether a file or output is as approved, None where nothing was.

    Of a run that only one of the folders has, its files are told one by one; it is as approved where its outputs are.
    """
    if name in good:
        return good[name]
    run = name.rpartition("/")[0]
    outputs = [is_good for output, is_good in good.items() if output.rpartition("/")[0] == run]
    return all(outputs) if outputs else None


def _good(golden: Path, folder: Path, rule: Rule) -> dict[str, bool]:
    """Return file or output -> whether it is as approved, of those that were."""
    rows = compare_folders(golden, folder, rule)
    return {row.name: row.verdict not in FAILING for row in rows if row.verdict not in (NOT_JUDGED, "unexpected")}
