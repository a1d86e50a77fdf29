"""The client for asynchronous tests: the methods of `ComfyClient`, awaited."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from ..access import Verify
from ..memory import DEFAULT_MAX_MEMORY, Budget
from ..workflow.model import Workflow
from .aio import Aio
from .runs import Runs
from .steps import DEFAULT_STALL, DEFAULT_TIMEOUT, Convert, way_to


class AsyncComfyClient(Runs):
    """A `ComfyClient` whose methods are coroutines; `events` is an asynchronous generator.

    Arguments and errors are those of `ComfyClient`. It belongs to the event loop in which it is first used, and is
    closed with it, if not before. Runs may go on beside each other: the server takes one after the other.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        stall_timeout: float = DEFAULT_STALL,
        max_memory: int = DEFAULT_MAX_MEMORY,
        convert: Convert | None = None,
        reload_models: bool = False,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        verify: Verify = True,
        allow_api_nodes: bool = True,
    ) -> None:
        self._aio = Aio(way_to(url, headers, auth, verify), Budget(max_memory))
        super().__init__(
            self._aio,
            timeout=timeout,
            stall_timeout=stall_timeout,
            max_memory=max_memory,
            convert=convert,
            reload_models=reload_models,
            allow_api_nodes=allow_api_nodes,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def converted(self, workflow: Workflow) -> Workflow:
        """As `ComfyClient.converted`."""
        if workflow.form != "api":
            await self.frontend()  # what converts cannot wait for it
        return await super().converted(workflow)

    @property
    def page(self) -> str:
        """The version of ComfyUI's page that the server asks for, as far as `frontend` asked it, "" before."""
        return self._frontend or ""

    def close_from_outside(self) -> None:
        """Close the connections where no event loop runs; a loop that was closed has closed them already."""
        loop = self._aio.loop
        if loop is not None and not loop.is_closed() and not loop.is_running():
            loop.run_until_complete(self.close())
