"""`pytest-comfy approve`: the runs that a report kept become golden runs, without a server."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..session.given import SettingsError
from . import Commands, add_root, printable, root_given

_REPORT = Path("comfy-report")


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add `approve` to the commands."""
    parser = commands.add_parser(
        "approve",
        help="approve the runs of a report, without a server",
        description="Write the runs that a report kept as golden runs, as --comfy-update does. The report may be one "
        "that was downloaded; the project is that of the current folder. A case is refused whose golden run or "
        "workflow changed since. Exit status: 0 all approved, 1 some refused, 2 wrong usage.",
    )
    add = parser.add_argument
    add("report", type=Path, nargs="?", default=_REPORT, metavar="DIR", help="the report's folder (comfy-report)")
    add("-k", dest="expression", metavar="EXPR", help="only cases whose node id or golden folder holds this, such as "
        "'portrait and not blur'")  # fmt: skip
    add("--only", action="append", default=[], metavar="WORD", help="only cases of this outcome, or with an output of "
        "this verdict or kind of change, such as different or sharpness (repeatable; default: all that"
        " failed)")  # fmt: skip
    add("--reason", required=True, metavar="TEXT", help="why the runs are approved; kept in the golden runs")
    add("--allow-blank", action="store_true", help="approve outputs that show nothing, such as black pictures")
    add("--dry-run", action="store_true", help="say what would be done, and write nothing")
    add_root(parser)
    return parser


def run(options: argparse.Namespace) -> int:
    """Approve the cases that are meant, and print a line of each; returns the exit status."""
    from ..report.reading import Refused, load_report
    from ..report.selecting import select

    try:
        reason = options.reason.strip()
        if not reason:
            raise Refused("--reason is empty: say why the runs are right")
        root = root_given(options.root)
        cases = select(load_report(options.report)["cases"], options.expression, options.only)
    except (Refused, SettingsError) as error:
        print(f"pytest-comfy approve: {printable(error)}", file=sys.stderr)
        return 2
    done = sum(_approve(case, root, reason, options) for case in cases)
    what = "would be approved" if options.dry_run else "approved"
    print(f"{done} {what}, {len(cases) - done} refused")
    return 0 if done == len(cases) else 1


def _approve(case: Mapping[str, Any], root: Path, reason: str, options: argparse.Namespace) -> bool:
    """Approve a case, or only look whether that can be done; prints what became of it, and returns whether it did."""
    from ..report.approving import Refused, approve, candidate

    name, more = printable(case["node_id"]), {"allow_blank": options.allow_blank}
    try:
        if options.dry_run:
            found: Any = candidate(options.report, case, root, **more)
        else:
            found = approve(options.report, case, root, reason, **more)
    except Refused as error:
        print(f"refused: {name}: {printable(error)}")
        return False
    folder = found.folder.relative_to(root) if found.folder.is_relative_to(root) else found.folder
    print(f"{'would be approved' if options.dry_run else 'approved'}: {name}: {printable(folder.as_posix())}")
    for doubt in found.doubts:
        print(f"  note: {printable(doubt)}")
    return True
