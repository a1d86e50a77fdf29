"""A terminal for tests: a pseudo terminal of the standard library, and what a person would see on it."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import unicodedata

PATIENCE = 60
"""Seconds after which what never came is given up; nothing is timed by it."""
_SEQUENCE = re.compile(r"\x1b(?:\[([?\d;]*)([A-Za-z])|\][^\x07\x1b]*(?:\x07|\x1b\\)|([D78]))")


class Screen:
    """What is on a terminal of some size, and what has scrolled off; an unknown control raises KeyError."""

    def __init__(self, columns=80, rows=24):
        self.columns, self.rows = columns, rows
        self.lines = [[" "] * columns for _ in range(rows)]
        self.gone = []
        self.row = self.column = 0
        self.saved = (0, 0)
        self.wraps = True
        self._rest = ""

    def feed(self, text):
        text = self._rest + text
        at = 0
        while at < len(text):
            if text[at] == "\x1b":
                found = _SEQUENCE.match(text, at)
                if not found:
                    break  # the rest of it is on its way
                self._control(*found.groups())
                at = found.end()
                continue
            self._put(text[at])
            at += 1
        self._rest = text[at:]

    def text(self):
        """All lines, those that have scrolled off as well, without what is empty at the end."""
        return "\n".join("".join(line).rstrip() for line in (*self.gone, *self.lines)).rstrip()

    def below(self):
        """The lines below the cursor that are not empty, and what stands behind it in its own."""
        behind = "".join(self.lines[self.row][self.column :]).rstrip()
        return [
            line for line in (behind, *("".join(line).rstrip() for line in self.lines[self.row + 1 :])) if line.strip()
        ]

    def _put(self, char):
        if char == "\n":
            self._down()
        elif char == "\r":
            self.column = 0
        elif char == "\b":
            self.column = max(0, self.column - 1)
        elif char not in "\x07\x00":
            width = 2 if unicodedata.east_asian_width(char) in "WF" else 1
            if self.column + width > self.columns:
                if self.wraps:
                    self.column = 0
                    self._down()
                else:
                    self.column = self.columns - width
            self.lines[self.row][self.column] = char
            for more in range(1, width):
                self.lines[self.row][self.column + more] = ""
            self.column += width

    def _down(self):
        if self.row == self.rows - 1:
            self.gone.append(self.lines.pop(0))
            self.lines.append([" "] * self.columns)
        else:
            self.row += 1

    def _control(self, numbers, letter, short):
        number = int(numbers) if numbers and numbers.isdigit() else None
        if short == "D":
            self._down()
        elif short == "7":
            self.saved = self.row, self.column
        elif short == "8":
            self.row, self.column = self.saved
        elif letter == "A":
            self.row = max(0, self.row - (number or 1))
        elif letter == "B":
            self.row = min(self.rows - 1, self.row + (number or 1))
        elif letter in ("J", "K"):
            if number:
                raise KeyError(f"{letter} {number}")
            self.lines[self.row][self.column :] = [" "] * (self.columns - self.column)
            for line in self.lines[self.row + 1 :] if letter == "J" else ():
                line[:] = [" "] * self.columns
        elif letter in ("h", "l") and numbers == "?7":
            self.wraps = letter == "h"
        elif letter not in ("m", None):
            raise KeyError(letter)


PYTEST = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); import pytest; "
    "sys.exit(pytest.main())"
)
"""pytest as a person starts it: what runs behind a shell may have been told to ignore Ctrl-C."""


class Terminal:
    """A pytest that runs on a terminal of some size."""

    def __init__(self, words, cwd, columns=80, rows=24, **environment):
        self.screen = Screen(columns, rows)
        self.raw = ""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        own = {**os.environ, "TERM": "xterm-256color", **environment}
        own = {name: value for name, value in own.items() if value is not None and name not in ("COLUMNS", "LINES")}
        command = [sys.executable, "-c", PYTEST, *map(str, words)]
        self._running = subprocess.Popen(
            command, cwd=cwd, env=own, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def until(self, pattern):
        """Read until the screen shows a pattern, and return the match."""
        until = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.screen.text())):
            if not self._read(until):
                raise AssertionError(f"{pattern!r} never came:\n{self.screen.text()}")
        return found

    def interrupt(self):
        """Press Ctrl-C, as far as the program is concerned."""
        os.kill(self._running.pid, signal.SIGINT)

    def end(self):
        """Read to the end and return the exit status."""
        until = time.monotonic() + PATIENCE
        while self._read(until):
            pass
        return self._running.wait(PATIENCE)

    def close(self):
        """End what still runs."""
        if self._running.poll() is None:
            self._running.kill()
            self._running.wait()
        os.close(self._master)

    def _read(self, until):
        ready, _, _ = select.select([self._master], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # Linux says so when the last writer is gone
            return False
        text = self._decoder.decode(data)
        self.raw += text
        self.screen.feed(text)
        return bool(data)
