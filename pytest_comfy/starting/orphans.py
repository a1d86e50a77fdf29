"""The lock of a server's folder, and what sessions left behind that were killed together with their keeper."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
import uuid
from pathlib import Path

from .keeper import kill_marked

PREFIX = "pytest-comfy-start-"
_LOCK = "lock"


def new_folder() -> Path:
    """Return a place for a server's folder, which is not made yet."""
    return Path(tempfile.gettempdir()).resolve() / f"{PREFIX}{uuid.uuid4().hex[:12]}"


def make(folder: Path) -> int | None:
    """Make a server's folder and return the file descriptor that locks it while it is open; None where there are no
    such locks. Raises OSError."""
    folder.mkdir(mode=0o700)
    lock = _locked(folder / f"{_LOCK}.new", os.O_CREAT)
    if lock is not None:
        # Under its name only now: nobody finds a lock that is not held yet.
        os.replace(folder / f"{_LOCK}.new", folder / _LOCK)
    return lock


def sweep() -> int:
    """End the servers, and remove the folders, of sessions of this user that are gone; returns how many there were.

    A keeper does so itself; this is for those that were killed as well.
    """
    if os.name == "nt":
        return 0
    return sum(_swept(folder) for folder in Path(tempfile.gettempdir()).resolve().glob(f"{PREFIX}*"))


def _swept(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        found = os.lstat(folder)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            return False
        lock = _locked(folder / _LOCK, 0)
        if lock is not None:
            try:
                kill_marked(folder)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)
            return True
    return False


def _locked(path: Path, flags: int) -> int | None:
    """Open a file and lock it; None where somebody has it, or where there are no locks. Raises OSError."""
    try:
        import fcntl
    except ImportError:
        return None
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
