"""Which golden runs a person means: those of a workflow or test file, of a folder, or of a key."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ...golden import GoldenRun, find_runs
from ...golden.history import Step, steps_of
from ...session.projects import projects_at
from ...text import did_you_mean


class NotFoundError(Exception):
    """Nothing is meant by what was given; the text is a sentence for the user."""


@dataclass(frozen=True)
class History:
    """The approvals of one golden run, the first one first.

    folder  where it lies, as it is told
    """

    folder: str
    workflow: str
    case: str
    steps: tuple[Step, ...]


def histories(given: str, root: Path, case: str | None = None) -> list[History]:
    """Return the histories of what is meant, in the order of their folders.

    given  a workflow or test file, a folder of golden runs, or a key such as "txt2img" or "txt2img/night"
    root   the folder that pytest has for its root
    case   the case, if only one is meant; of a baseline as well

    Raises NotFoundError, GoldenError and SettingsError.
    """
    folders = [folder for folder in _folders(given, root) if case in (None, folder.name.partition("+")[0])]
    if not folders:
        of_case = f" of the case {case!r}" if case else ""
        raise NotFoundError(f"{given}: there is no golden run{of_case}{_near(given, case, root)}")
    return [_history(folder, root) for folder in folders]


def _history(folder: Path, root: Path) -> History:
    run = GoldenRun.load(folder)
    told = folder.relative_to(root).as_posix() if folder.is_relative_to(root) else str(folder)
    workflow, case = run.document.get("workflow"), run.document.get("case")
    return History(told, str(workflow), str(case), tuple(steps_of(run)))


def _folders(given: str, root: Path) -> list[Path]:
    """Return the folders of golden runs that are meant; what is given is a path from here before it is a key."""
    path = Path(os.path.abspath(given))  # of "..", too, as it is told
    if path.is_dir():
        found = list(find_runs(path))
        if found:
            return found
    projects = projects_at(root)
    if path.is_file():
        settings = projects.of(path)
        within = settings.within(path) or path.name
        key = within.removesuffix(".py") if path.suffix == ".py" else settings.golden_key(path)
        return list(find_runs(settings.golden_dir / key))
    projects.look_around([root])
    return [folder for one in projects.all() for folder in _below(one.golden_dir, given)]


def _below(golden_dir: Path, key: str) -> list[Path]:
    parts = key.strip("/").split("/")
    if any(part in ("", ".", "..") for part in parts):
        return []
    return list(find_runs(golden_dir.joinpath(*parts)))


def _near(given: str, case: str | None, root: Path) -> str:
    if case is not None:
        return did_you_mean(case, {folder.name for folder in _folders(given, root)})
    keys = set()
    for one in projects_at(root).all():
        for folder in find_runs(one.golden_dir):
            keys |= {
                folder.relative_to(one.golden_dir).as_posix(),
                folder.parent.relative_to(one.golden_dir).as_posix(),
            }
    return did_you_mean(given, keys - {"."})
