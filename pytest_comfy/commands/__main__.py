"""The `pytest-comfy` command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from . import convert as convert_command
from . import diff as diff_command
from . import record as recording_command
from . import renew as renew_command
from . import serve as serve_command

_COMMANDS = (convert_command, diff_command, renew_command, serve_command, recording_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0 done, 2 wrong usage, 1 anything else; of `diff` as diff(1) has it."""
    parser = argparse.ArgumentParser(
        prog="pytest-comfy",
        description="A fake ComfyUI that replays recordings, the recorder that makes them, the converter of "
        "workflows, and the comparator of outputs.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add_parser(commands)
    chosen = parser.parse_args(arguments)
    try:
        return int(chosen.run(chosen))
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
