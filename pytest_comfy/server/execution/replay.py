"""One run of a prompt: sends its messages in order and gathers what history will say of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from ...golden import GoldenError, GoldenRun
from ...workflow.digest import class_of, inputs_of
from ...workflow.model import is_link
from ..faults import Failure, Faults, Moment
from ..files import FileStore, Key
from ..recordings.filenames import files_of, with_names
from ..recordings.script import Script, Step
from ..wire.hub import Hub
from ..wire.messages import (
    PREVIEW_WITH_METADATA,
    PROMPT_ID,
    TEXT,
    absolute,
    audience_of,
    message,
    preview_frame,
    preview_with_metadata_frame,
    quoted,
    text_frame,
)
from .job import Job
from .selection import Result, top_of

_BREATHE_EVERY = 32
"""Messages sent without a pause at speed 0, before others get their turn on the loop."""


class Interrupted(Exception):
    """The run was interrupted."""


class Failed(Exception):
    """The run was told to fail."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class MakeMoment(Protocol):
    """Makes a moment of a job for the faults, with what only the server can do at it."""

    def __call__(
        self, job: Job, kind: str, data: Mapping[str, Any], *, class_type: str, interrupted: asyncio.Event
    ) -> Moment: ...


@dataclass(frozen=True, slots=True)
class Stage:
    """What a run needs of the server it runs on; `speed` tells the present one.

    hold  seconds that a run waits for a client that has posted it before it opened its socket
    """

    hub: Hub
    files: FileStore
    faults: Faults
    moment: MakeMoment
    speed: Callable[[], float]
    hold: float


class Replay:
    """The run of one job. `interrupted` may be set at any time.

    known  what is in the cache of the prompt's nodes
    """

    def __init__(self, job: Job, script: Script, stage: Stage, known: Mapping[str, Result]) -> None:
        self.interrupted = asyncio.Event()
        self.current_display: str | None = None
        self.outputs: dict[str, Any] = {}
        self.meta: dict[str, Any] = {}
        self.messages: list[list[Any]] = []
        self.status = "success"
        self._job = job
        self._script = script
        self._stage = stage
        self._hub, self._files, self._faults = stage.hub, stage.files, stage.faults
        self._known = known
        self._started_ms = 0
        self._quoted_id = quoted(job.prompt_id)
        self._current: str | None = None
        self._begun: list[str] = []
        self._states: Mapping[str, Any] = {}
        self._names: dict[Key, Key] = {}
        self._published: set[str] = set()
        self._elapsed = 0.0

    async def execute(self) -> None:
        """Replay the script to its end, or to where it is interrupted or told to fail."""
        script = self._script
        self._names = self._named()
        await self._hub.met(self._job.owner, self._stage.hold, self.interrupted)
        self._started_ms = time.time_ns() // 1_000_000
        begin = asyncio.get_running_loop().time()
        try:
            await self._meet("run", {})
            await self._tell("execution_start", script.start)
            await self._tell("execution_cached", script.cached)
            for sent, step in enumerate(script.steps):
                await self._pause(begin, step.at, sent)
                await self._send(step)
            await self._pause(begin, script.ending_at, 0)
            self._end()
            await self._tell(*script.ending)
        except Interrupted:
            self.status = "error"
            ending = {**self._where(), "timestamp": int(self._elapsed * 1000)}
            await self._tell("execution_interrupted", ending, meet=False)
        except Failed as error:
            await self.fail(error.failure)

    async def fail(self, failure: Failure) -> None:
        """End the run with an error."""
        self.status = "error"
        where = self._where()
        node = self._job.prompt.get(where["node_id"])
        data = {
            **where,
            "exception_message": failure.message,
            "exception_type": failure.exception_type,
            "traceback": ['  File "…/execution.py", line 516, in execute\n'],
            "current_inputs": {name: [value] for name, value in inputs_of(node).items() if not is_link(value)},
            "current_outputs": list(self._job.prompt),
            "timestamp": int(self._elapsed * 1000),
        }
        await self._tell("execution_error", data, meet=False)

    @property
    def results(self) -> dict[str, Result]:
        """What the nodes that were executed, or known before, leave in the cache: node -> result."""
        done = dict.fromkeys(self._script.cached.get("nodes") or ())
        done.update(dict.fromkeys(self._begun))
        if self.status != "success":
            left = (node for node in self._begun if self._states.get(node, {}).get("state") != "finished")
            for node in left:
                done.pop(node, None)
        return {node: Result(self.outputs.get(node), self.meta.get(node)) for node in done}

    def _named(self) -> dict[Key, Key]:
        """Return the names that the recorded files have in this run.

        What the recording had from the cache is not written again: it has the name of when it was.
        """
        cached = set(self._script.cached.get("nodes") or ())
        names: dict[Key, Key] = {}
        for node in cached:
            if node in self._known:
                names.update(zip(files_of(self._script.ui.get(node)), files_of(self._known[node].output), strict=False))
        for file in self._script.files:
            if file.key not in names:
                names[file.key] = file.key if file.node in cached else self._files.claim(file.key)
        return names

    def _end(self) -> None:
        script = self._script
        for node in script.ui:
            self._publish(node)
        self.outputs = {node: with_names(output, self._names) for node, output in script.ui.items()}
        self.meta = dict(script.meta)
        self.status = script.status

    def _where(self) -> dict[str, Any]:
        node = self._current or next(iter(self._job.prompt))
        top = node if node in self._job.prompt else top_of(node)
        return {
            "prompt_id": PROMPT_ID,
            "node_id": top,
            "node_type": class_of(self._job.prompt.get(top)),
            "executed": [one for one in self._begun if one != top],
        }

    async def _pause(self, begin: float, at: float, sent: int) -> None:
        """Wait until `at` (s, as recorded) has come; raises Interrupted."""
        speed = self._stage.speed()
        if speed <= 0:
            self._elapsed = at
            if sent % _BREATHE_EVERY == _BREATHE_EVERY - 1:
                await asyncio.sleep(0)
                await self._hub.room()
        else:
            delay = at / speed - (asyncio.get_running_loop().time() - begin)
            self._elapsed = at
            if delay > 0:
                try:
                    await asyncio.wait_for(self.interrupted.wait(), delay)
                except TimeoutError:
                    return
                self._elapsed = (asyncio.get_running_loop().time() - begin) * speed
        if self.interrupted.is_set():
            raise Interrupted

    async def _meet(self, kind: str, data: Mapping[str, Any]) -> Failure | None:
        """Let the faults act that are aimed at a message; raises Interrupted."""
        if not self._faults:
            return None
        class_type = str(class_of(self._job.prompt.get(top_of(data.get("node")))))
        moment = self._stage.moment(self._job, kind, data, class_type=class_type, interrupted=self.interrupted)
        failure = await self._faults.before(moment)
        if self.interrupted.is_set():
            raise Interrupted
        return failure

    async def _tell(self, kind: str, data: Mapping[str, Any], meet: bool = True) -> None:
        """Send one of the messages that history keeps."""
        failure = await self._meet(kind, data) if meet else None
        if failure is not None:
            raise Failed(failure)
        told = absolute(data, self._job.prompt_id, self._started_ms)
        self.messages.append([kind, told])
        self._hub.send(kind, audience_of(kind, data), self._job.owner, message(kind, self._job.marked(told)))

    async def _send(self, step: Step) -> None:
        failure = await self._meet(step.kind, step.data)
        if failure is not None and step.kind != "executing":
            raise Failed(failure)
        if step.binary:
            self._send_binary(step)
            return
        if step.kind == "executing":
            self._begin(step.data)
        elif step.kind == "progress_state":
            self._states = step.data.get("nodes") or {}
        text = self._executed(step) if step.kind == "executed" else self._text(step, step.data)
        self._hub.send(step.kind, step.audience, self._job.owner, text.replace(PROMPT_ID, self._quoted_id))
        if failure is not None:
            raise Failed(failure)

    def _begin(self, data: Mapping[str, Any]) -> None:
        node = data.get("node")
        self._current = None if node is None else str(node)
        self.current_display = data.get("display_node") or self._current
        if self._current is not None and top_of(self._current) not in self._begun:
            self._begun.append(top_of(self._current))

    def _executed(self, step: Step) -> str:
        """Note and publish what a node put out; return the message with the names of this run."""
        node, output = step.data["node"], step.data.get("output")
        self._publish(node)
        if any(old != new for old, new in self._names.items()):
            output = with_names(output, self._names)
        if output is not None:
            self.outputs[node] = output
            self.meta[node] = self._script.meta.get(node)
        return self._text(step, step.data if output is step.data.get("output") else {**step.data, "output": output})

    def _text(self, step: Step, data: Mapping[str, Any]) -> str:
        """Return the message of a step that tells `data`; that of its own is made already."""
        marked = self._job.marked(data)
        return step.text if marked is step.data else message(step.kind, marked)

    def _send_binary(self, step: Step) -> None:
        owner = self._job.owner
        targets = self._hub.targets(step.audience, owner)
        if step.binary == TEXT:
            frame = text_frame(str(step.data.get("node_id") or ""), str(step.data.get("text") or ""))
        else:
            # Without an owner everyone gets the plain kind, whatever was negotiated.
            with_metadata = step.binary == PREVIEW_WITH_METADATA
            targets = [one for one in targets if (one.wants_metadata and owner is not None) == with_metadata]
            if not targets:
                return
            try:
                image = self._script.golden.read(step.file)
            except (GoldenError, OSError):
                return  # A preview is no result: a golden run without its pictures is still replayed.
            frame = preview_frame(image)
            if with_metadata:
                data = self._job.marked({**step.data, "prompt_id": self._job.prompt_id})
                frame = preview_with_metadata_frame(data, image)
        self._hub.deliver(step.kind, targets, frame)

    def _publish(self, node: str) -> None:
        """Make the files of a node visible, once; what the cache told of is there already."""
        golden = self._script.golden
        cached = node in (self._script.cached.get("nodes") or ())
        for file in [] if node in self._published else self._script.files:
            there = cached and self._files.get(self._names[file.key]) is not None
            if file.node == node and file.golden_name and not there:
                # A loader lives as long as the server: it must not keep a whole document in memory.
                source = golden if file.golden_name in golden.blobs else GoldenRun({}, golden.folder)
                self._files.publish(self._names[file.key], partial(source.read, file.golden_name))
        self._published.add(node)
