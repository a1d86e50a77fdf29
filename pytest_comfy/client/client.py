"""The client: one ComfyUI server, asked as a careful person would."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ..access import Access, Verify
from ..memory import DEFAULT_MAX_MEMORY, Budget
from ..workflow.model import Workflow
from ..workflow.page import page_of
from ..workflow.results import Event, Output, Preview
from .api import Endpoints
from .errors import ServerUnreachable, TooLarge
from .outputs import Wanted
from .pages import converted
from .run import Progress, Run
from .runs import Runs
from .steps import DEFAULT_STALL, DEFAULT_TIMEOUT, Convert, way_to
from .told import Queued
from .wire import Waiting, each

if TYPE_CHECKING:
    from .beside import Beside


class ComfyClient(Endpoints):
    """A client of one ComfyUI server, live or fake. Not thread-safe: one run at a time.

    Its methods have the terms of ComfyUI's API; `run` is made of them. One client id goes with all of them, on HTTP and
    on the WebSocket, which is opened before the first prompt is queued.

    url            such as "http://127.0.0.1:8188"; a name and password in it are sent as `auth` is
    timeout        wall-clock limit of one run in seconds, from posting to the end
    stall_timeout  how long neither the queue nor the run may move, in seconds
    max_memory     bytes that what the server sends may take in memory, of one run and all that is kept of it
    convert        turns a workflow in UI form into API form by node definitions; without it, as `Workflow.converted`
                   does, with what is suspicious told as ConversionWarning
    reload_models  whether every run has the server load its models anew
    headers        sent with all that is asked for and with the WebSocket's handshake, as a gateway wants them
    auth           (name, password) of HTTP Basic
    allow_api_nodes  whether prompts are queued that have API nodes, which may cost money; without it ApiNodesRefused is
                   raised in place of it, also where the server does not tell what its classes are
    verify         False trusts any certificate; a path is the file, or folder, of the authorities that are trusted
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
        wire = self._wire(way_to(url, headers, auth, verify), Budget(max_memory))
        self.http = wire.http
        self._core = Runs(
            wire,
            timeout=timeout,
            stall_timeout=stall_timeout,
            max_memory=max_memory,
            convert=convert or self._converted,
            reload_models=reload_models,
            allow_api_nodes=allow_api_nodes,
        )
        self._frontend: str | None = None

    def _wire(self, access: Access, budget: Budget) -> Waiting | Beside:
        """Return by what the server is asked."""
        return Waiting(access, budget)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket and the connections."""
        self._done(self._core.close())

    def renew(self) -> None:
        """Count nothing of earlier runs any more: what is asked for next belongs to another one."""
        self._core.renew()

    def frontend(self) -> str:
        """Return the version of ComfyUI's page that the server asks for (asked once), "" where it does not tell."""
        if self._frontend is None:
            stats: Mapping[str, Any] = {}
            with contextlib.suppress(ServerUnreachable, TooLarge):
                stats = self.system_stats()
            self._frontend = page_of(stats)
        return self._frontend

    def converted(self, workflow: Workflow) -> Workflow:
        """Return a workflow in API form, converted from UI form by the server's node definitions if need be.

        Raises ConversionError, a WorkflowError, and ServerUnreachable.
        """
        return self._done(self._core.converted(workflow))

    def _converted(self, workflow: Workflow, definitions: Mapping[str, Any]) -> Workflow:
        return converted(workflow, definitions, self.frontend())

    def queue_prompt(
        self,
        workflow: Workflow | Mapping[str, Any],
        *,
        extra_data: Mapping[str, Any] | None = None,
        prompt_id: str | None = None,
        number: float | None = None,
        front: bool = False,
        partial_execution_targets: list[str] | None = None,
        validate: bool = False,
    ) -> Queued:
        """Queue a workflow (or a prompt) by `POST /prompt`, and listen for its events from now on.

        A workflow in UI form is converted, see `converted`.

        extra_data                 sent beside the prompt, and beside what the workflow has of it
        prompt_id                  a UUID of one's own; a new one unless it is given
        number, front              its place in the queue: lower numbers go first; `front` puts it before all others
        partial_execution_targets  ids of the output nodes that are to run; all of them unless told
        validate                   checks the prompt by `/object_info` (asked once) before it is queued

        Raises PromptRejected where the server refuses it, with `error` and `node_errors` as the server gave them, or,
        with `validate`, would give them: nothing is queued then. A prompt that is accepted in part is queued, and
        `Queued.node_errors` tells what is left out. Raises ServerUnreachable and TooLarge.
        """
        return self._done(
            self._core.queue_prompt(
                workflow,
                extra_data=extra_data,
                prompt_id=prompt_id,
                number=number,
                front=front,
                partial_execution_targets=partial_execution_targets,
                validate=validate,
            )
        )

    def events(self, prompt_id: str | None = None, *, timeout: float | None = None) -> Iterator[Event | Preview]:
        """Yield what the WebSocket tells of a prompt, from its beginning to `executing` with node null.

        Messages are `Event`s, pictures on the way `Preview`s. Of a prompt that this client queued they may be asked
        for at any time, also again, until another prompt is queued after its end. Without a prompt: all that comes
        from now on, or since a prompt was queued, the server's `status` included, until some prompt is over.

        timeout  seconds until the end must have come; that of the client unless told

        Raises RunTimeout, which leaves the prompt where it is, RunLost where the server no longer knows it,
        ServerUnreachable and TooLarge. How the run ended is not judged: `wait` does that.
        """
        return each(self._core.events(prompt_id, timeout=timeout), self._done)

    def wait(
        self,
        prompt_id: str,
        *,
        timeout: float | None = None,
        stall_timeout: float | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Run:
        """Wait for the end of a prompt, whoever queued it, and return its run, without downloading outputs.

        timeout, stall_timeout  seconds, from now; those of the client unless told

        Raises ExecutionError, RunInterrupted, RunTimeout, RunStalled, RunLost, ServerUnreachable and TooLarge. The
        prompt is left where it is: `cancel` takes it off.
        """
        return self._done(
            self._core.wait(prompt_id, timeout=timeout, stall_timeout=stall_timeout, on_progress=on_progress)
        )

    def outputs(self, prompt_id: str, *, wanted: Wanted | None = None) -> tuple[Output, ...]:
        """Return the outputs of a prompt that is over, by `/history` and `/view`, in order of nodes and batch.

        wanted  whether one is to be downloaded; all are unless that is told

        Raises RunLost where history has no such prompt, DownloadError, ServerUnreachable and TooLarge.
        """
        return self._done(self._core.outputs(prompt_id, wanted=wanted))

    def run(
        self,
        workflow: Workflow | Mapping[str, Any],
        *,
        timeout: float | None = None,
        stall_timeout: float | None = None,
        extra_data: Mapping[str, Any] | None = None,
        allow_node_errors: bool = False,
        use_cache: bool = False,
        fresh: bool = False,
        reload: bool = False,
        on_progress: Callable[[Progress], None] | None = None,
        wanted: Wanted | None = None,
    ) -> Run:
        """Queue a workflow (or a prompt), wait for its end and download its outputs.

        A workflow in UI form is converted, see `converted`.
        A run in which the server took all from its cache, or did no more than save it again, tested
        nothing: it is repeated with an input that no node knows, which makes the server run every node but
        model loaders. `use_cache` forgoes it; `fresh` has every node run in any case, and `reload`, or the client's
        `reload_models`, the model loaders as well. Of the outputs those are downloaded that are `wanted`, all unless
        that is told. Whatever ends the wait, the prompt is taken off the server.
        Raises PromptRejected (also for a partly accepted prompt, unless `allow_node_errors`),
        ExecutionError, RunTimeout, RunStalled, RunInterrupted, RunLost, DownloadError, ServerUnreachable, or TooLarge
        where what the server sends takes more memory than `max_memory`.
        """
        return self._done(
            self._core.run(
                workflow,
                timeout=timeout,
                stall_timeout=stall_timeout,
                extra_data=extra_data,
                allow_node_errors=allow_node_errors,
                use_cache=use_cache,
                fresh=fresh,
                reload=reload,
                on_progress=on_progress,
                wanted=wanted,
            )
        )
