"""What the server's log file gains while a case runs, where a person names it."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from .telling import LONGEST_TEXT, told

_BESIDES = 4096
"""Bytes that are read before what is told, so that a secret at the cut is seen whole."""


class ServerLog:
    """The end of a log file from now on. It may be truncated, or another file take its place: then that one is read.

    problem  why it cannot be read, a sentence; None while it can be
    """

    def __init__(self, path: Path, shown: str) -> None:
        self.problem: str | None = None
        self._path = path
        self._shown = shown
        self._file, self._size = self._standing()

    def gained(self) -> str | None:
        """Return what was written since, its last 64 KiB, without secrets; None where that cannot be read."""
        file, size = self._standing()
        begin = self._size if file == self._file and size >= self._size else 0
        first = max(begin, size - LONGEST_TEXT - _BESIDES)
        try:
            data = self._read(first, size)
        except OSError as error:
            self.problem = f"the server's log {self._shown}: cannot be read ({error.strerror or error})"
            return None
        text = told(data.decode("utf-8", "replace"), LONGEST_TEXT + _BESIDES)
        if first > begin:
            # The first line is not whole, and what is cut off of a secret is not known for one.
            cut_off, _, rest = text.partition("\n")
            text = rest if len(cut_off) < _BESIDES else text[_BESIDES:]
        return text[-LONGEST_TEXT:]

    def _read(self, first: int, end: int) -> bytes:
        if not stat.S_ISREG(os.stat(self._path).st_mode):
            raise OSError(errno.EINVAL, "is no file")  # reading a pipe would wait for whoever writes
        with self._path.open("rb") as log:
            log.seek(first)
            return log.read(max(0, end - first))

    def _standing(self) -> tuple[tuple[int, int] | None, int]:
        """Return which file it is, and its size; it may well be made later."""
        try:
            found = os.stat(self._path)
        except OSError:
            return None, 0
        return (found.st_dev, found.st_ino), found.st_size
