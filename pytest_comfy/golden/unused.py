"""Golden runs that no case claims."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from ..places import find_runs
from .errors import GoldenError
from .run import GoldenRun


def unused_runs(
    sources: Mapping[Path, str],
    project: Path,
    test_files: Collection[str],
    workflows_complete: bool,
) -> list[Path]:
    """Return the folders of golden runs that nothing claims, sorted.

    sources             those that no collected case or test claims, see `unclaimed`
    project             the folder that the runs name their files from
    test_files          Python test files that were collected whole; runs of other files' tests are not judged
    workflows_complete  whether every workflow file was collected; if not, no workflow's run is judged
    """
    unused = []
    for folder, source in sources.items():
        judged = source in test_files if source.endswith(".py") else workflows_complete
        if judged or (source.endswith(".py") and not (project / source).exists()):
            unused.append(folder)
    return unused


def unclaimed(golden_dir: Path, claimed: Collection[str]) -> dict[Path, str]:
    """Return folder -> the file it was made from, of the golden runs that nothing claims and that can be read, sorted.

    claimed  keys ("WORKFLOW/CASE") of all collected cases and tests
    """
    start = len(f"{golden_dir}{os.sep}")
    found = [
        folder
        for folder in find_runs(golden_dir)
        if not any(key in claimed for key in _keys(str(folder)[start:].replace(os.sep, "/")))
    ]
    return {folder: source for folder in found if (source := _source(folder)) is not None}


def of_workflows(sources: Mapping[Path, str]) -> int:
    """Return how many golden runs were made from workflow files, and not from tests."""
    return sum(not source.endswith(".py") for source in sources.values())


def _keys(name: str) -> list[str]:
    """Return what a run in this folder may be of: a "+" parts the baseline, or belongs to the case's name."""
    start = name.rfind("/") + 1
    return [name, *(name[:at] for at in range(start, len(name)) if name[at] == "+")]


def _source(folder: Path) -> str | None:
    """Return the workflow or test file that a run was made from, None for a run that cannot be read."""
    try:
        return str(GoldenRun.load(folder).document.get("workflow", ""))
    except GoldenError:
        return None
