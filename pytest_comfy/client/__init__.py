"""Who asks: HTTP, WebSocket, the end of a run, uploads and downloads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..workflow.results import Event, Output, Preview
from .client import ComfyClient
from .errors import (
    ApiNodesRefused,
    ComfyError,
    DownloadError,
    ExecutionError,
    PromptRejected,
    RunInterrupted,
    RunLost,
    RunStalled,
    RunTimeout,
    ServerUnreachable,
    TooLarge,
)
from .run import Progress, Run
from .told import Queue, Queued, QueueItem

if TYPE_CHECKING:
    from .asynchronous import AsyncComfyClient

__all__ = [
    "ApiNodesRefused",
    "AsyncComfyClient",
    "ComfyClient",
    "ComfyError",
    "DownloadError",
    "Event",
    "ExecutionError",
    "Output",
    "Preview",
    "Progress",
    "PromptRejected",
    "Queue",
    "QueueItem",
    "Queued",
    "Run",
    "RunInterrupted",
    "RunLost",
    "RunStalled",
    "RunTimeout",
    "ServerUnreachable",
    "TooLarge",
]


def __getattr__(name: str) -> Any:
    """Load the asynchronous client where it is asked for: aiohttp is half of what the rest costs."""
    if name != "AsyncComfyClient":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .asynchronous import AsyncComfyClient

    return AsyncComfyClient
