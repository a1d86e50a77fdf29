"""Probes: the core nodes that show a value of each type, added to a prompt. Nothing is installed on the server."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...workflow.digest import ancestors, class_of, links_into

Slot = tuple[str, int]
"""An output of a node: its id, and which of its outputs."""
Definitions = Mapping[str, Mapping[str, Any]]

_PREFIX = "comfy-probe-"
SAVED_UNDER = "pytest-comfy/probe"
"""Of the server's output folder, where SaveLatent, which alone shows latents, leaves its files."""
_NUMBERS_AND_TEXT = ("STRING", "INT", "FLOAT", "BOOLEAN", "COMBO")
_UNSEEN = frozenset({
    "MODEL", "CLIP", "VAE", "CONTROL_NET", "CLIP_VISION", "STYLE_MODEL", "UPSCALE_MODEL", "LORA_MODEL",
    "AUDIO_ENCODER", "PHOTOMAKER", "GLIGEN", "MODEL_PATCH", "LATENT_UPSCALE_MODEL", "GUIDER", "SAMPLER", "NOISE",
    "HOOKS", "HOOK_KEYFRAMES", "LATENT_OPERATION",
})  # fmt: skip
"""Types of which a text says nothing but where they lie in memory."""


@dataclass(frozen=True)
class Chain:
    """The nodes that show a value: class and input of each, the value goes into the first; more inputs of the last."""

    links: tuple[tuple[str, str], ...]
    more: Mapping[str, Any]

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that a server must have for it."""
        return tuple(class_type for class_type, _ in self.links)


_PRINTED = Chain((("PreviewAny", "source"),), {})
_CHAINS: Mapping[str, Chain] = {
    "IMAGE": Chain((("PreviewImage", "images"),), {}),
    "MASK": Chain((("MaskPreview", "mask"),), {}),
    "LATENT": Chain((("SaveLatent", "samples"),), {"filename_prefix": SAVED_UNDER}),
    "AUDIO": Chain((("PreviewAudio", "audio"),), {}),
    "VIDEO": Chain((("GetVideoComponents", "video"), ("PreviewImage", "images")), {}),
}
"""By type; all that is not here is printed by PreviewAny. ComfyUI 0.3.64 and later have all of them."""
CLASSES = frozenset(name for chain in (*_CHAINS.values(), _PRINTED) for name in chain.classes)


def types_of(definition: Mapping[str, Any] | None) -> list[str]:
    """Return the types of a class's outputs; choices are texts."""
    outputs = definition.get("output") if definition else None
    return [kind if isinstance(kind, str) else "COMBO" for kind in outputs] if isinstance(outputs, list) else []


def is_printed(kind: str) -> bool:
    """Whether of a type no more is seen than what Python prints of it, which is a part of it."""
    return kind not in _CHAINS and kind not in _NUMBERS_AND_TEXT


def slots_of(prompt: Mapping[str, Any], nodes: Collection[str], definitions: Definitions) -> dict[Slot, str]:
    """Return the outputs of some nodes that can be seen on a server -> their types, in the order of the prompt.

    definitions  of the prompt's classes and of the probes', as the server has them
    """
    found: dict[Slot, str] = {}
    for node_id in prompt:
        if node_id in nodes:
            for slot, kind in enumerate(types_of(definitions.get(str(class_of(prompt[node_id]))))):
                if kind not in _UNSEEN and all(name in definitions for name in _CHAINS.get(kind, _PRINTED).classes):
                    found[node_id, slot] = kind
    return found


def with_probes(prompt: Mapping[str, Any], slots: Mapping[Slot, str]) -> tuple[dict[str, Any], dict[str, Slot]]:
    """Return a prompt of the nodes that some outputs depend on, with a probe for each, and node id of probe -> output.

    slots  output -> its type
    """
    before = ancestors(prompt, [one for one, _ in slots])
    probed = {node_id: prompt[node_id] for node_id in prompt if node_id in before}
    prefix = _PREFIX
    while any(node_id.startswith(prefix) for node_id in probed):
        prefix += "-"  # a node of the workflow has such a name
    shown: dict[str, Slot] = {}
    for number, (slot, kind) in enumerate(slots.items()):
        chain, link = _CHAINS.get(kind, _PRINTED), list(slot)
        for place, (class_type, name) in enumerate(chain.links):
            last = place == len(chain.links) - 1
            node_id = f"{prefix}{number}" if last else f"{prefix}{number}-{place}"
            probed[node_id] = {"class_type": class_type, "inputs": {name: link, **(chain.more if last else {})}}
            link = [node_id, 0]
        shown[f"{prefix}{number}"] = slot
    return probed, shown


def probe_of(node_id: str, shown: Mapping[str, Slot]) -> str | None:
    """Return the probe that a node of a probed prompt belongs to, None for a node of the workflow.

    shown  as `with_probes` gives it
    """
    return next((one for one in (node_id, node_id.rpartition("-")[0]) if one in shown), None)


def in_order(prompt: Mapping[str, Any], targets: Iterable[str]) -> list[str]:
    """Return some nodes and all that they depend on, each after what it depends on."""
    order: dict[str, None] = {}
    entered: set[str] = set()
    waiting = [(node_id, False) for node_id in reversed([one for one in targets if one in prompt])]
    while waiting:
        node_id, left = waiting.pop()
        if left:
            order.setdefault(node_id)
        elif node_id not in entered:
            entered.add(node_id)
            waiting.append((node_id, True))
            waiting += [(source, False) for source, _ in reversed(list(links_into(prompt, node_id)))]
    return list(order)
