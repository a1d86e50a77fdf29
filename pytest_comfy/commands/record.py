"""`pytest-comfy record`: the recording proxy, from the command line."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from ..session.reaching import add_reaching, reached
from . import Commands


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add the command."""
    parser = commands.add_parser(
        "record",
        help="record what clients and a real ComfyUI say to each other",
        description="Stands between clients and a real ComfyUI, passes everything through, and writes golden "
        "runs and other answers that the fake server replays.",
    )
    parser.add_argument("--upstream", required=True, metavar="URL", help="the ComfyUI, such as http://127.0.0.1:8188")
    add_reaching(parser)
    parser.add_argument("--into", required=True, type=Path, metavar="DIR", help="where the recordings are written")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default: %(default)s)")
    parser.add_argument("--port", default=0, type=_port, help="0 picks a free one (default: %(default)s)")
    parser.add_argument("--no-previews", action="store_true", help="do not keep pictures sent while sampling")
    parser.add_argument(
        "--redact",
        action="append",
        default=[],
        metavar="REGEX",
        help="neither record nor tell what matches, beside what looks like a secret (repeatable)",
    )
    return parser


def run(options: argparse.Namespace) -> int:
    """Record until Ctrl-C or SIGTERM; returns the exit status."""
    from ..golden import GoldenError
    from ..secrecy import compiled, take_out
    from ..server.recording import RecordingProxy
    from ..session.servers import ServerError

    try:
        take_out(compiled(options.redact, "--redact"))
        server = reached(options, [options.upstream])
        proxy = RecordingProxy(
            server.address,
            options.into,
            headers=server.headers,
            verify=server.verify,
            host=options.host,
            port=options.port,
            previews=not options.no_previews,
            on_recorded=lambda folder: _say(f"recorded {folder}"),
            on_problem=lambda text: _say(text, sys.stderr),
        )
    except (ValueError, ServerError) as error:
        _say(f"pytest-comfy record: {error}", sys.stderr)
        return 2
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    try:
        proxy.start()
    except OSError as error:
        where = f"{options.host}:{options.port}"
        _say(f"pytest-comfy record: cannot listen on {where}: {error.strerror or error}", sys.stderr)
        return 1
    except GoldenError as error:
        _say(f"pytest-comfy record: {error}", sys.stderr)
        return 1
    _say(proxy.url)
    # In short waits: on Windows a wait without end is deaf to Ctrl-C.
    while not over.wait(0.5):
        pass
    proxy.stop()
    runs, problems = len(proxy.recorded), len(proxy.problems)
    told = f", {problems} not recorded or only in part" if problems else ""
    _say(f"{runs} {'run' if runs == 1 else 'runs'} recorded in {options.into}{told}")
    return 0


def _say(text: str, stream: Any = None) -> None:
    from ..text import plain

    print(plain(text), file=stream or sys.stdout, flush=True)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: say a number from 0 to 65535")
    return int(text)
