"""Where golden runs lie, and how they are written whole."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ..files import is_folder, leads_elsewhere, read_below, refuse_links
from ..places import RUN_FILE
from .approved import approved
from .errors import GoldenError
from .run import GoldenRun, dumps, is_own_name

_BACKUP = ".previous"
"""Ending of the folder that holds the old run while the new one is moved into its place."""
_FRESH = ".new"
"""Ending of the folder that a run is written to, before it is moved into its place."""
PREVIEWS = "previews"
"""Folder of a run for the pictures of its messages."""
_TRIES = 10

Expected = Mapping[Path, str | None]
"""Folder of a run -> the digest of its run.json (`digest_of`), None where there must be no run."""


class GoldenStore:
    """The golden runs of a project, in `root`: one folder a case, golden/WORKFLOW/CASE[+BASELINE].

    Below `root` no link is followed. Writers wait for each other, and readers for the moment in which one run takes
    the place of another.
    """

    def __init__(self, root: str | Path, baseline: str | None = None) -> None:
        self.root = Path(root)
        self.baseline = baseline

    def folder(self, key: str) -> Path:
        """Return where a run of this key ("WORKFLOW/CASE") is written to."""
        return self.root / (f"{key}+{self.baseline}" if self.baseline else key)

    def find(self, key: str) -> Path | None:
        """Return where the run of this key is: the baseline's own one, then the plain one; None without.

        Raises GoldenError where a link is on the way.
        """
        for folder in (self.folder(key), self.root / key) if self.baseline else (self.root / key,):
            self._refuse_links(folder)
            if self._is_there(folder):
                return folder
        return None

    def load(self, key: str) -> GoldenRun | None:
        """Read the run of this key, None when there is none; raises GoldenError as GoldenRun.load does."""
        for attempt in range(_TRIES):
            folder = self.find(key)
            try:
                return GoldenRun.load(folder) if folder else None
            except GoldenError as error:
                # Another process may have put a new run in the place of the one that was found.
                if attempt == _TRIES - 1 or not isinstance(error.__cause__, FileNotFoundError):
                    raise
        return None

    def load_whole(self, key: str) -> GoldenRun | None:
        """Read the run of this key with the files of its outputs, all of one approval; None when there is none.

        What others write meanwhile does not matter to it. Raises GoldenError as `load` and `approved` do.
        """
        for attempt in range(_TRIES):
            run = self.load(key)
            if run is None:
                return None
            try:
                blobs = {output.file: approved(run, output) for output in run.outputs if output.file}
            except GoldenError:
                if attempt < _TRIES - 1 and self._is_replaced(key, run):
                    continue
                raise
            return GoldenRun(run.document, run.folder, blobs)
        return None

    def write(self, key: str, run: GoldenRun, expected: Expected | None = None) -> Path:
        """Write a run and its blobs whole: into a temporary folder, then moved into place.

        expected  what must be there until the very moment in which it is written

        Raises GoldenError when that cannot be done; the old run is then still there.
        """
        return self.put(key, {**run.blobs, RUN_FILE: dumps(run.document).encode("utf-8")}, expected)

    def put(self, key: str, files: Mapping[str, bytes], expected: Expected | None = None) -> Path:
        """Write the files of a run, by their names, as `write` does."""
        folder = self.folder(key)
        for name in files:
            if not is_own_name(name):
                raise GoldenError(f"{folder}: the run names a file outside its folder: {name!r}")
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with self._locked():
                refuse_links(self.root, folder)
                folder.parent.mkdir(parents=True, exist_ok=True)
                _settle(folder)
                _refuse_changed(expected or {})
                _refuse_in_the_way(_backup(folder))
                _sweep(folder)
                _write(folder, files)
        except OSError as error:
            raise GoldenError(f"{folder}: cannot be written ({error.strerror or error})") from error
        return folder

    def remove(self, folder: Path, expected: Expected | None = None) -> None:
        """Delete the files of one run; folders of other runs below it, and foreign files, stay.

        Raises GoldenError, also where a link is on the way, or what is there is not what is expected.
        """
        try:
            with self._locked():
                refuse_links(self.root, folder)
                _refuse_changed(expected or {})
                run = GoldenRun.load(folder)
                # First, as what is left when this is cut off is then no golden run.
                (folder / RUN_FILE).unlink()
                for path in [folder / output.file for output in run.outputs if output.file]:
                    refuse_links(folder, path.parent)
                    path.unlink(missing_ok=True)
                if is_folder(folder / PREVIEWS):
                    shutil.rmtree(folder / PREVIEWS)
                while folder != self.root and not any(folder.iterdir()):
                    folder.rmdir()
                    folder = folder.parent
        except OSError as error:
            raise GoldenError(f"{folder}: cannot be removed ({error.strerror or error})") from error

    def _is_replaced(self, key: str, run: GoldenRun) -> bool:
        with contextlib.suppress(GoldenError):
            now = self.load(key)
            return now is None or now.document != run.document
        return False

    def _is_there(self, folder: Path) -> bool:
        run_file = os.path.join(folder, RUN_FILE)
        if os.path.lexists(run_file) and not _is_cut_off(folder):
            return True
        # Where nothing may be written, what is there is read as it is.
        with contextlib.suppress(OSError), self._locked():
            _settle(folder)
            return os.path.lexists(run_file)
        return os.path.lexists(run_file)

    def _refuse_links(self, folder: Path) -> None:
        try:
            refuse_links(self.root, folder)
        except OSError as error:
            raise GoldenError(f"{error.filename}: cannot be read ({error.strerror})") from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other processes from writing; where the system has no lock for a folder, nobody waits."""
        try:
            import fcntl  # which Windows has not
        except ImportError:
            yield
            return
        handle = os.open(self.root, os.O_RDONLY)
        try:
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def digest_of(folder: Path) -> str | None:
    """Return the SHA-256 (hex) of a folder's run.json, None where there is none; raises OSError."""
    try:
        return hashlib.sha256(read_below(folder, RUN_FILE)).hexdigest()
    except FileNotFoundError:
        return None


def files_of(folder: Path) -> dict[str, bytes]:
    """Return all files of a run's folder but those of runs below it, by their names; raises OSError.

    What is reached by a link is left out.
    """
    folders = [folder, *([folder / PREVIEWS] if is_folder(folder / PREVIEWS) else [])]
    paths = [path for one in folders if is_folder(one) for path in sorted(one.iterdir())]
    names = [path.relative_to(folder).as_posix() for path in paths if path.is_file() and not leads_elsewhere(path)]
    return {name: read_below(folder, name) for name in names}


def _refuse_changed(expected: Expected) -> None:
    for folder, digest in expected.items():
        now = digest_of(folder)
        if now != digest:
            what = "is gone" if now is None else "was approved meanwhile" if digest is None else "is another one by now"
            raise GoldenError(f"{folder}: the golden run {what}: nothing was written")


def _backup(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}{_BACKUP}")


def _refuse_in_the_way(backup: Path) -> None:
    # A folder there was settled, so this is a link or a file that somebody else put there.
    if os.path.lexists(backup):
        raise GoldenError(f"{backup}: is in the way, as what is replaced is kept there meanwhile: remove it")


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=_FRESH, dir=folder.parent))
    try:
        for name, data in files.items():
            target = fresh / name
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(data)
        fresh.chmod(0o755)
        if folder.exists():
            folder.rename(_backup(folder))
        fresh.rename(folder)
        _settle(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Remove what writers of this run left behind that were cut off; nobody else writes now."""
    for left in folder.parent.glob(f".{glob.escape(folder.name)}.????????{_FRESH}"):
        if is_folder(left):
            shutil.rmtree(left)


def _is_cut_off(folder: Path) -> bool:
    """Whether a replacement was cut off half-way, or is going on."""
    return is_folder(_backup(folder))


def _settle(folder: Path) -> None:
    """Finish, or undo, a replacement that was cut off half-way; runs in folders below the old one stay."""
    backup = _backup(folder)
    if not _is_cut_off(folder):
        return
    # Another process may be settling the same folder; whoever loses finds the work done.
    with contextlib.suppress(FileNotFoundError):
        if not folder.exists():
            backup.rename(folder)
            return
        for child in backup.iterdir():
            own = is_folder(child) and child.name != PREVIEWS
            if own and not os.path.lexists(folder / child.name):
                child.rename(folder / child.name)
        shutil.rmtree(backup)
