"""pytest-comfy: run ComfyUI workflows as tests and compare their outputs with golden runs.

The names below load on first use, so that pytest's start is not slowed where no workflow is run. For its sake as well
this package has no assertions for pytest to rewrite (PYTEST_DONT_REWRITE).
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

    from .client import AsyncComfyClient, ComfyClient, ComfyError, Output, Run
    from .golden import GoldenRun
    from .server import FakeComfyServer
    from .workflow import Workflow, WorkflowError

__all__ = [
    "AsyncComfyClient",
    "ComfyClient",
    "ComfyError",
    "FakeComfyServer",
    "GoldenRun",
    "Output",
    "Run",
    "Workflow",
    "WorkflowError",
    "__version__",
]

__version__ = "0.1.0"

_HOMES = {
    "AsyncComfyClient": "client",
    "ComfyClient": "client",
    "ComfyError": "client",
    "Output": "client",
    "Run": "client",
    "GoldenRun": "golden",
    "FakeComfyServer": "server",
    "Workflow": "workflow",
    "WorkflowError": "workflow",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


class OwnFinder:
    """Has Python find the modules of this package, as long as a session of pytest goes on.

    pytest loads those of all plugins itself, for the sake of their assertions: from their sources, again at every start
    where no bytecode is written (PYTHONDONTWRITEBYTECODE), although their installation brought it along.
    """

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        return PathFinder.find_spec(name, path, target) if name.startswith(f"{__name__}.") else None


if "_pytest.assertion.rewrite" in sys.modules:
    from importlib.machinery import PathFinder

    sys.meta_path.insert(0, OwnFinder)
