"""Workflow files as commands are given them, and what preflight found of them, printed."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..places import MARKERS
from ..session.globs import find
from . import printable

if TYPE_CHECKING:
    from ..session.projects import Projects
    from ..upgrade.preflight.cases import Looked


_NOT_ENTERED = frozenset({"_darcs", "build", "CVS", "dist", "node_modules", "venv", "{arch}"})
"""As `norecursedirs` of pytest has it."""


class NoWorkflows(Exception):
    """There is nothing to look at; the text is one sentence for the user."""


def add_files(parser: argparse.ArgumentParser) -> None:
    """Add FILES, and how what is found is told."""
    parser.add_argument("files", type=Path, nargs="*", metavar="FILES", help="workflows, their sidecars, or folders "
                        "(default: all workflows of the project)")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of lines")
    parser.add_argument("-v", "--verbose", action="store_true", help="tell what is only good to know as well")


def workflows_of(files: Sequence[Path], projects: Projects) -> list[Path]:
    """Return the workflow files that are meant, each once; raises NoWorkflows.

    A sidecar means its workflow, or, as the one of a folder, those below it. What belongs to golden runs or to a
    report is left out.
    """
    root = projects.session.root
    missing = next((path for path in files if not path.exists()), None)
    if missing is not None:
        raise NoWorkflows(f"{missing}: is not there")
    named = [path.absolute() for path in files]
    projects.look_around(named or [root, Path.cwd(), *_marked(root)])
    found = [path for one in named for path in _meant(one, projects)] if named else list(_all(projects))
    paths = [path for path in dict.fromkeys(found) if projects.look([path]) and not projects.is_own(path)]
    if not paths and not named:
        globs = ", ".join(projects.globs())
        raise NoWorkflows(f"{root}: has no workflows, as comfy_workflows ({globs}) matches no file")
    return paths


def _marked(root: Path) -> Iterator[Path]:
    """Yield the folders below one that may be projects, of those that pytest goes into by itself."""
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith(".") and name not in _NOT_ENTERED)
        if "pyvenv.cfg" in names:
            subfolders.clear()
        elif MARKERS.intersection(names):
            yield Path(folder)


def _all(projects: Projects) -> Iterator[Path]:
    for one in projects.all():
        for glob in one.workflows:
            yield from sorted(path for path in find(one.folder, glob) if path.suffix.lower() == ".json")


def _meant(path: Path, projects: Projects) -> Iterator[Path]:
    if path.is_dir():
        below = sorted(path.rglob("*.json"))
        claimed = [one for one in below if projects.look([one]) and projects.claims(one)]
        yield from claimed or below  # a folder of workflows that the project has nothing to do with
    elif path.suffix.lower() == ".toml":
        workflow = path.with_suffix(".json")
        yield from [workflow] if workflow.is_file() else _meant(path.parent, projects)
    else:
        yield path


def tell(looked: Sequence[Looked], against: str, options: argparse.Namespace) -> int:
    """Print what was found; returns the exit status: 1 where something is sure to break."""
    from ..upgrade.preflight.telling import counts_of, document, lines

    if options.json:
        json.dump(document(looked, against), sys.stdout, ensure_ascii=True, indent=2)
        print()
    else:
        width = shutil.get_terminal_size((80, 24)).columns
        for line in lines(looked, against, max(width, 40), options.verbose):
            print(printable(line))
    return 1 if counts_of(looked)["error"] else 0
