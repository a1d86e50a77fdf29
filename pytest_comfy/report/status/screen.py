"""Lines below what pytest has written, on a terminal that pytest goes on writing to."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

_CLEAR = "\x1b[J"
"""Everything behind the cursor: the cursor stays where pytest has left it, so what is there is ours."""


class Screen:
    """A terminal, by a file descriptor of its own: pytest's leads elsewhere while it captures what a test writes.

    Whatever pytest writes goes through `guarded`, which takes our lines away before.
    """

    def __init__(self, fd: int, encoding: str = "utf-8") -> None:
        self._fd = os.dup(fd)
        self._encoding = encoding
        self._lock = threading.RLock()
        self._shown: tuple[str, ...] = ()
        self._undo: list[Callable[[], None]] = []

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        try:
            size = os.get_terminal_size(self._fd)
        except OSError:
            return 80, 24
        return size.columns or 80, size.lines or 24

    def show(self, lines: Sequence[str]) -> None:
        """Show these lines in place of those that are there; the cursor stays where it is."""
        with self._lock:
            wanted = tuple(lines)
            if wanted == self._shown:
                return
            self._write(frame(wanted) if wanted else _CLEAR)
            self._shown = wanted

    def clear(self) -> None:
        """Take the lines away."""
        self.show(())

    def guard(self, writer: Any) -> None:
        """Take the lines away before a terminal writer of pytest writes, and have nothing of that wait in a buffer."""
        for name in ("write", "write_raw"):
            if hasattr(writer, name):
                setattr(writer, name, self._guarded(writer, getattr(writer, name)))
                self._undo.append(lambda name=name: writer.__dict__.pop(name, None))  # type: ignore[misc]

    def close(self) -> None:
        """Take the lines away and leave pytest's writer as it was."""
        with self._lock:
            self.clear()
            while self._undo:
                self._undo.pop()()
            if self._fd >= 0:
                os.close(self._fd)
            self._fd = -1

    def _guarded(self, writer: Any, write: Callable[..., None]) -> Callable[..., None]:
        def guarded(*arguments: Any, **markup: Any) -> None:
            with self._lock:
                self.clear()
                write(*arguments, **markup)
                writer.flush()

        return guarded

    def _write(self, text: str) -> None:
        data = text.encode(self._encoding, "replace")
        with contextlib.suppress(OSError):  # a terminal that is gone costs no verdict
            while data and self._fd >= 0:
                data = data[os.write(self._fd, data) :]


def frame(lines: Sequence[str]) -> str:
    """Return what shows lines below the cursor and brings it back.

    IND makes room, scrolling at the bottom, and keeps the column; from there on nothing scrolls, so that the cursor can
    be saved. Lines do not wrap, whatever the terminal takes for their width.
    """
    rows = "".join(f"\x1b[1B\r{line}\x1b[K" for line in lines)
    return "\x1bD" * len(lines) + f"\x1b[{len(lines)}A\x1b7\x1b[?7l{rows}\x1b[J\x1b[?7h\x1b8"
