"""`pytest-comfy convert`: a UI-form workflow in API form, by the node definitions of a server or of recordings."""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import write_whole
from ..places import DEFAULT_GOLDEN_DIR
from ..session.given import SettingsError
from ..session.projects import Projects
from ..session.reaching import add_reaching, reached
from ..session.servers import ServerError
from ..session.settings import Settings, default_widgets, widgets
from ..text import plain
from . import Commands
from ._definitions import DefinitionsError, of_golden_runs, read_definitions

if TYPE_CHECKING:
    from ..workflow import Workflow

_GOLDEN = Path(DEFAULT_GOLDEN_DIR)


class ConvertError(DefinitionsError):
    """What was given cannot be converted; the text is one sentence for the user."""


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add `convert` to the commands."""
    parser = commands.add_parser(
        "convert",
        help="print a workflow in API form",
        description="Print the API form of a workflow, as ComfyUI's own page makes it. Node definitions are those of "
        "--definitions, of --comfy-url, of COMFY_URL, or of the golden runs in golden/.",
    )
    add = parser.add_argument
    add("file", type=Path, metavar="FILE", help="workflow in UI form; one in API form is passed through")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--comfy-url", metavar="URL", help="the ComfyUI server to ask for node definitions")
    source.add_argument(
        "--definitions",
        type=Path,
        metavar="FILE",
        help="what /object_info answered, a golden run's run.json, or a folder of golden runs",
    )
    add_reaching(parser)
    add("-o", "--output", type=Path, metavar="OUT", help="write there instead of printing")
    add("--seed", help="what dynamic prompts {a|b} choose by, false to leave them (default: as the case `default`)")
    add("--date", metavar="ISO", help="what %%date%% stands for, such as 2026-11-24T12:00:00 (default: that of the "
        "golden run of the case `default`, else now)")  # fmt: skip
    add("--widgets", type=Path, action="append", default=[], metavar="FILE",
        help="TOML that says what JavaScript does to widgets (default: comfy-widgets.toml; repeatable)")  # fmt: skip
    return parser


def run(options: argparse.Namespace) -> int:
    """Print or write the API form; returns the exit status."""
    from ..client import ComfyError
    from ..golden import GoldenError
    from ..workflow import WorkflowError

    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            prompt = _converted(options).prompt()
        for one in told:
            print(f"warning: {plain(one.message)}", file=sys.stderr)
        text = json.dumps(prompt, ensure_ascii=False, indent=2) + "\n"
        if options.output is None:
            sys.stdout.write(text)
        else:
            _write(options.output, text, options.file)
    except (
        ConvertError,
        DefinitionsError,
        SettingsError,
        ServerError,
        WorkflowError,
        GoldenError,
        ComfyError,
    ) as error:
        print(f"pytest-comfy convert: {plain(error)}", file=sys.stderr)
        return 1
    return 0


def _converted(options: argparse.Namespace) -> Workflow:
    from ..cases.converting import Converter, kept_date
    from ..golden import GoldenStore
    from ..workflow import Workflow

    workflow = Workflow.load(options.file)
    date = _date(options.date)
    if workflow.form == "api":
        return workflow
    root, file = Path.cwd(), options.file.resolve()
    layouts = widgets(options.widgets or default_widgets(root), "--widgets")
    settings = Projects(Settings(root, golden_dir=root / DEFAULT_GOLDEN_DIR, widgets=layouts)).of(file)
    # The key that the file's case has under pytest, so that both make the same prompt of it.
    key = f"{settings.golden_key(file)}/default"
    if date is None and settings.golden_dir.is_dir():
        date = kept_date(GoldenStore(settings.golden_dir).load(key))
    definitions, frontend = _definitions(options, workflow.classes())
    seed = False if options.seed == "false" else options.seed
    return Converter(layouts if options.widgets else settings.widgets).convert(
        workflow, definitions, key=key, dynamic_prompts=seed, date=date, frontend=frontend
    )


def _definitions(options: argparse.Namespace, classes: set[str]) -> tuple[Mapping[str, Any], str]:
    """Return class -> node definition from where it was asked for or found, and the page's version as far as told.

    Raises as `convert` catches.
    """
    if options.definitions is not None:
        return read_definitions(options.definitions), ""
    urls = [options.comfy_url] if options.comfy_url else os.environ.get("COMFY_URL", "").replace(",", " ").split()
    if urls:
        from ..client import ComfyClient

        server = reached(options, urls)
        with ComfyClient(server.address, headers=server.headers, verify=server.verify) as client:
            return client.definitions(classes), client.frontend()
    if _GOLDEN.is_dir():
        return of_golden_runs(_GOLDEN), ""
    raise ConvertError(
        f"{options.file}: in UI form, whose conversion needs node definitions: give a server with --comfy-url, such as "
        "--comfy-url http://127.0.0.1:8188, or a file with --definitions"
    )


def _date(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        raise ConvertError(f"--date {text!r}: write it like 2026-11-24 or 2026-11-24T12:00:00") from None
    # Local time, as the page would have it.
    return date.astimezone().replace(tzinfo=None) if date.tzinfo else date


def _write(path: Path, text: str, source: Path) -> None:
    """Write a file whole: to a temporary one, then moved into place; raises ConvertError."""
    if path.exists() and source.exists() and path.samefile(source):
        raise ConvertError(f"{path}: is the workflow itself, which would be lost: write to another file")
    try:
        write_whole(path, text.encode("utf-8", "surrogatepass"))
    except OSError as error:
        raise ConvertError(f"{path}: cannot be written ({error.strerror or error})") from error
