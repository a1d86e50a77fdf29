"""A lane: the server that one pytest process asks, live or fake, and the client for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client import ComfyClient
    from .golden import GoldenRun
    from .server import FakeComfyServer


class Lane:
    """The connection of one process; opened once, closed at the end of the session.

    url   the live server's address, None offline
    told  where runs are made, in words
    """

    def __init__(self, url: str | None, timeout: float) -> None:
        from .client import ComfyClient

        self.url = url
        self._server: FakeComfyServer | None = None
        self.environment: dict[str, Any] = {}
        if url is None:
            from .server import FakeComfyServer

            self._server = FakeComfyServer()
            self._server.start()
            self.client: ComfyClient = ComfyClient(self._server.url, timeout=timeout)
            self.told = "replay"
            return
        from .golden.environment import describe_system, summary

        self.client = ComfyClient(url, timeout=timeout)
        self.environment = describe_system(self.client.system_stats())
        self.told = f"{self.client.url} ({summary(self.environment)})"

    def replay(self, runs: Iterable[GoldenRun]) -> None:
        """Offline: have the fake server replay these runs, and nothing of what it had before."""
        if self._server is not None:
            self._server.reset(runs)

    def close(self) -> None:
        """Close the client, and the fake server if there is one."""
        self.client.close()
        if self._server is not None:
            self._server.stop()
