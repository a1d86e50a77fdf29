"""One run of a prompt: sends its messages in order and gathers what history will say of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ..golden import GoldenError, GoldenRun
from .files import FileStore, Key
from .hub import Hub
from .script import Step, with_names
from .wire import (
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

if TYPE_CHECKING:
    from .engine import Job

_BREATHE_EVERY = 32
"""Messages sent without a pause at speed 0, before others get their turn on the loop."""


@dataclass(frozen=True, slots=True)
class CachedResults:
    """What the server still knows of the prompt it executed last: node digests' key, outputs and meta."""

    key: tuple[str, ...]
    outputs: Mapping[str, Any]
    meta: Mapping[str, Any]


class Replay:
    """The run of one job. `interrupted` may be set at any time."""

    def __init__(self, job: Job, hub: Hub, files: FileStore, speed: float, started_ms: int) -> None:
        self.interrupted = asyncio.Event()
        self.current_display: str | None = None
        self.outputs: dict[str, Any] = {}
        self.meta: dict[str, Any] = {}
        self.messages: list[list[Any]] = []
        self.status = "success"
        self._job = job
        self._script = job.script
        self._hub = hub
        self._files = files
        self._speed = speed
        self._started_ms = started_ms
        self._quoted_id = quoted(job.prompt_id)
        self._current: str | None = None
        self._begun: list[str] = []
        self._names: dict[Key, Key] = {}
        self._elapsed = 0.0

    async def execute(self) -> CachedResults | None:
        """Replay the recording; return the results to be cached, None unless it succeeded."""
        script = self._script
        self._names = {key: self._files.claim(key) for key in {file.key: None for file in script.files}}
        begin = asyncio.get_running_loop().time()
        self._tell("execution_start", script.start)
        self._tell("execution_cached", script.cached)
        for sent, step in enumerate(script.steps):
            if await self._pause(begin, step.at, sent):
                self._interrupt()
                return None
            self._send(step)
        if await self._pause(begin, script.ending_at, 0):
            self._interrupt()
            return None
        for node, output in script.ui.items():
            self._publish(node)
            self.outputs[node] = with_names(output, self._names)
        self.meta = script.meta
        self.status = script.status
        self._tell(*script.ending)
        if self.status != "success":
            return None
        return CachedResults(self._job.key, self.outputs, self.meta)

    async def repeat(self, cached: CachedResults) -> None:
        """Answer from the cache, as for a prompt that has just been executed (trace T2)."""
        prompt_id, prompt = self._job.prompt_id, self._job.prompt
        self._tell("execution_start", {"prompt_id": PROMPT_ID, "timestamp": 0})
        self._tell("execution_cached", {"nodes": list(prompt), "prompt_id": PROMPT_ID, "timestamp": 0})
        done: dict[str, Any] = {}
        for node in self._script.outputs:
            output = cached.outputs.get(node)
            data = {"node": node, "display_node": node, "output": output, "prompt_id": prompt_id}
            self._emit("executed", data)
            done[node] = {
                "value": 1,
                "max": 1,
                "state": "finished",
                "node_id": node,
                "prompt_id": prompt_id,
                "display_node_id": node,
                "parent_node_id": None,
                "real_node_id": node,
            }
            self._emit("progress_state", {"prompt_id": prompt_id, "nodes": done})
            if output is not None:
                self.outputs[node] = output
                self.meta[node] = cached.meta.get(node, {})
        self._tell("execution_success", {"prompt_id": PROMPT_ID, "timestamp": 1})
        await self._hub.room()

    def fail(self, error: Exception) -> None:
        """End the run with an error of the replay itself."""
        self.status = "error"
        data = {
            **self._where(),
            "exception_message": f"pytest-comfy cannot replay {self._script.golden.folder}: {error}\n",
            "exception_type": type(error).__qualname__,
            "traceback": [],
            "current_inputs": {},
            "current_outputs": list(self._job.prompt),
            "timestamp": int(self._elapsed * 1000),
        }
        self._tell("execution_error", data)

    def _interrupt(self) -> None:
        self.status = "error"
        self._tell("execution_interrupted", {**self._where(), "timestamp": int(self._elapsed * 1000)})

    def _where(self) -> dict[str, Any]:
        node = self._current or next(iter(self._job.prompt))
        top = node.partition(".")[0]
        known = self._job.prompt.get(node) or self._job.prompt.get(top) or {}
        return {
            "prompt_id": PROMPT_ID,
            "node_id": node if node in self._job.prompt else top,
            "node_type": known.get("class_type"),
            "executed": [one for one in self._begun if one != node],
        }

    async def _pause(self, begin: float, at: float, sent: int) -> bool:
        """Wait until `at` (s, as recorded) has come; return whether the run was interrupted."""
        if self._speed <= 0:
            self._elapsed = at
            if sent % _BREATHE_EVERY == _BREATHE_EVERY - 1:
                await asyncio.sleep(0)
                await self._hub.room()
            return self.interrupted.is_set()
        now = asyncio.get_running_loop().time() - begin
        delay = at / self._speed - now
        if delay > 0:
            try:
                await asyncio.wait_for(self.interrupted.wait(), delay)
            except TimeoutError:
                self._elapsed = at
                return False
        self._elapsed = asyncio.get_running_loop().time() - begin
        return self.interrupted.is_set()

    def _tell(self, kind: str, data: Mapping[str, Any]) -> None:
        """Send one of the messages that history keeps."""
        told = absolute(data, self._job.prompt_id, self._started_ms)
        self.messages.append([kind, told])
        self._emit(kind, told)

    def _emit(self, kind: str, data: Mapping[str, Any]) -> None:
        self._hub.send(audience_of(kind, data), self._job.owner, message(kind, data))

    def _send(self, step: Step) -> None:
        if step.binary:
            self._send_binary(step)
            return
        if step.kind == "executing":
            self._current = step.data.get("node")
            self.current_display = step.data.get("display_node") or self._current
            if self._current is not None and self._current not in self._begun:
                self._begun.append(self._current)
        text = step.text
        if step.kind == "executed":
            self._publish(step.data["node"])
            if any(old != new for old, new in self._names.items()):
                output = with_names(step.data.get("output"), self._names)
                text = message("executed", {**step.data, "output": output})
        self._hub.send(step.audience, self._job.owner, text.replace(PROMPT_ID, self._quoted_id))

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
                data = {**step.data, "prompt_id": self._job.prompt_id}
                frame = preview_with_metadata_frame(data, image)
        for client in targets:
            client.send(frame)

    def _publish(self, node: str) -> None:
        """Make the files of a node visible."""
        golden = self._script.golden
        for file in self._script.files:
            if file.node == node and file.golden_name:
                # A loader lives as long as the server: it must not keep a whole document in memory.
                source = golden if file.golden_name in golden.blobs else GoldenRun({}, golden.folder)
                self._files.publish(self._names[file.key], partial(source.read, file.golden_name))
