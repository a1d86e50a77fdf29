"""The commit that is checked out, read from the files of Git: a session waits for no process."""

from __future__ import annotations

import re
from pathlib import Path

_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_LONGEST = 2**24


def commit_of(folder: Path) -> str | None:
    """Return the hash of HEAD for the working tree that a folder is in, None where there is none to be read."""
    git = next((path for parent in (folder, *folder.parents) if (path := parent / ".git").exists()), None)
    if git is None:
        return None
    if git.is_file():  # of a worktree, or a submodule
        told = _read(git)
        if not told.startswith("gitdir:"):
            return None
        git = git.parent / told.removeprefix("gitdir:").strip()
    head = _read(git / "HEAD")
    if not head.startswith("ref:"):
        return _hash(head)
    name = head.removeprefix("ref:").strip()
    common = git / (_read(git / "commondir") or ".")
    return _hash(_read(git / name)) or _hash(_read(common / name)) or _packed(_read(common / "packed-refs"), name)


def _packed(refs: str, name: str) -> str | None:
    return next((_hash(row.split(" ")[0]) for row in refs.splitlines() if row.endswith(f" {name}")), None)


def _hash(text: str) -> str | None:
    return text if _HASH.fullmatch(text) else None


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST).decode("utf-8", "replace").strip()
    except (OSError, ValueError):
        return ""
