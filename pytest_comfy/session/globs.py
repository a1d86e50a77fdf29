"""Globs over paths relative to the project's root, with `**` for any number of folders."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

_WILD = re.compile(r"[*?\[]")


def matches(path: str, glob: str) -> bool:
    """Whether a path with forward slashes matches a glob, such as workflows/**/*.json."""
    return bool(_pattern(glob).fullmatch(path))


def base(glob: str) -> str:
    """Return the folders of a glob before its first wildcard: workflows/**/*.json -> workflows."""
    fixed = []
    for part in glob.split("/")[:-1]:
        if _WILD.search(part):
            break
        fixed.append(part)
    return "/".join(fixed)


def split(glob: str) -> tuple[str, str] | None:
    """Return a glob in two, before the last fixed folders that follow a wildcard: packages/*, workflows/**/*.json.

    None where there are no such folders.
    """
    parts = glob.split("/")
    wild = [bool(_WILD.search(part)) for part in parts[:-1]]
    starts = [at for at in range(1, len(wild)) if wild[at - 1] and not wild[at]]
    return ("/".join(parts[: starts[-1]]), "/".join(parts[starts[-1] :])) if starts else None


def find(root: Path, glob: str) -> Iterator[Path]:
    """Yield the files below `root` that match."""
    is_meant = _pattern(glob).fullmatch
    for folder, _, names in os.walk(root / base(glob)):
        below = Path(folder).relative_to(root).as_posix()
        start = "" if below == "." else f"{below}/"
        for name in names:
            if is_meant(f"{start}{name}") and os.path.isfile(path := os.path.join(folder, name)):
                yield Path(path)


@lru_cache(maxsize=64)
def _pattern(glob: str) -> re.Pattern[str]:
    parts: list[str] = []
    for piece in re.split(r"(\*\*/|\*\*|\*|\?|\[!?[^\]]+\])", glob):
        if piece == "**/":
            parts.append("(?:[^/]+/)*")
        elif piece == "**":
            parts.append(".*")
        elif piece == "*":
            parts.append("[^/]*")
        elif piece == "?":
            parts.append("[^/]")
        elif piece.startswith("[") and piece.endswith("]"):
            parts.append(piece.replace("[!", "[^", 1))
        else:
            parts.append(re.escape(piece))
    return re.compile("".join(parts))
