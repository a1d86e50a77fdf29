"""A server that has to wake up first: a pod that starts, behind a gateway that is there already."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from .errors import GatewayAnswered, ServerUnreachable

if TYPE_CHECKING:
    from .client import ComfyClient

_WAKING = 60.0
"""Seconds that a server is waited for while a gateway answers that nothing is behind it."""
_NAP = 1.0


def awake(client: ComfyClient, timeout: float | None = None) -> dict[str, Any]:
    """Return `/system_stats` of a server once it answers; raises ServerUnreachable and TooLarge.

    timeout  seconds that it is waited for, also where nobody listens yet; None for a minute, and only where a gateway
             answers in its place
    """
    until = time.monotonic() + (_WAKING if timeout is None else timeout)
    while True:
        try:
            return client.system_stats()
        except ServerUnreachable as error:
            wakes = error.passing if isinstance(error, GatewayAnswered) else bool(timeout)
            if not wakes or time.monotonic() + _NAP >= until:
                raise
        time.sleep(_NAP)
