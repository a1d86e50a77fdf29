"""The `pytest-comfy` command: a module a subcommand, each with `add_parser` and `run`."""

from __future__ import annotations

import argparse
import sys
from typing import TypeAlias

from ..text import plain

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""What a subcommand adds its parser to."""


def printable(text: object) -> str:
    """Return text in one line that the terminal takes, whatever is in the names of files."""
    encoding = sys.stdout.encoding or "utf-8"
    return plain(text).replace("\n", " ").encode(encoding, "backslashreplace").decode(encoding)
