"""Where golden runs lie, and how they are written whole."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .errors import GoldenError
from .run import RUN_FILE, GoldenRun, dumps, is_own_name

_BACKUP = ".previous"
"""Ending of the folder that holds the old run while the new one is moved into its place."""


def find_runs(golden_dir: str | Path) -> Iterator[Path]:
    """Yield the folders below `golden_dir` that hold a run.json, sorted."""
    for folder, subfolders, files in os.walk(golden_dir):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        if RUN_FILE in files:
            yield Path(folder)


class GoldenStore:
    """The golden runs of a project, in `root`: one folder a case, golden/WORKFLOW/CASE[+BASELINE]."""

    def __init__(self, root: str | Path, baseline: str | None = None) -> None:
        self.root = Path(root)
        self.baseline = baseline

    def folder(self, key: str) -> Path:
        """Return where a run of this key ("WORKFLOW/CASE") is written to."""
        return self.root / (f"{key}+{self.baseline}" if self.baseline else key)

    def find(self, key: str) -> Path | None:
        """Return where the run of this key is: the baseline's own one, then the plain one; None without."""
        for folder in dict.fromkeys((self.folder(key), self.root / key)):
            _settle(folder)
            if (folder / RUN_FILE).is_file():
                return folder
        return None

    def load(self, key: str) -> GoldenRun | None:
        """Read the run of this key, None when there is none; raises GoldenError as GoldenRun.load does."""
        folder = self.find(key)
        return GoldenRun.load(folder) if folder else None

    def write(self, key: str, run: GoldenRun) -> Path:
        """Write a run and its blobs whole: into a temporary folder, then moved into place.

        Raises GoldenError when that cannot be done; the old run is then still there.
        """
        folder = self.folder(key)
        for name in run.blobs:
            if not is_own_name(name):
                raise GoldenError(f"{folder}: the run names a file outside its folder: {name!r}")
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            _settle(folder)
            fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        except OSError as error:
            raise GoldenError(f"{folder}: cannot be written ({error.strerror or error})") from error
        try:
            for name, data in run.blobs.items():
                target = fresh / name
                target.parent.mkdir(exist_ok=True)
                target.write_bytes(data)
            (fresh / RUN_FILE).write_text(dumps(run.document), encoding="utf-8", newline="\n")
            fresh.chmod(0o755)
            _replace(folder, fresh)
        except OSError as error:
            raise GoldenError(f"{folder}: cannot be written ({error.strerror or error})") from error
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        return folder

    def remove(self, folder: Path) -> None:
        """Delete the files of one run; folders of other runs below it, and foreign files, stay."""
        run = GoldenRun.load(folder)
        for output in run.outputs:
            if output.file:
                (folder / output.file).unlink(missing_ok=True)
        shutil.rmtree(folder / "previews", ignore_errors=True)
        (folder / RUN_FILE).unlink()
        while folder != self.root and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent


def _backup(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}{_BACKUP}")


def _replace(folder: Path, fresh: Path) -> None:
    if folder.exists():
        folder.rename(_backup(folder))
    fresh.rename(folder)
    _settle(folder)


def _settle(folder: Path) -> None:
    """Finish, or undo, a replacement that was cut off half-way; runs in folders below the old one stay."""
    backup = _backup(folder)
    if not backup.is_dir():
        return
    # Another process may be settling the same folder; whoever loses finds the work done.
    with contextlib.suppress(FileNotFoundError):
        if not folder.exists():
            backup.rename(folder)
            return
        for child in backup.iterdir():
            if child.is_dir() and child.name != "previews" and not (folder / child.name).exists():
                child.rename(folder / child.name)
        shutil.rmtree(backup)
