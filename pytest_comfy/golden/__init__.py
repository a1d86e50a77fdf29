"""What a good run is: golden runs on disk, their environment, redaction and which ones are unused."""

from __future__ import annotations

from ..places import find_runs
from .errors import GoldenError, LfsPointerError
from .run import FORMAT, PROMPT_ID, GoldenOutput, GoldenRun
from .store import GoldenStore

__all__ = [
    "FORMAT",
    "PROMPT_ID",
    "GoldenError",
    "GoldenOutput",
    "GoldenRun",
    "GoldenStore",
    "LfsPointerError",
    "find_runs",
]
