"""Options by which commands reach a server, the same for all of them."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from .servers import Server, lines_of, servers_of

if TYPE_CHECKING:
    from collections.abc import Sequence


def add_reaching(parser: argparse.ArgumentParser) -> None:
    """Add --comfy-header and --comfy-ca."""
    parser.add_argument(
        "--comfy-header",
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        help="a header that a gateway wants, for HTTP and WebSocket (repeatable; also COMFY_HEADERS, a line each)",
    )
    parser.add_argument(
        "--comfy-ca", metavar="FILE|off", help="certificates of the authority that signed the server's; off trusts any"
    )


def reached(options: argparse.Namespace, urls: Sequence[str]) -> Server:
    """Return the first server of those that were given, by address or name; raises ServerError."""
    headers = [*lines_of(os.environ.get("COMFY_HEADERS")), *options.comfy_header]
    return servers_of(urls[:1], headers, options.comfy_ca, Path.cwd(), os.environ)[0]
