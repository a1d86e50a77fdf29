"""Placeholder execution: what every node sends and leaves behind, in time."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ...golden.run import GoldenOutput
from ...media import media_type_of
from ...workflow.digest import NONCE_INPUT
from ...workflow.model import title_of
from ...workflow.results import WEBSOCKET_CLASS
from .canvas import Canvas
from .graph import Graph
from .making import File, Maker
from .messages import Messages
from .outputs import Outputs

_LOAD, _STEP, _SAVE, _OTHER = 0.2, 0.05, 0.02, 0.01
"""Seconds that a node takes; a sampler takes _STEP a step."""

_MOST_TICKS_OF_NODE = 1000
_MOST_TICKS = 5000
_MOST_PREVIEWS = 20


class Execution:
    """Goes through the nodes and gathers what the run consists of: messages, ui, meta, outputs, blobs."""

    def __init__(self, graph: Graph, sizes: Mapping[str, Canvas], maker: Maker, results: Outputs) -> None:
        self.messages = Messages()
        self.ui: dict[str, Any] = {}
        self.meta: dict[str, Any] = {}
        self.outputs: list[GoldenOutput] = []
        self.blobs: dict[str, bytes] = {}
        self._graph, self._sizes, self._maker, self._results = graph, sizes, maker, results
        self._done: dict[tuple[str, str], str] = {}
        self._samplers = 0
        self._drawn = 0
        self._previews: list[str] = []

    def execute(self, order: Sequence[str], stuck: str | None = None) -> None:
        """Run the nodes in this order, once; `stuck` is a node that waits for itself, at which the run ends."""
        self._samplers = sum(self._graph.steps(node_id) > 0 for node_id in order)
        self.messages.tell("execution_start")
        self.messages.tell("execution_cached", nodes=[])
        for node_id in order:
            twin = self._twin(node_id)
            if twin is None:
                self._run(node_id)
            else:
                self._repeat(node_id, twin)
        if stuck is None:
            self.messages.tell("execution_success")
        else:
            self._end_at(stuck, order)
        self.messages.finish()

    def _end_at(self, stuck: str, order: Sequence[str]) -> None:
        self.messages.tell(
            "execution_error",
            node_id=stuck,
            node_type=self._graph.class_type(stuck),
            executed=list(order),
            exception_message="Dependency cycle detected",
            exception_type="graph.DependencyCycleError",
            traceback=[],
            current_inputs=[],
            current_outputs=list(self._graph.prompt),
        )

    def _twin(self, node_id: str) -> str | None:
        """Return the node with the same class and inputs that ran already: its result is used again."""
        graph = self._graph
        hidden = (graph.definition(node_id).get("input") or {}).get("hidden")
        unique = isinstance(hidden, Mapping) and "UNIQUE_ID" in hidden.values()
        if unique or graph.class_type(node_id) == WEBSOCKET_CLASS:
            return None
        key = (graph.digests[node_id], repr(graph.inputs(node_id).get(NONCE_INPUT)))
        first = self._done.setdefault(key, node_id)
        return first if first != node_id else None

    def _run(self, node_id: str) -> None:
        messages, graph = self.messages, self._graph
        messages.begin(node_id)
        made = self._results.make(node_id)
        value, most = 1.0, 1.0
        if made.frames:
            value = most = self._send(node_id, made.frames)
        elif steps := graph.steps(node_id):
            value = most = self._sample(node_id, steps)
        else:
            loads = "Load" in graph.class_type(node_id)
            messages.wait(_LOAD if loads else _SAVE if graph.is_output(node_id) else _OTHER)
        if made.ui:
            self._keep(node_id, node_id, made.ui)
            for file in made.files:
                self._file(node_id, file)
            messages.executed(node_id, made.ui)
        messages.progress(node_id, "finished", value, most)

    def _repeat(self, node_id: str, twin: str) -> None:
        ui = self.ui.get(twin)
        if ui is not None:
            self._keep(node_id, twin, ui)
            same = [output for output in self.outputs if output.node == twin]
            self.outputs += [GoldenOutput.from_json({**output.to_json(), "node": node_id}) for output in same]
        self.messages.executed(node_id, ui)
        self.messages.progress(node_id, "finished", 1, 1)

    def _keep(self, node_id: str, ran: str, ui: dict[str, Any]) -> None:
        self.ui[node_id] = ui
        self.meta[node_id] = {"node_id": ran, "display_node": ran, "parent_node": None, "real_node_id": ran}

    def _sample(self, node_id: str, steps: int) -> int:
        told = _spread(steps, min(_MOST_TICKS_OF_NODE, max(1, _MOST_TICKS // self._samplers)))
        shown = _beginnings(len(told), max(1, _MOST_PREVIEWS // self._samplers))
        drawn: list[bytes] = []
        if self._drawn < _MOST_PREVIEWS:
            canvas = self._sizes.get(node_id, Canvas())
            drawn = self._maker.previews(node_id, canvas, [told[place - 1] for place in shown], steps)
            self._drawn += len(drawn)
        pictures = dict(zip(shown, drawn, strict=False))
        name = None
        for place, step in enumerate(told, 1):
            self.messages.wait(_STEP)
            # A preview stands until the next one is drawn.
            name = self._preview(pictures[place], "jpg") if place in pictures else name
            self.messages.tick(node_id, step, steps, name)
        return steps

    def _send(self, node_id: str, frames: Sequence[bytes]) -> int:
        for number, data in enumerate(frames):
            self.messages.wait(_SAVE)
            self.messages.tick(node_id, number, len(frames), self._preview(data, "png"))
        return len(frames)

    def _preview(self, data: bytes, suffix: str) -> str:
        if self._previews and self.blobs[self._previews[-1]] is data:
            return self._previews[-1]
        self._previews.append(f"previews/{len(self._previews)}.{suffix}")
        self.blobs[self._previews[-1]] = data
        return self._previews[-1]

    def _file(self, node_id: str, file: File) -> None:
        suffix = "." + file.item["filename"].rpartition(".")[2]
        safe = re.sub(r"[^\w.-]", "_", node_id, flags=re.ASCII)[:60]
        name = f"{safe}.{file.key}.{file.index}{suffix}"
        if name in self.blobs:
            name = f"{len(self.blobs)}-{name}"  # Ids that differ only in what a file name cannot hold.
        self.blobs[name] = file.data
        self.outputs.append(
            GoldenOutput(
                node=node_id,
                key=file.key,
                index=file.index,
                title=title_of(node_id, self._graph.prompt[node_id]),
                media_type=media_type_of(name, file.data),
                type=file.item["type"],
                sha256=hashlib.sha256(file.data).hexdigest(),
                size=file.size,
                file=name,
            )
        )


def _spread(count: int, most: int) -> list[int]:
    """Return at most `most` of the numbers 1 to `count`, evenly spread, the last among them."""
    if count <= most:
        return list(range(1, count + 1))
    return [count * place // most for place in range(1, most + 1)]


def _beginnings(count: int, most: int) -> list[int]:
    """Return at most `most` of the numbers 1 to `count`, evenly spread, the first among them."""
    return sorted({1 + count * place // most for place in range(most)}) if count > most else _spread(count, most)
