"""Files are written whole or not at all, and none is reached by a link that somebody put into a folder of ours."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import BinaryIO

_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_REFUSED = "it is a link, and links are not followed: put what it leads to in its place"
_JUNCTION = getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", -1)
_RELATIVE = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")


def write_whole(path: Path, data: bytes) -> None:
    """Write a file to a temporary place beside it and move it there; raises OSError, and leaves what was."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def leads_elsewhere(path: str | Path) -> bool:
    """Whether a path is a link, whatever it leads to; a junction of Windows is one as well."""
    try:
        found = os.lstat(path)
    except (OSError, ValueError):
        return False
    return stat.S_ISLNK(found.st_mode) or getattr(found, "st_reparse_tag", 0) == _JUNCTION


def is_folder(path: Path) -> bool:
    """Whether a path is a folder, and no link to one."""
    return path.is_dir() and not leads_elsewhere(path)


def refuse_links(root: Path, path: Path) -> None:
    """Raise OSError where something on the way from `root` to `path` below it is a link; `root` itself may be one."""
    at = str(root)
    for part in path.relative_to(root).parts:
        at = os.path.join(at, part)
        if leads_elsewhere(at):
            raise OSError(errno.ELOOP, _REFUSED, at)


def read_below(folder: Path, name: str) -> bytes:
    """Return the bytes of a file of a folder, as `open_below` finds it; raises OSError."""
    with open_below(folder, name) as stream:
        return stream.read()


def open_below(folder: Path, name: str) -> BinaryIO:
    """Open a file of a folder, named with forward slashes.

    It is opened part by part, so that no link on the way is followed however quickly it was put there, and only what
    is a file is opened. Raises OSError.
    """
    *folders, last = name.split("/")
    if not _RELATIVE:
        refuse_links(folder, folder / name)
        return (folder / name).open("rb")
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in folders:
            at, above = _opened(folder, name, part, os.O_DIRECTORY, at), at
            os.close(above)
        file = _opened(folder, name, last, os.O_NONBLOCK, at)
    finally:
        os.close(at)
    stream = os.fdopen(file, "rb")
    if not stat.S_ISREG(os.fstat(file).st_mode):
        stream.close()
        raise OSError(errno.EINVAL, "is no file", str(folder / name))
    return stream


def remove_below(root: Path, path: Path) -> None:
    """Remove a folder below `root` with all that is in it; a link is never followed, and what it leads to stays.

    Raises OSError, also where a link is on the way or the folder itself is one; nothing is removed then.
    """
    refuse_links(root, path)
    shutil.rmtree(path)


def is_lfs_pointer(data: bytes) -> bool:
    """Whether the bytes are what Git LFS leaves in the place of a file until it is fetched."""
    return data.startswith(_LFS_POINTER)


def _opened(folder: Path, name: str, part: str, flags: int, at: int) -> int:
    try:
        return os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | flags, dir_fd=at)
    except OSError as error:
        # A link that should be a folder is told as "not a directory".
        if error.errno == errno.ELOOP or (error.errno == errno.ENOTDIR and _is_link_at(part, at)):
            raise OSError(errno.ELOOP, _REFUSED, str(folder / name)) from None
        raise OSError(error.errno, error.strerror, str(folder / name)) from None


def _is_link_at(part: str, at: int) -> bool:
    with contextlib.suppress(OSError):
        return stat.S_ISLNK(os.stat(part, dir_fd=at, follow_symlinks=False).st_mode)
    return False
