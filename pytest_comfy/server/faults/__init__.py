"""Faults that the fake server can be told to have; each is made by a function and added to `server.faults`."""

from __future__ import annotations

from .events import (
    close_socket,
    delay,
    drop,
    duplicate,
    execution_error,
    hold,
    out_of_memory,
    refuse_connections,
    reorder,
    restart,
    silent_socket,
    stuck_queue,
    stuck_run,
)
from .model import Failure, Fault, Faults, Moment
from .parsing import FaultError, parse_fault
from .requests import (
    content_type,
    corrupted_image,
    disk_full,
    drop_connection,
    history_lags,
    http_status,
    image_missing,
    malformed_json,
    slow,
    trickle,
    truncated,
)

__all__ = [
    "Failure",
    "Fault",
    "FaultError",
    "Faults",
    "Moment",
    "close_socket",
    "content_type",
    "corrupted_image",
    "delay",
    "disk_full",
    "drop",
    "drop_connection",
    "duplicate",
    "execution_error",
    "history_lags",
    "hold",
    "http_status",
    "image_missing",
    "malformed_json",
    "out_of_memory",
    "parse_fault",
    "refuse_connections",
    "reorder",
    "restart",
    "silent_socket",
    "slow",
    "stuck_queue",
    "stuck_run",
    "trickle",
    "truncated",
]
