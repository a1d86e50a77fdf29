"""`pytest-comfy doctor`: what of the workflows breaks on a server, before anything runs there."""

from __future__ import annotations

import argparse
import os
import sys

from ..session.given import SettingsError
from ..session.reaching import add_reaching, reached
from ..session.servers import ServerError
from . import Commands, add_root, printable, root_given
from ._workflows import NoWorkflows, add_files, tell, workflows_of


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add `doctor` to the commands."""
    parser = commands.add_parser(
        "doctor",
        help="look at workflows and at a server, before anything runs there",
        description="Hold workflows, with the values of their cases, against the node definitions and models of a "
        "server, and say what it would refuse, what changed since their golden runs, and what makes runs differ by "
        "themselves. Nothing is queued. Exit status: 0 nothing is sure to break, 1 something is, or the server does "
        "not answer, 2 wrong usage.",
    )
    add_files(parser)
    parser.add_argument("--comfy-url", metavar="URL", help="the ComfyUI server, by its address or its name in "
                        "comfy.toml (also COMFY_URL)")  # fmt: skip
    add_reaching(parser)
    add_root(parser)
    return parser


def run(options: argparse.Namespace) -> int:
    """Ask the server, look at the workflows and print what is found; returns the exit status."""
    from ..client import ComfyClient, ComfyError
    from ..golden.environment import summary
    from ..report.reading import Refused
    from ..session.projects import projects_at
    from ..upgrade.preflight.cases import looked_at, read
    from ..upgrade.preflight.server import of_server

    urls = [options.comfy_url] if options.comfy_url else os.environ.get("COMFY_URL", "").replace(",", " ").split()
    try:
        if not urls:
            raise Refused("which server? Give it with --comfy-url, such as --comfy-url http://127.0.0.1:8188")
        projects = projects_at(root_given(options.root))
        paths = workflows_of(options.files, projects)
        server = reached(options, urls)
    except (Refused, SettingsError, ServerError, NoWorkflows) as error:
        print(f"pytest-comfy doctor: {printable(error)}", file=sys.stderr)
        return 2
    try:
        with ComfyClient(server.address, headers=server.headers, verify=server.verify) as client:
            known = of_server(client, thorough=True)
            against = f"{client.url} ({summary(known.system)}; {len(known.definitions)} node classes)"
            looked = list(looked_at(read(paths, projects, client.frontend()), lambda _: known))
    except ComfyError as error:
        print(f"pytest-comfy doctor: {printable(error)}", file=sys.stderr)
        return 1
    return tell(looked, against, options)
