"""A run at once, made of its steps, over whatever wire."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from ..workflow.model import Workflow
from .cached import did_nothing, with_nonce
from .errors import ApiNodesRefused, PromptRejected, RunLost, ServerUnreachable, TooLarge
from .explain import partial_rejection
from .finish import Limits
from .following import Following
from .outputs import Wanted
from .posting import Posting
from .reply import SMALL
from .run import Progress, Run

_DYING_SECONDS = 0.5
"""How long a server is given to take a prompt off that gave no answer before; one that was stopped reads it later."""


@dataclass(frozen=True)
class Place:
    """Where a prompt goes in the queue.

    first   before other prompts of this client that wait
    queued  called when it is there
    begun   called when the server begins to execute it, in the order in which it does so with others
    """

    first: bool = False
    queued: Callable[[], object] = lambda: None
    begun: Callable[[], object] = lambda: None


PLACE: ContextVar[Place] = ContextVar("comfy_place")
"""Of the run that a task is, where it was given one."""
_ANYWHERE = Place()


class Runs(Following):
    """All that a client can be asked for."""

    async def run(
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
        """As `ComfyClient.run`."""
        limits, place = self._limits(timeout, stall_timeout), PLACE.get(_ANYWHERE)
        self.renew()
        with self._bounded():
            asked, prompt, extra_data = await self._asked(workflow, extra_data)

            async def once(posted: Mapping[str, Any], bust: str | None, place: Place) -> Run:
                run = await self._run_once(posted, limits, extra_data, allow_node_errors, on_progress, place)
                return replace(run, prompt=prompt, cache_bust=bust)

            reload = reload or self.reload_models
            run = None if fresh or reload else await once(prompt, None, place)
            if run is None or (not use_cache and did_nothing(run)):
                place = place if run is None else Place(first=True)
                run = await once(await self._with_nonce(prompt, reload), "reload" if reload else "nonce", place)
                if did_nothing(run):
                    await self.free()
                    run = await once(await self._with_nonce(prompt, reload), "free", Place(first=True))
            # Only now: a server that had all in its cache may have lost the files since.
            outputs = await self._collected(prompt, run.ui, run.previews, wanted)
            return replace(run, workflow=asked, outputs=outputs, extra_data=extra_data or {})

    async def _run_once(
        self,
        posted: Mapping[str, Any],
        limits: Limits,
        extra_data: Mapping[str, Any] | None,
        allow_node_errors: bool,
        on_progress: Callable[[Progress], None] | None,
        place: Place,
    ) -> Run:
        await self._open()
        number = self._before_ours() if place.first else None
        posting = Posting(str(uuid.uuid4()), posted, extra_data, number)
        watch = self._watch(posting.prompt_id, posted)
        watch.on_begin = place.begun
        try:
            queued = await self._post_prompt(posting, watch)
            place.queued()
            if queued.node_errors and not allow_node_errors:
                raise await self._in_words(lambda known: partial_rejection(posted, queued.node_errors, known))
            _, finish = await self._finish(watch.prompt_id, limits, on_progress, begun=watch.posted)
            entry = await self._ended(watch, finish)
        except BaseException as error:
            # Also Ctrl-C: whatever ends the wait, our prompt must not be left behind on the server.
            if isinstance(error.__cause__, ServerUnreachable):
                await self._take_off(watch.prompt_id, _DYING_SECONDS)
            elif not isinstance(error, (RunLost, PromptRejected, ApiNodesRefused)) or getattr(
                error, "node_errors", None
            ):
                await self._take_off(watch.prompt_id)
            # What it still tells belongs to nobody, unless others of ours wait for theirs.
            if all(one.over for one in self._watches.values() if one is not watch):
                await self._drop_stream()
            raise
        finally:
            self._forget(watch)
        return replace(self._run_of(watch, entry), node_errors=queued.node_errors)

    def _before_ours(self) -> float | None:
        """Return a place in the queue before what this client has waiting there, and behind what others had there
        before; None where nothing of it waits."""
        waiting = [watch.number for watch in self._watches.values() if watch.started is None and watch.number > 0]
        return min(waiting) - 0.5 if waiting else None

    async def _with_nonce(self, prompt: Mapping[str, Any], reload: bool) -> dict[str, Any]:
        if not reload:
            for node in prompt.values():
                await self.definition(str(node.get("class_type")))
        return with_nonce(prompt, lambda name: self._definitions.get(name) or None, reload)

    async def _take_off(self, prompt_id: str, timeout: float = 5.0) -> None:
        """Take our prompt, ours alone, off the queue or interrupt it, as far as the server still answers."""
        self.renew()  # what was kept of the run goes with it
        for path, body in (("/queue", {"delete": [prompt_id]}), ("/interrupt", {"prompt_id": prompt_id})):
            with contextlib.suppress(ServerUnreachable, TooLarge):
                await self._post(path, SMALL, json=body, timeout=timeout)
