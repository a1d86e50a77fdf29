"""`pytest-comfy lint`: what of the workflows breaks, or moves by itself, without a server."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..session.given import SettingsError
from . import Commands, add_root, printable, root_given
from ._definitions import DefinitionsError, of_golden_runs, read_definitions
from ._workflows import NoWorkflows, add_files, tell, workflows_of

if TYPE_CHECKING:
    from ..upgrade.preflight.known import Given, Known


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add `lint` to the commands."""
    parser = commands.add_parser(
        "lint",
        help="look at workflows without a server, before anything runs",
        description="Look at workflows, with the values of their cases, and say what a server would refuse, what "
        "changed since their golden runs, and what makes runs differ by themselves. Nothing runs and no server is "
        "asked. Exit status: 0 nothing is sure to break, 1 something is, 2 wrong usage.",
    )
    add_files(parser)
    parser.add_argument(
        "--definitions",
        type=Path,
        metavar="FILE",
        help="node definitions to hold them against, as /object_info answers them (default: those that golden runs "
        "keep)",
    )
    add_root(parser)
    return parser


def run(options: argparse.Namespace) -> int:
    """Look at the workflows and print what is found; returns the exit status."""
    from ..golden import GoldenError
    from ..report.reading import Refused
    from ..session.projects import projects_at
    from ..upgrade.preflight.cases import looked_at, read
    from ..workflow import WorkflowError

    try:
        projects = projects_at(root_given(options.root))
        paths = workflows_of(options.files, projects)
        given = None if options.definitions is None else read_definitions(options.definitions)
        files = list(read(paths, projects))
        if given is None:
            kept: dict[str, Any] = {}
            for one in projects.all():
                kept.update(_kept(one.golden_dir))
            against = "the node definitions that golden runs keep"
            looked = list(looked_at(files, lambda case: _of_golden(case, kept)))
        else:
            known = _of_file(options.definitions, given)
            against = str(options.definitions)
            looked = list(looked_at(files, lambda _: known))
    except (Refused, SettingsError, NoWorkflows, DefinitionsError, WorkflowError, GoldenError) as error:
        print(f"pytest-comfy lint: {printable(error)}", file=sys.stderr)
        return 2
    return tell(looked, against, options)


def _kept(folder: Path) -> Mapping[str, Any]:
    try:
        return of_golden_runs(folder) if folder.is_dir() else {}
    except DefinitionsError:
        return {}  # a workflow that nobody ran yet may be looked at all the same


def _of_golden(case: Given, kept: Mapping[str, Any]) -> Known:
    """Return what golden runs know: that of the case goes first, as it was recorded for it."""
    from ..upgrade.preflight.known import Known

    return Known({**kept, **case.kept}, partly=True)


def _of_file(path: Path, definitions: Mapping[str, Any]) -> Known:
    from ..upgrade.preflight.known import Known

    # A golden run, or a folder of them, keeps a part alone of what a server says.
    partly = path.is_dir() or path.name == "run.json"
    return Known(definitions, partly=partly)
