"""Golden runs that no case claims."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from .errors import GoldenError
from .run import GoldenRun, find_runs


def unused_runs(
    golden_dir: Path,
    project: Path,
    claimed: Collection[str],
    test_files: Collection[str],
    workflows_complete: bool,
) -> list[Path]:
    """Return the folders of golden runs that nothing claims, sorted.

    project             the folder that the runs name their files from
    claimed             keys ("WORKFLOW/CASE") of all collected cases and tests
    test_files          Python test files that were collected whole; runs of other files' tests are not judged
    workflows_complete  whether every workflow file was collected; if not, no workflow's run is judged
    """
    unused = []
    for folder in find_runs(golden_dir):
        if any(key in claimed for key in _keys(folder.relative_to(golden_dir).as_posix())):
            continue
        source = _source(folder)
        if source is None:
            continue
        judged = source in test_files if source.endswith(".py") else workflows_complete
        if judged or (source.endswith(".py") and not (project / source).exists()):
            unused.append(folder)
    return unused


def of_workflows(golden_dir: Path) -> int:
    """Return how many golden runs were made from workflow files, and not from tests."""
    sources = [_source(folder) for folder in find_runs(golden_dir)]
    return len([source for source in sources if source is not None and not source.endswith(".py")])


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
