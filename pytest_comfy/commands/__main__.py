"""The `pytest-comfy` command."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol, cast

from .. import __version__
from . import Commands
from . import __name__ as package
from . import __path__ as folders


class Command(Protocol):
    """A module of this folder: one subcommand."""

    def add_parser(self, commands: Commands) -> argparse.ArgumentParser:
        """Add the subcommand with its arguments, and return its parser."""

    def run(self, options: argparse.Namespace) -> int:
        """Do what the arguments say; returns the exit status."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0 done, 2 wrong usage, 1 anything else; of `diff` as diff(1) has it."""
    parser = argparse.ArgumentParser(
        prog="pytest-comfy",
        description="A fake ComfyUI that replays recordings, the recorder that makes them, the converter of "
        "workflows, the comparator of outputs, and what is done with reports.",
    )
    parser.add_argument("--version", action="version", version=f"pytest-comfy {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in _commands():
        command.add_parser(commands).set_defaults(run=command.run)
    chosen = parser.parse_args(arguments)
    try:
        status = int(chosen.run(chosen))
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # who read what is printed has had enough, as `head` has
        with contextlib.suppress(OSError):  # so that Python does not try again at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _commands() -> Iterator[Command]:
    """Yield the subcommands: the modules of this folder but this one, by name."""
    for found in iter_modules(folders):
        if not found.name.startswith("_"):
            yield cast(Command, import_module(f"{package}.{found.name}"))


if __name__ == "__main__":
    sys.exit(main())
