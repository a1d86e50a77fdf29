"""How two prompts differ, node by node, in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..text import plain
from .addresses import class_path_of
from .digest import NONCE_INPUT, class_of, inputs_of, match_nodes
from .model import is_link
from .secrets import is_secret, redact_prompt

Prompt = Mapping[str, Any]

_LONGEST_VALUE = 60
_ABSENT = object()


def differences(golden: Prompt, prompt: Prompt) -> list[str]:
    """Return what differs, one short sentence each: `node 3 KSampler.seed is 8, was 7`; without secrets."""
    golden, prompt = redact_prompt(golden), redact_prompt(prompt)
    pairs = _pairs(golden, prompt)
    found: list[str] = []
    for golden_id, prompt_id in pairs.items():
        found += _node_differences(golden[golden_id], prompt_id, prompt[prompt_id], pairs)
    found += [f"{_named(node_id, golden)} is gone" for node_id in golden if node_id not in pairs]
    known = set(pairs.values())
    found += [f"{_named(node_id, prompt)} is new" for node_id in prompt if node_id not in known]
    return found


def _pairs(golden: Prompt, prompt: Prompt) -> dict[str, str]:
    """Pair the nodes of two prompts that differ: by meaning, by id, and at last by class alone."""
    pairs = match_nodes(golden, prompt)
    free = [node_id for node_id in prompt if node_id not in set(pairs.values())]
    for alike in (_same_id, _same_class):
        for golden_id in golden:
            if golden_id in pairs:
                continue
            partner = next((one for one in free if alike(golden, golden_id, prompt, one)), None)
            if partner is not None:
                pairs[golden_id] = partner
                free.remove(partner)
    return {golden_id: pairs[golden_id] for golden_id in golden if golden_id in pairs}


def _same_id(golden: Prompt, golden_id: str, prompt: Prompt, prompt_id: str) -> bool:
    return golden_id == prompt_id


def _same_class(golden: Prompt, golden_id: str, prompt: Prompt, prompt_id: str) -> bool:
    return bool(class_of(golden[golden_id]) == class_of(prompt[prompt_id]))


def _node_differences(was: Any, node_id: str, now: Any, pairs: Mapping[str, str]) -> list[str]:
    if class_of(was) != class_of(now):
        return [f"node {node_id} is {class_path_of(now)}, was {class_of(was)}"]
    before, after = inputs_of(was), inputs_of(now)
    found = []
    for name in [*before, *(name for name in after if name not in before)]:
        old, new = before.get(name, _ABSENT), after.get(name, _ABSENT)
        if name == NONCE_INPUT or new == _renamed(old, pairs):
            continue
        if is_secret(name) and bool(old) == bool(new):
            continue
        place = f"node {node_id} {class_path_of(now)}.{name}"
        if is_secret(name):
            found.append(f"{place} (a secret) is set in only one of them")
        else:
            found.append(f"{place} is {_shown(new)}, was {_shown(_renamed(old, pairs))}")
    return found


def _renamed(value: Any, pairs: Mapping[str, str]) -> Any:
    if is_link(value):
        return [pairs.get(value[0], value[0]), value[1]]
    return value


def _shown(value: Any) -> str:
    if value is _ABSENT:
        return "not there"
    if is_link(value):
        return f"a link to node {value[0]}, output {value[1]}"
    return plain(json.dumps(value, ensure_ascii=False, default=str), _LONGEST_VALUE)


def _named(node_id: str, prompt: Prompt) -> str:
    return f"node {node_id} {class_path_of(prompt[node_id])}"
