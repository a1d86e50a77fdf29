"""Tasks of one event loop that wait for a change, of whatever it is that several of them look at."""

from __future__ import annotations

import asyncio


class Waiters:
    """All who wait are woken by a change, and look whether it was theirs."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def wake(self) -> None:
        """Tell of a change, in the thread of the loop."""
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)

    async def change(self, timeout: float | None) -> None:
        """Wait until there was one, at most for so many seconds."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(waiter)
        try:
            await asyncio.wait([waiter], timeout=timeout)
        finally:
            self._waiting.discard(waiter)
