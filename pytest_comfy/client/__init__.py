"""Who asks: HTTP, WebSocket, the end of a run, uploads and downloads."""

from __future__ import annotations

from ..workflow.results import Event, Output, Preview
from .client import ComfyClient
from .errors import (
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

__all__ = [
    "ComfyClient",
    "ComfyError",
    "DownloadError",
    "Event",
    "ExecutionError",
    "Output",
    "Preview",
    "Progress",
    "PromptRejected",
    "Run",
    "RunInterrupted",
    "RunLost",
    "RunStalled",
    "RunTimeout",
    "ServerUnreachable",
    "TooLarge",
]
