"""The pytest plugin: what pytest is told at every start, and whether a session has anything of ours in it.

Most sessions have not, and pay for no more than this. `waking` has the hooks of the others.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from . import OwnFinder
from .offering import (
    comfy_async_client,
    comfy_client,
    comfy_golden,
    comfy_lane,
    comfy_respx,
    comfy_run,
    comfy_server,
    comfy_workflow,
)
from .options import add_options, defaults
from .places import DEFAULT_GOLDEN_DIR, MARKERS, REPLAYING, Looking

if TYPE_CHECKING:
    from .collect import WorkflowFile
    from .waking import SessionHooks

__all__ = [
    "comfy_async_client",
    "comfy_client",
    "comfy_golden",
    "comfy_lane",
    "comfy_respx",
    "comfy_run",
    "comfy_server",
    "comfy_workflow",
]

LOOKING: pytest.StashKey[Looking] = pytest.StashKey()
"""What looks for something of ours, as long as there is nothing."""


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser.getgroup("comfy", "ComfyUI workflow tests").addoption, parser.addini)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    from . import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(args: list[str]) -> None:
    # argparse would take the word after a bare --comfy-update, a path perhaps, for its value.
    for at, word in enumerate(args):
        if word == "--comfy-update":
            from .session.settings import UPDATE_MODES

            mode = args[at + 1] if at + 1 < len(args) else ""
            given = mode in UPDATE_MODES and not Path(mode).exists()
            args[at] = f"--comfy-update={mode if given else 'changed'}"
            if given:
                del args[at + 1]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "comfy(timeout, stall_timeout, tolerance, allow_node_errors): a ComfyUI workflow, or a test's options",
    )
    config.addinivalue_line("markers", "comfy_respx(url, ...): where the fixture comfy_respx is found")
    config.stash[LOOKING] = Looking(config.rootpath)
    if _is_told(config) or _is_project(config):
        wake(config)


def _is_told(config: pytest.Config) -> bool:
    """Whether command line, ini or environment say something of ours."""
    given = any(value is not None for name, value in vars(config.option).items() if name.startswith("comfy_"))
    inis = any(config.getini(name) != default for name, default in defaults().items())
    # What the processes of pytest-xdist know of their session they tell each other.
    spread = hasattr(config, "workerinput") or any(
        getattr(config.option, name, None) for name in ("numprocesses", "tx")
    )
    return given or inis or spread or any(name.startswith("COMFY_") for name in os.environ)


def _is_project(config: pytest.Config) -> bool:
    """Whether the session was started in, or for, a project, as far as that shows before files are met."""
    looking, start = config.stash[LOOKING], config.invocation_params.dir
    alone = not (config.inipath or config.option.rootdir)
    paths = [start / word.partition("::")[0] for word in config.args]
    return looking.at_root() or (alone and looking.above()) or any(map(looking.on_the_way, paths))


def pytest_unconfigure() -> None:
    # Where it stood till the end, Python would have to clear all modules one by one.
    if OwnFinder in sys.meta_path:
        sys.meta_path.remove(OwnFinder)


def awake(config: pytest.Config) -> SessionHooks | None:
    """Return the hooks of a session that has something of ours in it, None for any other."""
    hooks: SessionHooks | None = config.pluginmanager.get_plugin("comfy-session")
    return hooks


def wake(config: pytest.Config) -> SessionHooks:
    """Return the hooks of a session, which are loaded now unless they are there."""
    hooks = awake(config)
    if hooks is None:
        from .waking import wake as first

        hooks = first(config)
    return hooks


def pytest_report_header(config: pytest.Config) -> list[str]:
    if hooks := awake(config):
        return hooks.header()
    return [f"{REPLAYING} {DEFAULT_GOLDEN_DIR}/ (empty)"] if config.stash[LOOKING].is_empty() else []


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> WorkflowFile | None:
    name = file_path.name
    if name not in MARKERS and not name.lower().endswith(".json"):
        return None
    if awake(parent.config) is None:
        looking = parent.config.stash[LOOKING]
        if name in MARKERS:
            ours = looking.on_the_way(file_path.parent)
        else:
            doubtful = parent.config.args_source is pytest.Config.ArgsSource.ARGS
            ours = parent.session.isinitpath(file_path) or looking.may_run(file_path, doubtful)
        if not ours:
            return None
        wake(parent.config)
    from .collect import collect_file

    return collect_file(file_path, parent)


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    # First, before -k and -m deselect: a deselected test still claims its golden run.
    hooks = wake(config) if any(map(_has_fixture, items)) else awake(config)
    broken = hooks.claim(items) if hooks else []
    yield
    if hooks:
        hooks.keep(items, broken)


def _has_fixture(item: pytest.Item) -> bool:
    return any(name.startswith("comfy_") for name in getattr(item, "fixturenames", ()))
