"""Canonical digests: the same for prompts that mean the same.

As in ComfyUI's own cache, a node is known by its class, its values and the nodes it is linked to; ids, order
and titles have no part in it.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..secrecy import REDACTED
from .model import NONCE_INPUT as NONCE_INPUT
from .model import is_link
from .secrets import Known, is_secret, redact_prompt

_CYCLE = "cycle"
_TYPED = {"__type__", "__value__"}


def prompt_digest(prompt: Mapping[str, Any], known: Known = None) -> str:
    """Return the SHA-256 (hex) of what a prompt means; `known` as `node_digests` has it."""
    return _hash(sorted(node_digests(prompt, known=known).values()))


def run_digest(prompt: Mapping[str, Any], targets: Any = None, known: Known = None) -> str:
    """Return what a run is known by: the prompt's digest, and which nodes it was to execute if not all.

    targets  `partial_execution_targets` of the request: a list of node ids, or None for all
    """
    nodes = node_digests(prompt, known=known)
    whole = _hash(sorted(nodes.values()))
    if not isinstance(targets, list):
        return whole
    return _hash([whole, sorted({nodes[node] for node in targets if isinstance(node, str) and node in nodes})])


def node_digests(prompt: Mapping[str, Any], ignored: str | None = NONCE_INPUT, known: Known = None) -> dict[str, str]:
    """Return node id -> SHA-256 (hex) of the node and all it depends on, but for the input named `ignored`.

    Secrets have no part in it, so that a prompt has the digest that its redacted form in a golden run has; `known`
    finds those beside the prompt's own, such as what stood in its extra data.
    Iterative, as chains may be longer than Python's stack is deep; a link back into the chain counts as
    the word "cycle".
    """
    prompt = redact_prompt(prompt, known)
    done: dict[str, str] = {}
    open_nodes: set[str] = set()
    for root in prompt:
        stack = [root]
        while stack:
            node_id = stack[-1]
            if node_id in done:
                stack.pop()
                continue
            ups = [up for up, _ in links_into(prompt, node_id)]
            waiting = [up for up in ups if up not in done and up not in open_nodes]
            if node_id not in open_nodes:
                open_nodes.add(node_id)
                waiting = [up for up in waiting if up != node_id]
            if waiting:
                stack.extend(waiting)
                continue
            done[node_id] = _node_digest(prompt[node_id], done, ignored)
            open_nodes.discard(node_id)
            stack.pop()
    return done


def match_nodes(golden: Mapping[str, Any], prompt: Mapping[str, Any]) -> dict[str, str]:
    """Return the ids in `prompt` of the nodes of `golden`; nodes that do not occur there are left out.

    Nodes that keep id and meaning are matched first, then by meaning, then by id and class alone.
    """
    if is_same(golden, prompt):
        return {node_id: node_id for node_id in golden}
    before, after = node_digests(golden), node_digests(prompt)
    matched = {node_id: node_id for node_id, digest in before.items() if after.get(node_id) == digest}
    free: dict[str, list[str]] = defaultdict(list)
    for node_id, digest in after.items():
        if node_id not in matched:
            free[digest].append(node_id)
    for node_id, digest in before.items():
        if node_id not in matched and free[digest]:
            matched[node_id] = free[digest].pop(0)
    taken = set(matched.values())
    for node_id in before:
        free_id = node_id not in matched and node_id in after and node_id not in taken
        if free_id and class_of(golden[node_id]) == class_of(prompt[node_id]):
            matched[node_id] = node_id
    return matched


def is_same(prompt: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two prompts are the same JSON but for the order of keys, which is soon known: then they mean the same."""
    return prompt == other and json_text(prompt) == json_text(other)  # Python takes true, 1 and 1.0 for equal


def json_text(value: Any) -> str:
    """Return a JSON value as text, the same whatever the order of keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)


def class_of(node: Any) -> Any:
    """Return a node's class, None for what is no node."""
    return node.get("class_type") if isinstance(node, (dict, Mapping)) else None


def inputs_of(node: Any) -> Mapping[str, Any]:
    """Return a node's inputs, none for what is no node."""
    # Mostly they are dicts: whether something is a Mapping takes ten times as long to find out.
    inputs = node.get("inputs") if isinstance(node, (dict, Mapping)) else None
    return inputs if isinstance(inputs, (dict, Mapping)) else {}


def ancestors(prompt: Mapping[str, Any], nodes: Iterable[str]) -> set[str]:
    """Return `nodes` and all that they depend on."""
    found: set[str] = set()
    waiting = [node for node in nodes if node in prompt]
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting += [source for source, _ in links_into(prompt, node)]
    return found


def links_into(prompt: Mapping[str, Any], node_id: str) -> Iterator[tuple[str, int]]:
    """Yield the outputs of other nodes that a node takes, (node id, slot); of nodes that are not there none."""
    for value in inputs_of(prompt[node_id]).values():
        if is_link(value) and value[0] in prompt:
            yield value[0], value[1]


def _node_digest(node: Any, done: Mapping[str, str], ignored: str | None) -> str:
    inputs = {name: _meaning(name, value, done) for name, value in inputs_of(node).items() if name != ignored}
    return _hash([class_of(node), inputs])


def _meaning(name: str, value: Any, done: Mapping[str, str]) -> Any:
    if is_link(value):
        return ["link", done.get(value[0], _CYCLE), value[1]]
    if is_secret(name) and value:
        return REDACTED
    return ["value", _canonical(value)]


def _canonical(value: Any) -> Any:
    """Make numbers that JSON writers treat alike equal: JavaScript saves 8.0 as 8."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, (str, int)):
        return value
    if isinstance(value, Mapping):
        if value.keys() == _TYPED and value["__type__"] == "CURVE" and isinstance(value["__value__"], Mapping):
            return _canonical(value["__value__"])  # as the page sends it from 1.52 on; servers take both for the same
        return {str(key): _canonical(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_canonical(item) for item in value]
    return value


def _hash(value: Any) -> str:
    return hashlib.sha256(json_text(value).encode("utf-8", "surrogatepass")).hexdigest()
