"""What a server logged when it started and tells nowhere else: the attention that it uses, and its commit.

ComfyUI keeps the last 300 pieces of its log, so that what it wrote at its start is gone after some runs.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..client import ComfyClient

_ROUTE = "/internal/logs"
_LARGEST = 2**21
"""Bytes of memory that the answer may take."""
_LONGEST = 5.0
"""Seconds that it may take: nothing depends on it."""
_LINES = {
    # Not "Using pytorch attention in VAE", which comes with models.
    "attention": re.compile(
        r"Using (sage|flash|xformers|pytorch|split|sub quadratic)(?: optimization for)? attention(?=,|\s*(?:\n|$))"
    ),
    "vram_state": re.compile(r"Set vram state to: ([A-Z_]{1,20})\b"),
    # Of ComfyUI-Manager: ComfyUI itself does not look at its repository.
    "commit": re.compile(r"### ComfyUI Revision: [^\n]{0,120}?\[([0-9a-f]{7,40})\]"),
}


def started(client: ComfyClient) -> dict[str, str]:
    """Return attention, vram_state and commit, those that the log still tells; raises nothing."""
    from ..client import ServerUnreachable, TooLarge

    log = None
    with contextlib.suppress(ServerUnreachable, TooLarge):
        reply = client.http.get(_ROUTE, limit=_LARGEST, timeout=_LONGEST)
        log = reply.json() if reply.status == 200 else None
    return told_by(log) if isinstance(log, str) else {}


def told_by(log: str) -> dict[str, str]:
    """Return what a server's log tells of its start."""
    found = {key: line.search(log) for key, line in _LINES.items()}
    return {key: match[1] for key, match in found.items() if match}
