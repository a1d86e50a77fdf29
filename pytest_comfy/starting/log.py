"""What a started server's log says: why it ended, and which packs it could not import."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..text import plain

_LAST = 12
"""Lines of the log that are told."""
_MOST_BYTES = 1 << 20
_FAILED = re.compile(r"^Cannot import (.+) module for custom nodes: (.*)$")
_SKIPPED = re.compile(r"^Skip (.+) module for custom nodes due to (.*)$")
_ENTRY = re.compile(r"^Error while calling comfy_entrypoint in (.+): (.*)$")
_PLACE = re.compile(r'^  File "([^"]+)", line (\d+)')
_PREFIX = re.compile(r"^\[[A-Z]+\] ")


def text_of(path: Path) -> str:
    """Return a log, its last MiB; "" where there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _MOST_BYTES))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def last_lines(text: str, most: int = _LAST) -> list[str]:
    """Return the last lines of a log that hold something, fit to print."""
    lines = [plain(line, 200) for line in text.splitlines() if line.strip()]
    return lines[-most:]


def import_failures(text: str, packs: Iterable[str]) -> list[str]:
    """Return a sentence for each of the packs, by the names of their folders, that the server could not import."""
    wanted = set(packs)
    found = {}
    # Newer servers colour the level that stands before a message.
    lines = [_PREFIX.sub("", line.rstrip()) for line in plain(text, len(text) + 1).splitlines()]
    for at, line in enumerate(lines):
        for pattern, told in ((_FAILED, _raised), (_SKIPPED, _skipped), (_ENTRY, _said)):
            match = pattern.match(line)
            pack = re.split(r"[\\/]", match[1])[-1] if match else ""
            if match and pack in wanted:
                found[pack] = f"the server cannot import {plain(pack, 80)}: {told(lines[:at], match[2], match[1])}"
    return list(found.values())


def _raised(before: list[str], said: str, path: str) -> str:
    """Return the last line of the traceback above, with the line of the pack that it came from."""
    trace = list(_traceback(before))
    if not trace:
        return plain(said, 300)
    places = [match for line in trace if (match := _PLACE.match(line)) and match[1].startswith(path)]
    where = f" ({places[-1][1].removeprefix(path)[1:]}, line {places[-1][2]})" if places else ""
    return plain(f"{trace[-1].strip()}{where}", 300)


def _skipped(before: list[str], said: str, path: str) -> str:
    return plain(f"it has neither NODE_CLASS_MAPPINGS nor comfy_entrypoint ({said})", 300)


def _said(before: list[str], said: str, path: str) -> str:
    return plain(said, 300)


def _traceback(before: list[str]) -> Iterator[str]:
    """Yield the lines of the traceback that a text ends with; nothing where it ends with something else."""
    lines = list(before)
    while lines and not lines[-1].strip():
        lines.pop()
    starts = [at for at, line in enumerate(lines) if line.startswith("Traceback (most recent call last)")]
    return iter(lines[starts[-1] :] if starts else ())
