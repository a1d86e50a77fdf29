"""Where a project has what is ours, and which files tell of one: all that is known before anything else is loaded."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

DEFAULT_GLOB = "workflows/**/*.json"
DEFAULT_GOLDEN_DIR = "golden"
WORKFLOWS = "workflows"
"""The folder of the default glob."""
RUN_FILE = "run.json"
"""Makes a golden run of its folder."""
REPLAYING = "comfy: offline, replaying"
"""What the header of a session begins with that asks no server."""
PROJECT_FILE = "comfy.toml"
"""Makes a project of its folder, and names servers."""
WIDGETS_FILE = "comfy-widgets.toml"
"""What the JavaScript of node packs does to widgets, told by the project; read where it is there."""
INI_SECTIONS: Mapping[str, tuple[str, ...]] = {
    "pytest.toml": ("pytest",),
    ".pytest.toml": ("pytest",),
    "pytest.ini": ("pytest",),
    ".pytest.ini": ("pytest",),
    "pyproject.toml": ("tool.pytest", "tool.pytest.ini_options"),
    "tox.ini": ("pytest",),
    "setup.cfg": ("tool:pytest",),
}
"""File -> the sections that make it an ini of pytest, in pytest's own order."""
MARKERS = frozenset((*INI_SECTIONS, PROJECT_FILE))
"""Files that make a project of their folder, or may."""
_HEAD = 1 << 16
"""Bytes of a file that are looked into before it is known for a workflow."""


def looks_like_workflow(path: Path) -> bool:
    """Whether a file that no glob names seems to be a workflow all the same, as far as its beginning tells."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    return b'"class_type"' in head or (b'"nodes"' in head and b'"links"' in head)


def find_runs(golden_dir: str | Path) -> Iterator[Path]:
    """Yield the folders below `golden_dir` that hold a run.json, sorted; what is reached by a link is left alone."""
    ahead = [str(golden_dir)]
    while ahead:
        folder = ahead.pop()
        try:
            with os.scandir(folder) as entries:
                found = list(entries)
        except OSError:
            continue
        folders = [one.path for one in found if not one.name.startswith(".") and _is_own_folder(one)]
        ahead += sorted(folders, reverse=True)
        if any(one.name == RUN_FILE and not one.is_dir() for one in found):
            yield Path(folder)


def _is_own_folder(entry: os.DirEntry[str]) -> bool:
    if not entry.is_dir(follow_symlinks=False):
        return False
    if os.name != "nt":
        return True
    from .files import leads_elsewhere  # only there something that is no link for Python may be one all the same

    return not leads_elsewhere(Path(entry.path))


class Looking:
    """Looks for what is ours in a session that has shown nothing of it yet, below the folder it was started for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._inis: dict[Path, bool | None] = {}

    def at_root(self) -> bool:
        """Whether the root is a project's, other than by a folder of workflows, which are met one by one."""
        return any((self.root / name).exists() for name in (PROJECT_FILE, WIDGETS_FILE)) or _has_runs(self.root)

    def is_empty(self) -> bool:
        """Whether the root has a folder for golden runs, and nothing in it."""
        try:
            return all(name.startswith(".") for name in os.listdir(self.root / DEFAULT_GOLDEN_DIR))
        except OSError:
            return False

    def above(self) -> bool:
        """Whether a folder above the root may be a project's."""
        return any((folder / PROJECT_FILE).exists() for folder in self.root.parents)

    def on_the_way(self, folder: Path) -> bool:
        """Whether a folder below the root is a project's, or one that holds it."""
        return any(self._ini(one) for one in self._below(folder))

    def may_run(self, path: Path, doubtful: bool) -> bool:
        """Whether a file of JSON may be a workflow, or is to be told of as one that is left alone.

        doubtful  whether those are told of that lie where none are expected
        """
        if WORKFLOWS in path.parts[len(self.root.parts) :] or self.on_the_way(path.parent):
            return True
        # Below a broken ini it is an error; where there is a sound one, nothing is lost by a closer look.
        doubtful = doubtful or any(self._ini(one) is not None for one in self._below(path.parent))
        return doubtful and looks_like_workflow(path)

    def _below(self, folder: Path) -> Iterator[Path]:
        while self.root in folder.parents:
            yield folder
            folder = folder.parent

    def _ini(self, folder: Path) -> bool | None:
        """Whether a folder's ini says something of ours, or has golden runs beside it; None without an ini."""
        if folder not in self._inis:
            self._inis[folder] = _ini_of(folder)
        return self._inis[folder]


def _ini_of(folder: Path) -> bool | None:
    if (folder / PROJECT_FILE).exists():
        return True
    inis = [folder / name for name in INI_SECTIONS if (folder / name).is_file()]
    if not inis:
        return None
    return _has_runs(folder) or any(_says_something(path) for path in inis)


def _says_something(path: Path) -> bool:
    try:
        return b"comfy" in path.read_bytes()
    except OSError:
        return False


def _has_runs(folder: Path) -> bool:
    """Whether golden runs lie in a folder; one of that name may be of another plugin's files."""
    return next(find_runs(folder / DEFAULT_GOLDEN_DIR), None) is not None
