"""What a fake server had no answer for, told at the end of a test."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..text import listed, plain

if TYPE_CHECKING:
    from ..server import FakeComfyServer

_MOST = 5
"""Listed at most."""


def closing(server: FakeComfyServer, root: Path) -> str:
    """Return lines on prompts that no golden run answered, and on golden runs never asked for; '' without any.

    root  the project's, to which paths are told
    """
    problems = server.problems
    rows = [f"unmatched prompt: {plain(problem, 1000)}" for problem in problems[:_MOST]]
    if len(problems) > _MOST:
        rows.append(f"and {len(problems) - _MOST} unmatched prompts more")
    idle = [_relative(one, root) for one in server.unused if isinstance(one, Path)]
    if idle:
        rows.append(f"golden runs never asked for: {listed(idle, _MOST)}")
    return "\n".join(rows)


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
