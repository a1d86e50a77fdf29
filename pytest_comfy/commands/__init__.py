"""The `pytest-comfy` command: a module a subcommand, each with `add_parser` and `run`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TypeAlias

from ..text import plain

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""What a subcommand adds its parser to."""


def printable(text: object) -> str:
    """Return text in one line that the terminal takes, whatever is in the names of files."""
    encoding = sys.stdout.encoding or "utf-8"
    return plain(text).replace("\n", " ").encode(encoding, "backslashreplace").decode(encoding)


def add_root(parser: argparse.ArgumentParser) -> None:
    """Add --root, which says what project a report is of; see `root_given`."""
    parser.add_argument("--root", type=Path, metavar="FOLDER", help="the project's folder, where pytest finds its ini "
                        "(default: the nearest above the current folder)")  # fmt: skip


def root_given(root: Path | None) -> Path:
    """Return the project's folder, absolute; raises Refused for one that is none, and SettingsError."""
    from ..report.reading import Refused
    from ..session.projects import root_of

    if root is not None and not root.is_dir():
        raise Refused(f"{root}: is no folder: name the project's with --root")
    return (root or root_of(Path.cwd())).absolute()
