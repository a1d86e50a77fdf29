"""A prompt queued, followed and brought home, step by step, over whatever wire."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from typing import Any

from ..memory import OutOfMemory
from ..text import plain
from ..workflow.model import Workflow
from ..workflow.results import Event, Output, Preview
from ..workflow.secrets import hear
from .cached import cached_in
from .errors import PromptRejected, RunLost, RunTimeout, ServerUnreachable, TooLarge
from .explain import rejection
from .finish import Finish, Limits, judge
from .messages import Message
from .outputs import Wanted, collect
from .paid import refuse_api_nodes
from .posting import Posting, checked
from .reply import PROMPT
from .run import Progress, Run
from .steps import DOWNLOAD_SECONDS, Steps
from .told import Queued, queued_in
from .unanswered import kept_prompt, left_out
from .watch import Watch
from .wire import Stream

_FOREIGN_POLL = 0.5
"""Seconds after which history is asked for a prompt of which this client's socket may tell nothing."""
_REFUSALS = (400, 413, 500)
"""What ComfyUI answers to a prompt that it does not take: invalid, too large, or of a shape it did not expect."""
_OPEN_SECONDS, _REOPEN_SECONDS = 10.0, 3.0


class Following(Steps):
    """The steps of a run; see `ComfyClient`.

    What is known of a prompt that was queued here is kept until another one is queued after it is over.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._stream: Stream | None = None
        self._rests = False
        self._watches: dict[str, Watch] = {}

    async def close(self) -> None:
        """As `ComfyClient.close`."""
        await self._drop_stream()
        await self._wire.close()

    # Step by step

    async def queue_prompt(
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
        """As `ComfyClient.queue_prompt`."""
        self._watches = {name: watch for name, watch in self._watches.items() if not watch.over}
        if not self._watches:
            self.renew()
        with self._bounded():
            _, prompt, extra_data = await self._asked(workflow, extra_data)
            posting = Posting(
                prompt_id or str(uuid.uuid4()), prompt, extra_data, number, front, partial_execution_targets
            )
            if validate:
                await self._validate(posting)
            await self._open()
            watch = self._watch(posting.prompt_id, prompt)
            try:
                return await self._post_prompt(posting, watch)
            except BaseException:
                self._forget(watch)
                raise

    async def events(
        self, prompt_id: str | None = None, *, timeout: float | None = None
    ) -> AsyncGenerator[Event | Preview, None]:
        """As `ComfyClient.events`."""
        seconds = self.timeout if timeout is None else timeout
        with self._bounded():
            if prompt_id is None:
                async for told in self._all_events(seconds):
                    yield told
                return
            watch, finish = await self._finish(prompt_id, Limits(seconds, max(seconds, self.stall_timeout)))
            seen = 0
            while True:
                while seen < len(watch.log):
                    seen += 1
                    yield watch.log[seen - 1]
                if watch.over:
                    self._settle()
                    return
                watch.settled = await finish.step() is not None

    async def wait(
        self,
        prompt_id: str,
        *,
        timeout: float | None = None,
        stall_timeout: float | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Run:
        """As `ComfyClient.wait`."""
        with self._bounded():
            watch, finish = await self._finish(prompt_id, self._limits(timeout, stall_timeout), on_progress)
            entry = await self._ended(watch, finish)
            return self._run_of(watch, entry)

    async def outputs(self, prompt_id: str, *, wanted: Wanted | None = None) -> tuple[Output, ...]:
        """As `ComfyClient.outputs`."""
        with self._bounded():
            entry = (await self.history(prompt_id)).get(prompt_id)
            if not isinstance(entry, dict):
                raise RunLost(
                    f"{self.url}/history: has no prompt {plain(prompt_id, 80)!r}: it is not over yet (wait for it), "
                    "or history was cleared"
                )
            watch = self._watches.get(prompt_id)
            prompt, previews = (watch.prompt, watch.previews) if watch else ({}, [])
            return await self._collected(prompt or _prompt_in(entry), _mapping(entry.get("outputs")), previews, wanted)

    # What they share

    def _limits(self, timeout: float | None, stall_timeout: float | None) -> Limits:
        return Limits(
            self.timeout if timeout is None else timeout,
            self.stall_timeout if stall_timeout is None else stall_timeout,
            self.from_start,
            self.gone,
        )

    async def _asked(
        self, workflow: Workflow | Mapping[str, Any], extra_data: Mapping[str, Any] | None
    ) -> tuple[Workflow | None, Mapping[str, Any], Mapping[str, Any] | None]:
        """Return the workflow in API form, if it is one, its prompt, and what is sent beside that."""
        asked: Workflow | None = None
        prompt = workflow
        if isinstance(workflow, Workflow):
            asked = await self.converted(workflow)
            extra_data = {**asked.extra_data, **(extra_data or {})}
            prompt = asked.prompt()
        assert not isinstance(prompt, Workflow)
        hear(prompt, extra_data)
        return asked, prompt, extra_data

    async def _validate(self, posting: Posting) -> None:
        """Raise what the server would answer to a prompt that it refuses."""
        classes = posting.classes()
        definitions = await self.definitions(classes)
        unknown = classes - definitions.keys()
        # Some classes are replaced before a prompt is validated: of these the server knows better.
        if unknown and unknown & (await self.replacements()).keys():
            return
        error = await checked(posting, definitions, await self.system_stats(), self.has_file)
        if error is not None:
            raise await self._in_words(lambda known: rejection(posting.prompt, *error, known))

    async def _post_prompt(self, posting: Posting, watch: Watch) -> Queued:
        """Queue a prompt; raises ApiNodesRefused, PromptRejected and ServerUnreachable."""
        prompt = posting.prompt
        if not self.allow_api_nodes:
            await refuse_api_nodes(prompt, self)
        watch.posted = watch.moved = time.monotonic()
        try:
            reply = await self._post("/prompt", PROMPT, json=posting.body(self.client_id))
        except ServerUnreachable:
            kept = await kept_prompt(self._wire, posting.prompt_id)
            if kept is None:
                raise
            # The answer was lost, the prompt was not; posting again would run it twice.
            missing = await self._in_words(lambda known: left_out(kept, prompt, known))
            return queued_in({"number": next(iter(kept), 0), "node_errors": missing}, posting.prompt_id)
        if reply.status != 200:
            text = plain(reply.body[:300].decode("utf-8", "replace")).strip()
            if reply.status not in _REFUSALS:
                # A proxy, a login, a server that starts: that says nothing of the workflow.
                raise ServerUnreachable(f"{self.url}/prompt: answered {reply.status}" + (f" ({text})" if text else ""))
            try:
                told = reply.json()
            except ServerUnreachable:
                raise PromptRejected(f"the server answers {reply.status} to the prompt: {text}") from None
            answer = told if isinstance(told, dict) else {}
        else:
            answer = reply.object()
        if reply.status != 200 or answer.get("error"):
            raise await self._in_words(
                lambda known: rejection(prompt, answer.get("error"), answer.get("node_errors"), known)
            )
        queued = queued_in(answer, posting.prompt_id)
        watch.number = queued.number
        if queued.prompt_id != watch.prompt_id:
            del self._watches[watch.prompt_id]
            watch.prompt_id = queued.prompt_id
            self._watches[watch.prompt_id] = watch
        return queued

    async def _finish(
        self,
        prompt_id: str,
        limits: Limits,
        on_progress: Callable[[Progress], None] | None = None,
        begun: float | None = None,
    ) -> tuple[Watch, Finish]:
        stream = await self._listening()
        watch = self._watches.get(prompt_id)
        if watch is None:
            # Queued by somebody else, or long ago: what the socket told until now is not known.
            watch = self._watch(prompt_id, {})
            watch.gap = "silent"
        if begun is None:
            begun = watch.moved = time.monotonic()
        poll = None if watch.prompt else _FOREIGN_POLL
        return watch, Finish(
            self._wire, stream, watch, limits, self._reopen, self._offer, on_progress, begun=begun, poll=poll
        )

    def _offer(self, message: Message) -> None:
        """Have each run note a message that is about it, whichever of them read it."""
        for watch in self._watches.values():
            watch.take(message)

    async def _ended(self, watch: Watch, finish: Finish) -> dict[str, Any]:
        """Wait for the end and return the entry in history."""
        entry = await finish.entry()
        if not watch.settled:
            watch.budget.hold(finish.entry_bytes, "the entry of the run in the server's history")
        watch.settled = True
        if not watch.prompt:
            watch.prompt = _prompt_in(entry)
        self._settle()
        return entry

    def _run_of(self, watch: Watch, entry: Mapping[str, Any]) -> Run:
        seconds = watch.seconds
        if self.on_nodes is not None:
            self.on_nodes(watch.prompt, watch.came_to | cached_in(entry))
        judge(entry, watch)
        return Run(
            prompt_id=watch.prompt_id,
            prompt=watch.prompt,
            posted=watch.prompt,
            events=tuple(watch.events),
            previews=tuple(watch.previews),
            status=_mapping(entry.get("status")),
            meta=_mapping(entry.get("meta")),
            ui=_mapping(entry.get("outputs")),
            outputs=(),
            cached=watch.cached | cached_in(entry),
            gap=watch.gap,
            seconds=seconds,
            left_out=watch.left_out,
            budget=watch.budget,
        )

    async def _collected(
        self, prompt: Mapping[str, Any], results: Mapping[str, Any], previews: Any, wanted: Wanted | None
    ) -> tuple[Output, ...]:
        found = collect(self._wire, prompt, results, previews, DOWNLOAD_SECONDS, wanted)
        return tuple([output async for output in found])

    async def _all_events(self, seconds: float) -> AsyncGenerator[Event | Preview, None]:
        stream = await self._listening()
        begun = time.monotonic()
        while True:
            left = begun + seconds - time.monotonic()
            message = await stream.next(left) if left > 0 else None
            if message is None and left > 0:
                continue
            if message is None:
                raise RunTimeout(f"{self.url}/ws: told of no end of a run within {seconds:g} s")
            if message.told:
                raise TooLarge(f"{self.url}: {message.told}")
            if message.closed:
                await self._drop_stream()
                raise ServerUnreachable(f"{self.url}/ws: the socket was closed while events were waited for")
            self._offer(message)
            at = round(message.at - begun, 4)
            kind, data = message.told_as
            yield Event(at, kind, data) if message.meta is None else Preview(at, message.meta, message.binary)
            if kind == "executing" and data.get("node") is None:
                self._settle()
                return

    @contextlib.contextmanager
    def _bounded(self) -> Iterator[None]:
        """Tell what does not fit into the memory of a run as TooLarge."""
        try:
            yield
        except OutOfMemory as error:
            raise TooLarge(f"{self.url}: {error}") from error

    def _watch(self, prompt_id: str, prompt: Mapping[str, Any]) -> Watch:
        watch = Watch(prompt, prompt_id, self._wire.budget, from_start=self.from_start)
        self._watches[prompt_id] = watch
        return watch

    def _forget(self, watch: Watch) -> None:
        self._watches.pop(watch.prompt_id, None)
        self._settle()

    def _settle(self) -> None:
        """Let the socket rest where nothing more is waited for."""
        if self._stream is not None and all(watch.over for watch in self._watches.values()):
            self._stream.rest()
            self._rests = True

    async def _listening(self) -> Stream:
        """Return the socket as it is: one that was closed may still hold what it told before."""
        there = self._stream is not None and not self._stream.spent and not self._rests
        return self._stream if there and self._stream is not None else await self._open()

    async def _open(self) -> Stream:
        async with self._wire.alone():
            if self._stream is not None and not self._stream.alive:
                await self._drop_stream()
            if self._stream is None:
                self._stream = await self._wire.open_stream(self.client_id, _OPEN_SECONDS, self.max_memory)
                self._rests = False
            if self._rests:
                self._stream.discard()
                self._rests = False
            return self._stream

    async def _reopen(self) -> Stream:
        async with self._wire.alone():
            # Another run may have opened one already.
            if self._stream is None or not self._stream.alive:
                self._missed()
                self._stream = await self._wire.open_stream(self.client_id, _REOPEN_SECONDS, self.max_memory)
                self._rests = False
            return self._stream

    def _missed(self) -> None:
        """Note that a socket is gone, with what it would have told of the prompts that are on their way."""
        for watch in self._watches.values():
            if not watch.over:
                watch.gap = watch.gap or "dropped"

    async def _drop_stream(self) -> None:
        if self._stream is not None:
            self._missed()
            stream, self._stream = self._stream, None
            await stream.close()


def _prompt_in(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the prompt that history keeps: number, id, prompt, extra data, outputs."""
    kept = entry.get("prompt")
    return _mapping(kept[2]) if isinstance(kept, list) and len(kept) > 2 else {}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
