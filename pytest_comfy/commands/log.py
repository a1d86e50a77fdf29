"""`pytest-comfy log`: the approvals of golden runs, as a dated table and as a curve."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import write_whole
from . import Commands, add_root, printable, root_given

if TYPE_CHECKING:
    from ..golden.history import Step
    from ..upgrade.history.finding import History

_WIDEST = 160


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add `log` to the commands."""
    parser = commands.add_parser(
        "log",
        help="tell when and why golden runs were approved, and how far they moved",
        description="Print the approvals of a workflow's golden runs: when, how far the run was from what it replaced "
        "(1 is the limit), what changed of the environment, and why. Exit status: 0, or 2 where there is none.",
    )
    add = parser.add_argument
    add("workflow", metavar="WORKFLOW", help="a workflow or test file, a folder of golden runs, or their key, such as "
        "txt2img or txt2img/night")  # fmt: skip
    add("--case", metavar="NAME", help="only the golden runs of this case")
    add("--json", action="store_true", help="print all that is known as JSON, the distance of each output with it")
    add("-o", "--output", type=Path, metavar="FILE", help="draw the curve of the distances, as .png or .svg")
    add_root(parser)
    return parser


def run(options: argparse.Namespace) -> int:
    """Print the histories, and draw them where that is asked for; returns the exit status."""
    from ..golden import GoldenError
    from ..report.reading import Refused
    from ..session.given import SettingsError
    from ..upgrade.history.canvas import CANVASES
    from ..upgrade.history.finding import NotFoundError, histories

    output = options.output
    try:
        if output is not None and output.suffix.lower() not in CANVASES:
            raise NotFoundError(f"{output}: the curve is drawn as {' or '.join(CANVASES)}: name such a file")
        found = histories(options.workflow, root_given(options.root), options.case)
        if output is not None:
            write_whole(output, _drawn(found, output.suffix.lower()))
        _print(found, options.json)
    except (NotFoundError, GoldenError, Refused, SettingsError) as error:
        print(f"pytest-comfy log: {printable(error)}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        raise
    except OSError as error:
        told = f"{output}: cannot be written" if output is not None else f"{error.filename}: cannot be read"
        print(f"pytest-comfy log: {printable(told)} ({error.strerror or error})", file=sys.stderr)
        return 2
    return 0


def _print(found: Sequence[History], as_json: bool) -> None:
    from ..upgrade.history.table import rows

    if as_json:
        print(json.dumps([_json(one) for one in found], indent=2, allow_nan=False))
        return
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    for number, one in enumerate(found):
        if number:
            print()
        for row in rows(one, width):
            print(printable(row))


def _drawn(found: Sequence[History], suffix: str) -> bytes:
    from ..upgrade.history.canvas import CANVASES
    from ..upgrade.history.curve import HEIGHT, WIDTH, draw

    canvas = CANVASES[suffix](WIDTH, HEIGHT)
    draw(found, canvas)
    return canvas.data()


def _json(history: History) -> dict[str, Any]:
    return {
        "folder": history.folder,
        "workflow": history.workflow,
        "case": history.case,
        "approvals": [_step_json(step) for step in history.steps],
    }


def _step_json(step: Step) -> Mapping[str, Any]:
    """Return an approval with null for what it does not tell."""
    moved = step.moved
    return {
        "at": step.at or None,
        "by": step.by or None,
        "reason": step.reason or None,
        "environment": step.environment or None,
        "changed": None if step.changed is None else list(step.changed),
        "distance": None
        if moved is None
        else {name: {"verdict": one.verdict, "distance": one.distance} for name, one in moved.items()},
    }
