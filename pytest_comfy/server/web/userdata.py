"""The user's files (workflows, settings): a small tree of folders and files in memory, one per server life.

It refuses and fails as ComfyUI does on a disk: OSError or ValueError where the disk would raise them.
"""

from __future__ import annotations

import posixpath
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

_LONGEST_NAME, _LONGEST_PATH = 255, 4096
"""Bytes, of the file systems that ComfyUI runs on."""

_MOST_BYTES = 256 * 1024 * 1024

_ROOT = "/user/default"


@dataclass(frozen=True, slots=True)
class UserFile:
    """One file of the user."""

    content: bytes
    modified_ns: int = field(default_factory=time.time_ns)


class UserData:
    """Files and folders by path relative to the user's folder, which is ``; it is made when first needed."""

    def __init__(self) -> None:
        self.files: dict[str, UserFile] = {}
        self.folders: dict[str, int] = {}
        """Path -> when it was made, ns since the epoch."""
        self._size = 0

    @staticmethod
    def resolve(name: str) -> str | None:
        """Return the path that a client's name means, None where it leads out of the user's folder.

        ComfyUI decodes it once more than HTTP does (user_manager.py).
        """
        path = posixpath.normpath(posixpath.join(_ROOT, unquote(name) if "%" in name else name))
        if path == _ROOT:
            return ""
        return path[len(_ROOT) + 1 :] if path.startswith(_ROOT + "/") else None

    def exists(self, path: str) -> bool:
        """Tell whether there is a file or folder."""
        return path in self.files or path in self.folders

    def make_parent(self, path: str) -> None:
        """Make the folder that holds `path`, as ComfyUI does before it even looks for the file."""
        if path:
            parent = posixpath.dirname(path)
            if parent not in self.files:
                self._make(parent)

    def _make(self, folder: str) -> None:
        missing = []
        while folder not in self.folders:
            _require_possible(folder)
            if folder in self.files:
                raise NotADirectoryError("a file has the name of the folder")
            missing.append(folder)
            if not folder:
                break
            folder = posixpath.dirname(folder)
        for one in reversed(missing):
            self.folders[one] = time.time_ns()

    def write(self, path: str, content: bytes) -> None:
        """Write a file; its folder must be there."""
        _require_possible(path)
        if path in self.folders:
            raise IsADirectoryError("the name is a folder's")
        if posixpath.dirname(path) not in self.folders:
            raise NotADirectoryError("no such folder")
        size = self._size + len(content) - len(self.files[path].content if path in self.files else b"")
        if size > _MOST_BYTES:
            raise OSError("the fake ComfyUI server holds no more user data in memory")
        self._size = size
        self.files[path] = UserFile(content)

    def remove(self, path: str) -> None:
        """Remove a file; raises an OSError for a folder."""
        if path not in self.files:
            raise IsADirectoryError("no file")
        self._size -= len(self.files.pop(path).content)

    def move(self, source: str, target: str) -> None:
        """Move a file or folder as Python's shutil.move does: into `target` where that is a folder."""
        if target in self.folders:
            if source == target:
                return
            target = posixpath.join(target, posixpath.basename(source))
            if self.exists(target):
                raise FileExistsError("the folder holds one of that name")
        _require_possible(target)
        if not source or posixpath.dirname(target) not in self.folders:
            raise FileNotFoundError("no such folder")
        if source in self.files:
            self._move_file(source, target)
            return
        if target in self.files or f"{target}/".startswith(f"{source}/"):
            raise NotADirectoryError("no place for a folder")
        for path in [one for one in self.files if one.startswith(source + "/")]:
            self.files[target + path[len(source) :]] = self.files.pop(path)
        for path in [one for one in self.folders if f"{one}/".startswith(source + "/")]:
            self.folders[target + path[len(source) :]] = self.folders.pop(path)

    def _move_file(self, source: str, target: str) -> None:
        moved = self.files.pop(source)
        if target in self.files:
            self._size -= len(self.files[target].content)
        self.files[target] = moved

    def below(self, folder: str) -> Iterator[tuple[str, UserFile]]:
        """Yield path, relative to `folder`, and file of all that lies below it."""
        start = folder + "/" if folder else ""
        for path, file in self.files.items():
            if path.startswith(start):
                yield path[len(start) :], file

    def folders_below(self, folder: str) -> list[str]:
        """Return the whole paths of the folders below one."""
        start = folder + "/" if folder else ""
        return [path for path in self.folders if path and path != folder and path.startswith(start)]


def _require_possible(path: str) -> None:
    """Raise ValueError or OSError for what no disk takes as a name."""
    if "\0" in path:
        raise ValueError("embedded null byte")
    names = [name.encode(errors="surrogatepass") for name in path.split("/")]
    if max(map(len, names)) > _LONGEST_NAME or sum(map(len, names)) + len(names) > _LONGEST_PATH:
        raise OSError("the name is too long")
