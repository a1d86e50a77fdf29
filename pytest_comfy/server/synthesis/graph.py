"""What a prompt says about its own nodes: kinds of inputs and outputs, values behind links, steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ...workflow.digest import class_of, inputs_of, node_digests, prompt_digest
from ...workflow.model import is_link

DEFAULT_STEPS = 20
"""Where the number of steps of a sampler cannot be known."""

MOST_STEPS = 10_000
"""ComfyUI's own limit of `steps`."""

_HOPS = 50
_VALUES = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"}
_NO_WORK = {"SAMPLER", "SIGMAS", "GUIDER", "NOISE", *_VALUES}
"""Kinds of output that are made in no time, though the class may be called ...Sampler or have `steps`."""


@dataclass(frozen=True)
class Graph:
    """A prompt with the definitions of its classes, as `/object_info` gives them."""

    prompt: Mapping[str, Any]
    definitions: Mapping[str, Any] = field(repr=False)

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of what the prompt means."""
        return prompt_digest(self.prompt)

    @cached_property
    def digests(self) -> dict[str, str]:
        """Node id -> SHA-256 (hex) of the node and of all it depends on."""
        return node_digests(self.prompt)

    def class_type(self, node_id: str) -> str:
        """Return the class of a node, "" for what is none."""
        return str(class_of(self.prompt.get(node_id)) or "")

    def inputs(self, node_id: str) -> Mapping[str, Any]:
        """Return the values and links of a node."""
        return inputs_of(self.prompt.get(node_id))

    def definition(self, node_id: str) -> Mapping[str, Any]:
        """Return what `/object_info` says of a node's class, nothing for an unknown one."""
        found = self.definitions.get(self.class_type(node_id))
        return found if isinstance(found, Mapping) else {}

    def is_output(self, node_id: str) -> bool:
        """Whether the node's class is an output node."""
        return bool(self.definition(node_id).get("output_node"))

    def input_kinds(self, node_id: str) -> dict[str, str]:
        """Return input name -> kind, such as "IMAGE"; "COMBO" for choices; hidden inputs left out."""
        groups = self.definition(node_id).get("input")
        kinds: dict[str, str] = {}
        for group in ("required", "optional"):
            inputs = groups.get(group) if isinstance(groups, Mapping) else None
            for name, spec in inputs.items() if isinstance(inputs, Mapping) else ():
                kind = spec[0] if isinstance(spec, (list, tuple)) and spec else None
                kinds[str(name)] = kind if isinstance(kind, str) else "COMBO"
        return kinds

    def output_kinds(self, node_id: str) -> list[str]:
        """Return the kinds of a node's outputs; "COMBO" for choices."""
        outputs = self.definition(node_id).get("output")
        outputs = outputs if isinstance(outputs, (list, tuple)) else []
        return [kind if isinstance(kind, str) else "COMBO" for kind in outputs]

    def kind_of_link(self, link: Any) -> str:
        """Return the kind of the output that a link leads to, "*" where that is not known."""
        kinds = self.output_kinds(link[0])
        return kinds[link[1]] if 0 <= link[1] < len(kinds) else "*"

    def value(self, node_id: str, name: str) -> Any:
        """Return the value of an input, following links to nodes that hold one value; None if not known."""
        value: Any = self.inputs(node_id).get(name)
        for _ in range(_HOPS):
            if not is_link(value):
                return value
            inputs, held = self.inputs(value[0]), None
            # A primitive holds one value, whatever it calls it; anything else would have to be computed.
            if "value" in inputs:
                held = inputs["value"]
            elif len(inputs) == 1 and self.kind_of_link(value) in _VALUES:
                held = next(iter(inputs.values()))
            value = held
        return None

    def number(self, node_id: str, name: str) -> int | None:
        """Return the value of an input as a whole number, None where it is none or not known."""
        value = self.value(node_id, name)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        try:
            return int(value)
        except (ValueError, OverflowError):
            return None

    def steps(self, node_id: str) -> int:
        """Return how many steps a node reports, 0 for what is no sampler.

        A sampler is a node with a whole number `steps`, or with "Sampler" in its class name, that makes more
        than settings. SamplerCustom and its like get their steps from the scheduler behind `sigmas`.
        """
        kinds = self.input_kinds(node_id)
        if not (kinds.get("steps") == "INT" or "Sampler" in self.class_type(node_id)):
            return 0
        if all(kind in _NO_WORK for kind in self.output_kinds(node_id)):
            return 0
        steps = self._told_steps(node_id)
        first, last = self.number(node_id, "start_at_step"), self.number(node_id, "end_at_step")
        steps = min(steps, last) if last is not None else steps
        steps -= first or 0
        return max(0, min(steps, MOST_STEPS))

    def _told_steps(self, node_id: str) -> int:
        for _ in range(_HOPS):
            steps = self.number(node_id, "steps")
            if steps is not None:
                return steps
            sigmas: Any = self.inputs(node_id).get("sigmas")
            if not is_link(sigmas):
                break
            node_id = sigmas[0]
        return DEFAULT_STEPS
