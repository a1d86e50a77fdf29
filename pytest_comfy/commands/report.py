"""`pytest-comfy report`: what is done with reports as a whole."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import Commands, printable


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add `report` to the commands."""
    parser = commands.add_parser("report", help="join the reports of several sessions", description="Work on reports.")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    merge = actions.add_parser(
        "merge",
        help="join the reports of several sessions",
        description="Join the reports of shards of a CI run. A case that several have is that of the latest run. "
        "Exit status: 0 done, 1 it cannot be.",
    )
    add = merge.add_argument
    add("reports", type=Path, nargs="+", metavar="DIR", help="the folders of the reports")
    add("-o", "--output", type=Path, required=True, metavar="OUT", help="the folder of the one that they become")
    add("--force", action="store_true", help="also join reports of different commits")
    return parser


def run(options: argparse.Namespace) -> int:
    """Merge the reports, and print what the one holds; returns the exit status."""
    from ..report.merging import merge
    from ..report.reading import Refused

    try:
        document = merge(options.reports, options.output, force=options.force)
    except Refused as error:
        print(f"pytest-comfy report merge: {printable(error)}", file=sys.stderr)
        return 1
    counts = document["counts"]["cases"]
    told = ", ".join(f"{number} {word}" for word, number in counts.items() if number) or "no case"
    print(f"{printable(options.output)}: {told}")
    return 0
