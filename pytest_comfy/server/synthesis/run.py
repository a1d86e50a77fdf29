"""A run made up: nothing is computed, yet it looks to a client as if ComfyUI had executed the prompt."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...golden.run import FORMAT, GoldenRun
from ...workflow.definitions import trim, used_values
from ...workflow.digest import class_of
from ...workflow.secrets import redact_prompt
from ..versions import DEFAULT, Version
from .canvas import canvases
from .execution import Execution
from .graph import Graph
from .making import Maker
from .order import execution_order
from .outputs import Outputs

_MOST_EMBEDDED = 1024 * 1024
"""Characters of a prompt that is written into the files; a longer one is left out."""


def synthesize(
    prompt: Mapping[str, Any],
    definitions: Mapping[str, Any],
    outputs: Sequence[str],
    *,
    version: Version | None = None,
    load_input: Callable[[str], bytes | None] | None = None,
) -> GoldenRun:
    """Return a run of a valid prompt that nobody recorded, with placeholder outputs, not written.

    prompt       node id -> {class_type, inputs}; it must have passed validation
    definitions  class -> node definition, as `/object_info` gives them
    outputs      ids of the output nodes to execute; only they and what they depend on run
    version      the ComfyUI in whose manner it runs; where it is None, the one that is spoken by default
    load_input   gives the bytes of an uploaded file by the name in the prompt, None where there is none

    Messages, their order and the shape of the outputs are ComfyUI's; pictures have the size that the graph
    asks for where that can be read from it, and show which node and prompt they stand for. Node expansion,
    lazy inputs and lists are not imitated. The same arguments give the same run, byte for byte: dates in
    file names are fixed ones. Of more than 1000 steps of a node not all are told, of many samplers fewer.
    The run succeeds, unless the prompt's links form a loop: then it ends as ComfyUI's would. Raises KeyError for an
    output that is not in the prompt.
    """
    version = version or Version(DEFAULT)
    shown = redact_prompt(prompt)
    graph = Graph(prompt, definitions)
    order, stuck = execution_order(prompt, graph.is_output, outputs)
    sizes = canvases(graph, order, load_input)
    text = json.dumps(shown)
    maker = Maker(graph, text if len(text) <= _MOST_EMBEDDED else "{}")
    run = Execution(graph, sizes, maker, Outputs(graph, sizes, maker, version))
    run.execute(order, stuck)
    classes = dict.fromkeys(str(class_of(node)) for node in prompt.values())
    used = {name: definitions[name] for name in classes if isinstance(definitions.get(name), Mapping)}
    document = {
        "format": FORMAT,
        "workflow": "synthesized",
        "case": graph.digest[:12],
        "prompt": shown,
        "environment": {
            "comfyui": version.text,
            "synthesized": True,
            "devices": [],
            "models": {},
            "node_packs": {},
        },
        "node_definitions": {name: trim(found, used_values(prompt, name)) for name, found in used.items()},
        "events": run.messages.events,
        "status": {"status_str": "success", "completed": True, "messages": run.messages.told},
        "meta": run.meta,
        "ui": run.ui,
        "outputs": [output.to_json() for output in run.outputs],
        "approvals": [],
    }
    return GoldenRun(document, None, run.blobs)
