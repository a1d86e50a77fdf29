"""`pytest-comfy review`: the report in a browser, with Approve and Reject."""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from ..session.given import SettingsError
from . import Commands, add_root, printable, root_given

if TYPE_CHECKING:
    from ..report.review import Desk


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add `review` to the commands."""
    parser = commands.add_parser(
        "review",
        help="look at a report in a browser, and approve or reject what differs",
        description="Serve a report on 127.0.0.1, with Approve and Reject on its page. What is approved is written to "
        "the golden runs at once, and can be undone until Ctrl-C.",
    )
    add = parser.add_argument
    add("report", type=Path, nargs="?", default=Path("comfy-report"), metavar="DIR",
        help="the report's folder (default %(default)s)")  # fmt: skip
    add("--port", type=_port, default=0, help="where to listen (default: a port that is free)")
    add("--no-open", action="store_true", help="print the address, and open no browser")
    add_root(parser)
    return parser


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM; returns the exit status."""
    from ..report.reading import Refused
    from ..report.review import Desk, ReviewServer

    stop = threading.Event()
    # Told outright: what a script starts in the background would not listen to SIGINT.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with tempfile.TemporaryDirectory(prefix="pytest-comfy-review-") as keep:
        try:
            secret = secrets.token_urlsafe(32)
            desk = Desk(options.report, root_given(options.root), secret, Path(keep))
            server = ReviewServer(desk, secret, options.port).start()
        except (Refused, SettingsError) as error:
            return _wrong(error)
        except OSError as error:
            return _wrong(f"127.0.0.1:{options.port}: cannot be listened on ({error.strerror or error})")
        print(server.address, flush=True)
        if not options.no_open and _has_display():
            import webbrowser

            webbrowser.open(server.ticket())
        # In short waits: on Windows a wait without end is deaf to Ctrl-C.
        while not stop.wait(0.5):
            pass
        server.stop()
    _sum_up(desk)
    return 0


def _wrong(why: object) -> int:
    print(f"pytest-comfy review: {printable(why)}", file=sys.stderr)
    return 2


def _port(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: say a number up to 65535, or 0 for a free one")
    return int(text)


def _has_display() -> bool:
    """Whether a browser would have somewhere to show itself; where that cannot be told, it is tried."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _sum_up(desk: Desk) -> None:
    counts = desk.counts()
    left = counts["undecided"] + counts["partly"]
    print(f"{counts['approved']} approved, {counts['rejected']} rejected, {left} to decide")
