"""A part of a script: what ComfyUI sends when some nodes come from its cache, or are not asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...workflow.digest import ancestors
from ..recordings.script import Script, Step
from ..wire.messages import PROMPT_ID, Audience, audience_of, message

Prompt = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Result:
    """What a node left in the cache: its output for the page (None for most nodes) and its entry in `meta`."""

    output: Any = None
    meta: Any = None


def only(script: Script, prompt: Prompt, outputs: Collection[str]) -> Script:
    """Return the part of a script that executes these output nodes and what they depend on."""
    wanted = ancestors(prompt, outputs)
    return _without(script, {node for node in prompt if node not in wanted}, {}, list(outputs))


def resumed(script: Script, prompt: Prompt, cached: Mapping[str, Result], intermediate: Collection[str] = ()) -> Script:
    """Return the script of a run that finds `cached` (node -> result) in the cache.

    All output nodes are staged, cached ones too: they are only told of (trace T2 for all, T3 for some). Of cached
    nodes that are `intermediate` is told at the end of a run that succeeds, staged or not, and without progress.
    """
    told = {node: cached[node] for node in script.outputs if node in cached}
    found = _without(script, set(cached), told, script.outputs)
    found.cached = {**script.cached, "nodes": [node for node in prompt if node in cached]}
    if found.ending[0] == "execution_success":
        for node in prompt:
            if node in intermediate and node in cached:
                _tell_late(found, node, cached[node])
    return found


def _tell_late(script: Script, node: str, result: Result) -> None:
    """Add to a script that a cached node is told of at its end."""
    executed = {"node": node, "display_node": node, "output": result.output, "prompt_id": PROMPT_ID}
    script.steps.append(_step(script.ending_at, "executed", executed))
    if result.output is not None:
        script.ui[node] = result.output
        script.meta[node] = result.meta


def top_of(node: Any) -> str:
    """Return the prompt's node that a node made at run time (5.0.0.1) belongs to."""
    return str(node).partition(".")[0]


def _without(script: Script, dropped: set[str], told: Mapping[str, Result], outputs: list[str]) -> Script:
    """Return the script without the steps of the nodes `dropped`; those in `told` answer from the cache."""
    steps: list[Step] = []
    done: dict[str, Any] = {}
    for node, result in told.items():
        done[node] = _done(node)
        executed = {"node": node, "display_node": node, "output": result.output, "prompt_id": PROMPT_ID}
        steps.append(_step(0.0, "executed", executed))
        steps.append(_step(0.0, "progress_state", {"prompt_id": PROMPT_ID, "nodes": dict(done)}))
    now = before = 0.0
    state: Mapping[str, Any] = {}
    for step in script.steps:
        pause, before = step.at - before, step.at
        subject = _subject(step, state)
        if step.kind == "progress_state":
            state = step.data.get("nodes") or {}
        if subject is not None and top_of(subject) in dropped:
            continue
        now += max(0.0, pause)
        if step.kind == "progress_state":
            others = {node: entry for node, entry in state.items() if top_of(node) not in dropped}
            steps.append(_step(now, "progress_state", {**step.data, "nodes": {**done, **others}}))
        else:
            steps.append(replace(step, at=now))
    # Nothing is left to wait for where all nodes are cached.
    end = now + (max(0.0, script.ending_at - before) if now else 0.0)
    kind, data = script.ending
    kept = {node: value for node, value in script.ui.items() if top_of(node) not in dropped}
    metas = {node: value for node, value in script.meta.items() if top_of(node) not in dropped}
    return replace(
        script,
        steps=steps,
        outputs=outputs,
        ending=(kind, {**data, "timestamp": int(end * 1000)}),
        ending_at=end,
        ui={**{node: one.output for node, one in told.items() if one.output is not None}, **kept},
        meta={**{node: one.meta for node, one in told.items() if one.output is not None}, **metas},
        files=[file for file in script.files if top_of(file.node) not in dropped],
    )


def _subject(step: Step, state: Mapping[str, Any]) -> Any:
    """Return the node that a step is about; of a `progress_state` the one whose entry is new."""
    if step.kind == "progress_state":
        nodes = step.data.get("nodes") or {}
        return next((node for node, entry in nodes.items() if state.get(node) != entry), None)
    return step.data.get("node") or step.data.get("node_id")


def _done(node: str) -> dict[str, Any]:
    """Return the entry of a cached node; ComfyUI counts it with integers."""
    return {
        "value": 1,
        "max": 1,
        "state": "finished",
        "node_id": node,
        "prompt_id": PROMPT_ID,
        "display_node_id": node,
        "parent_node_id": None,
        "real_node_id": node,
    }


def _step(at: float, kind: str, data: dict[str, Any]) -> Step:
    audience: Audience = audience_of(kind, data)
    return Step(at, kind, audience, data, message(kind, data))
