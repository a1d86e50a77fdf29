"""A lane: the server that one pytest process asks, live or fake, and the client for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from .environment import Facts

if TYPE_CHECKING:
    from ..client import ComfyClient
    from ..golden import GoldenRun
    from ..server import FakeComfyServer
    from ..session.servers import Server
    from ..session.settings import Settings


class Lane:
    """The connection of one process, or of one test.

    url     the live server's address, or the name that the project has for it; None offline
    told    where runs are made, in words
    facts   by a server's address, what it tells of itself; given, it is kept for longer than the lane
    old     the lane of the old server, where every case runs on two
    others  those of the other servers, where every case runs on all
    before_reload  called before the server is made to load its models anew
    """

    old: Lane | None = None
    others: tuple[Lane, ...] = ()

    def __init__(
        self,
        client: ComfyClient,
        url: str | None,
        told: str,
        server: FakeComfyServer | None = None,
        facts: dict[str, Facts] | None = None,
    ) -> None:
        self.client = client
        self.url = url
        self.told = told
        known = {} if facts is None else facts
        self.facts = known.setdefault(client.url, Facts())
        self.models = self.facts.models
        self._server = server
        self.before_reload: Callable[[], object] = lambda: None

    @classmethod
    def open(
        cls,
        server: Server | None,
        settings: Settings,
        facts: dict[str, Facts] | None = None,
        connect: Callable[..., ComfyClient] | None = None,
    ) -> Lane:
        """Connect to a live server, or start a fake one; raises ServerUnreachable and TooLarge.

        connect  makes the client of a live server, of what `ComfyClient` takes
        """
        from ..client import ComfyClient

        if server is None:
            from ..server import FakeComfyServer

            fake = FakeComfyServer()
            fake.start()
            client = ComfyClient(fake.url, timeout=settings.timeout, max_memory=settings.max_memory)
            return cls(client, None, "replay", fake)
        from ..client.waking import awake
        from ..golden.environment import describe_system, summary

        client = (connect or ComfyClient)(
            server.address,
            timeout=settings.timeout,
            max_memory=settings.max_memory,
            reload_models=settings.fresh,
            headers=server.headers,
            verify=server.verify,
            allow_api_nodes=settings.allow_api_nodes,
        )
        told = f"{client.url} ({summary(describe_system(awake(client, settings.connect_timeout)))})"
        return cls(client, server.name or client.url, told, facts=facts)

    def replay(self, runs: Iterable[GoldenRun]) -> None:
        """Offline: have the fake server replay these runs, and nothing of what it had before."""
        if self._server is not None:
            self._server.renew(runs)

    def close(self) -> None:
        """Close the client, and the fake server if there is one, and the other lanes."""
        for other in (*([self.old] if self.old is not None else []), *self.others):
            other.close()
        self.client.close()
        if self._server is not None:
            self._server.stop()
