"""`pytest-comfy renew`: fingerprints of an older version made anew from the golden files, without a server."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..text import plain
from . import Commands


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add `renew` to the commands."""
    parser = commands.add_parser(
        "renew",
        help="make fingerprints of golden runs anew from their files",
        description="Make the fingerprints of golden runs anew from the files beside them, as a newer version of "
        "pytest-comfy makes them. No server is asked, and what was approved stays what it is.",
    )
    add = parser.add_argument
    add("folder", type=Path, nargs="*", default=[Path("golden")], metavar="FOLDER", help="where to look for golden "
        "runs (default: golden)")  # fmt: skip
    add("--all", action="store_true", help="make those of this version anew as well")
    return parser


def run(options: argparse.Namespace) -> int:
    """Renew all golden runs below the folders; returns the exit status, 1 if one of them could not be."""
    from ..golden import GoldenError, find_runs
    from ..golden.renewing import renew

    runs = renewed = 0
    stuck: list[str] = []
    for root in options.folder:
        folders = list(find_runs(root))
        if not folders:
            stuck.append(f"{root}: there are no golden runs")
        for folder in folders:
            try:
                found = renew(folder, every=options.all)
            except GoldenError as error:
                stuck.append(str(error))
                continue
            runs += 1
            renewed += found.renewed
            stuck += found.stuck
    for one in stuck:
        print(f"pytest-comfy renew: {plain(one)}", file=sys.stderr)
    print(f"{runs} golden run{'s' * (runs != 1)}, {renewed} fingerprint{'s' * (renewed != 1)} made anew")
    return 1 if stuck else 0
