"""`pytest-comfy serve`: the fake server on its own, for front-end work and clients in other languages."""

from __future__ import annotations

import argparse
import logging
import re
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..secrecy import Patterns, compiled, take_out
from ..session.reaching import add_reaching, reached
from ..text import plain
from . import Commands

if TYPE_CHECKING:
    from ..server.behind import Way
    from ..server.fake import FakeComfyServer
    from ..server.faults import Fault

_PORT = 8188
"""ComfyUI's own, which clients look at when they are told of none."""


class UsageError(Exception):
    """What was given cannot be served."""


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add `serve` to the commands."""
    parser = commands.add_parser(
        "serve",
        help="answer like ComfyUI, from recordings",
        description="Answer like the ComfyUI that was recorded: golden runs, and what `pytest-comfy record` wrote.",
    )
    add = parser.add_argument
    add("golden_dir", type=Path, nargs="?", metavar="GOLDEN_DIR", help="directory below which the recordings lie")
    add("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    add("--port", type=int, default=_PORT, help="0 picks a free one (default %(default)s, as ComfyUI's)")
    add("--speed", type=float, default=0.0, metavar="X", help="0 as fast as possible, 1 as recorded (default 0)")
    add("--version", help="the ComfyUI to be, such as 0.30.0 (default: that of the recordings, else 0.30.0)")
    add(
        "--synthesize",
        type=Path,
        metavar="OBJECT_INFO.json",
        help="execute prompts without recording for show, by the node definitions saved from /object_info",
    )
    add(
        "--fault",
        action="append",
        default=[],
        metavar="NAME:KEY=VALUE,…",
        help="what is to go wrong, such as http_status:status=503,path=/view,nth=2 (repeatable)",
    )
    add(
        "--redact",
        action="append",
        default=[],
        metavar="REGEX",
        help="what was recorded with --redact or comfy_redact has to be served with the same (repeatable)",
    )
    add("--web-root", type=Path, metavar="DIR", help="folder of ComfyUI's web page, served at /")
    add(
        "--enable-cors-header",
        nargs="?",
        const="*",
        type=_origin,
        metavar="ORIGIN",
        help="let pages of another origin ask in a browser, as ComfyUI's flag does (default, without ORIGIN: of any)",
    )
    add(
        "--hold",
        type=_seconds,
        metavar="S",
        help="how long the first run of a client waits for its WebSocket (default 0.5, 0 not at all)",
    )
    add(
        "--ignore-input",
        action="append",
        default=[],
        metavar="PATTERN",
        help='input that need not be as recorded, by class or node, such as "*.seed" (repeatable)',
    )
    add(
        "--upstream",
        metavar="URL",
        help="a real ComfyUI that runs what is not recorded; its runs are recorded in GOLDEN_DIR",
    )
    add_reaching(parser)
    return parser


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM; returns the exit status."""
    try:
        take_out(_patterns(options.redact))
        server = _server(options)
        for fault in _faults(options.fault):
            server.faults.add(fault)
        server.start()
    except (UsageError, OSError, ValueError) as error:
        print(f"pytest-comfy serve: {plain(error)}", file=sys.stderr)
        return 2
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    stop = threading.Event()
    # Told outright: what a script starts in the background would not listen to SIGINT.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    print(f"{server.url} (ComfyUI {plain(server.version.text)}, {_told(server)})", flush=True)
    # In short waits: on Windows a wait without end is deaf to Ctrl-C.
    while not stop.wait(0.5):
        pass
    _sum_up(server)
    server.stop()
    return 0


def _server(options: argparse.Namespace) -> FakeComfyServer:
    from ..golden import GoldenError
    from ..golden.approved import find_lfs_pointers
    from ..server.fake import HOLD, FakeComfyServer

    if options.golden_dir is None and options.synthesize is None:
        raise UsageError("nothing to serve: name a directory of golden runs, or --synthesize OBJECT_INFO.json")
    way = _way(options)
    for folder in (options.golden_dir, options.web_root):
        if folder is not None and not folder.is_dir():
            raise UsageError(f"{folder}: is no directory")
    pointers = [] if options.golden_dir is None else list(find_lfs_pointers(options.golden_dir))
    if pointers:
        more = f" and {len(pointers) - 1} more" if len(pointers) > 1 else ""
        raise UsageError(f"{pointers[0]}{more}: Git LFS has not fetched the files: run `git lfs pull`")
    try:
        return FakeComfyServer(
            () if options.golden_dir is None else options.golden_dir,
            speed=options.speed,
            host=options.host,
            port=options.port,
            version=options.version,
            synthesize=False if options.synthesize is None else _definitions(options.synthesize),
            web_root=options.web_root,
            enable_cors_header=options.enable_cors_header,
            ignore_inputs=options.ignore_input,
            upstream=way,
            hold=HOLD if options.hold is None else options.hold,
        )
    except GoldenError as error:
        raise UsageError(str(error)) from error


def _way(options: argparse.Namespace) -> Way | None:
    from ..server.behind import Way
    from ..session.servers import ServerError

    if options.upstream is None:
        return None
    if options.golden_dir is None:
        raise UsageError("--upstream: name GOLDEN_DIR, where its runs are recorded")
    try:
        server = reached(options, [options.upstream])
    except ServerError as error:
        raise UsageError(str(error)) from error
    return Way(server.address, options.golden_dir, server.headers, server.verify)


def _origin(text: str) -> str:
    """Return an origin; a folder that stands behind the flag is meant for something else."""
    if text in ("*", "null") or re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/\s]+", text):
        return text
    raise argparse.ArgumentTypeError(
        f"{text!r} is no origin such as https://page.example: name GOLDEN_DIR before the flag, or say '*'"
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} are no seconds: say a number such as 0.5, or 0")
    return seconds


def _patterns(texts: list[str]) -> Patterns:
    try:
        return compiled(texts, "--redact")
    except ValueError as error:
        raise UsageError(str(error)) from None


def _definitions(path: Path) -> dict[str, Any]:
    from ..workflow import WorkflowError
    from ..workflow.definitions import read_json

    try:
        found = read_json(path)
    except WorkflowError as error:
        raise UsageError(str(error)) from error
    if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
        raise UsageError(f"{path}: holds no node definitions: save what /object_info answers")
    return found


def _faults(texts: list[str]) -> list[Fault]:
    from ..server.faults import FaultError, parse_fault

    try:
        return [parse_fault(text) for text in texts]
    except FaultError as error:
        raise UsageError(f"--fault: {error}") from error


def _told(server: FakeComfyServer) -> str:
    count = len(server.unused)
    return f"{count} golden run{'' if count == 1 else 's'}"


def _sum_up(server: FakeComfyServer) -> None:
    """Say which golden runs nobody asked for, and which faults never came about."""
    idle = [one for one in server.unused if isinstance(one, Path)]
    counts = f"{len(server.prompts)} answered, {len(server.unmatched)} without a recording"
    print(f"prompts: {counts}, {len(server.refused)} refused")
    if idle:
        print(f"golden runs never asked for: {', '.join(plain(folder) for folder in idle)}")
    for fault in server.faults:
        if not fault.fired:
            print(f"fault {fault.name} never came about: nothing was what it is aimed at")
