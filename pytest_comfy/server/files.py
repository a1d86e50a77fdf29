"""The server's files: the names of this server life and their bytes. No name touches the disk."""

from __future__ import annotations

import posixpath
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

Key = tuple[str, str, str]
"""(type, subfolder, filename)"""

FOLDERS = ("output", "input", "temp")

_COUNTED = re.compile(r"^(?P<prefix>.*_)(?P<number>\d{5,})(?P<tail>[_.-].*)$", re.DOTALL)
"""Prefix, five-digit counter, ending: x_00001_.png as ComfyUI writes it, x_00001.mp4 as node packs do."""

_MOST_FILES = 100_000
_MOST_UPLOADED = 512 * 1024 * 1024


class StoreFull(Exception):
    """The uploads of this server life do not fit into memory."""


@dataclass(slots=True)
class StoredFile:
    """One file: `load` returns its bytes or raises an OSError or GoldenError."""

    load: Callable[[], bytes]
    created_ns: int = field(default_factory=time.time_ns)
    size_in_memory: int = 0


def file_key(kind: str, subfolder: str, filename: str) -> Key | None:
    """Return the key of a file, or None where the subfolder would lead out of the folder `kind`."""
    base = f"/{kind}"
    folder = posixpath.normpath(posixpath.join(base, subfolder.replace("\\", "/")))
    if folder != base and not folder.startswith(base + "/"):
        return None
    return (kind, folder[len(base) + 1 :], filename)


class FileStore:
    """Names -> bytes loaders of one server life."""

    def __init__(self) -> None:
        self._files: dict[Key, StoredFile] = {}
        self._reserved: set[Key] = set()
        self._counters: dict[tuple[str, str, str], int] = {}
        self._uploaded = 0
        self._folders: set[tuple[str, str]] = {(kind, "") for kind in FOLDERS}
        self.revision = 0
        """Grows whenever a file of type `input` is stored."""

    def get(self, key: Key) -> StoredFile | None:
        """Return a file, or None."""
        return self._files.get(key)

    def claim(self, wanted: Key) -> Key:
        """Reserve the name of a file that a run will write; the counter moves on where it is taken."""
        kind, subfolder, filename = wanted
        counted = _COUNTED.match(filename)
        if counted is None or kind == "input":
            return wanted
        prefix, number, tail = counted["prefix"], int(counted["number"]), counted["tail"]
        counter = (kind, subfolder, prefix)
        key = wanted
        if key in self._reserved or key in self._files:
            number = max(number, self._counters.get(counter, 0)) + 1
            key = (kind, subfolder, f"{prefix}{number:05}{tail}")
        self._counters[counter] = max(number, self._counters.get(counter, 0))
        self._reserved.add(key)
        return key

    def publish(self, key: Key, load: Callable[[], bytes]) -> None:
        """Make a run's file visible."""
        self._put(key, StoredFile(load))

    def has_folder(self, kind: str, subfolder: str) -> bool:
        """Tell whether there is a folder; those of published files are."""
        return (kind, subfolder) in self._folders

    def make_folder(self, kind: str, subfolder: str) -> None:
        """Make a folder and those above it."""
        while (kind, subfolder) not in self._folders:
            self._folders.add((kind, subfolder))
            subfolder = posixpath.dirname(subfolder)

    def names(self, kind: str) -> list[tuple[str, str]]:
        """Return (subfolder, filename) of all files of a type, the newest first."""
        found = [(key, stored.created_ns) for key, stored in self._files.items() if key[0] == kind]
        # The later of two of the same moment first, as the disk would hardly have it otherwise.
        found.reverse()
        return [key[1:] for key, _ in sorted(found, key=lambda one: -one[1])]

    def store(self, key: Key, content: bytes) -> None:
        """Store an upload over whatever has its name; raises StoreFull."""
        replaced = self._files.get(key)
        if self._uploaded + len(content) - (replaced.size_in_memory if replaced else 0) > _MOST_UPLOADED:
            raise StoreFull
        self._put(key, StoredFile(lambda: content, size_in_memory=len(content)))

    def forget(self, kind: str) -> None:
        """Delete all files of a type."""
        for key in [key for key in self._files if key[0] == kind]:
            self._uploaded -= self._files.pop(key).size_in_memory
        self._folders = {folder for folder in self._folders if folder[0] != kind} | {(kind, "")}
        self.revision += kind == "input"

    def _put(self, key: Key, stored: StoredFile) -> None:
        self._reserved.discard(key)
        replaced = self._files.pop(key, None)
        self._uploaded += stored.size_in_memory - (replaced.size_in_memory if replaced else 0)
        self._files[key] = stored
        self.make_folder(key[0], key[1])
        self.revision += key[0] == "input"
        if len(self._files) > _MOST_FILES:
            oldest = next(iter(self._files))
            self._uploaded -= self._files.pop(oldest).size_in_memory
