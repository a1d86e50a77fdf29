"""pytest-comfy: run ComfyUI workflows as tests and compare their outputs with golden runs.

The names below load on first use, so that pytest's start is not slowed where no workflow is run.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
