"""`POST /prompt`: the order of work, numbers and errors of ComfyUI's server.py."""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Mapping
from typing import Any

from ..workflow.digest import NONCE_INPUT, match_nodes, prompt_digest
from .engine import Engine, Job
from .library import Library
from .matching import no_recording
from .script import make_script

Reply = tuple[int, dict[str, Any]]
"""HTTP status and body."""

_REMEMBERED = 10_000
_SECRETS = ("auth_token_comfy_org", "api_key_comfy_org")


class PostedPrompts:
    """What was posted in this server life."""

    def __init__(self) -> None:
        self.accepted: deque[dict[str, Any]] = deque(maxlen=_REMEMBERED)
        self.unmatched: deque[dict[str, Any]] = deque(maxlen=_REMEMBERED)


def post_prompt(body: Any, engine: Engine, library: Library, posted: PostedPrompts) -> Reply:
    """Queue a prompt. Raises TypeError, ValueError and the like where ComfyUI answers 500."""
    if "number" in body:
        number = float(body["number"])
    else:
        number = -engine.counter if body.get("front") else engine.counter
        # The counter moves even where the prompt is refused.
        engine.counter += 1
    if "prompt" not in body:
        return _refused("no_prompt", "No prompt provided", "No prompt provided")
    prompt = body["prompt"]
    prompt_id = str(body["prompt_id"]) if "prompt_id" in body else str(uuid.uuid4())
    refused = _check(prompt)
    if refused is not None:
        return refused
    extra_data = dict(body.get("extra_data", {}))
    if "client_id" in body:
        extra_data["client_id"] = body["client_id"]
    digest = prompt_digest(prompt)
    fresh = library.has_fresh(digest)
    recording = library.take(digest)
    if recording is None:
        posted.unmatched.append(body)
        return 400, no_recording(prompt, library.prompts(), library.broken)
    golden = library.load(recording)
    script = make_script(golden, prompt, match_nodes(golden.prompt, prompt))
    targets = body.get("partial_execution_targets")
    if targets is not None and not any(node in targets for node in script.outputs):
        return _refused("prompt_no_outputs", "Prompt has no outputs", "")
    for secret in _SECRETS:
        extra_data.pop(secret, None)
    extra_data["create_time"] = time.time_ns() // 1_000_000
    # A further recording of the same prompt says what a repeated post gets; else the cache answers it.
    key = (digest, *_nonces(prompt))
    posted.accepted.append(body)
    engine.push(Job(number, prompt_id, prompt, extra_data, script, key, may_be_cached=not fresh))
    return 200, {"prompt_id": prompt_id, "number": number, "node_errors": {}}


def _check(prompt: Any) -> Reply | None:
    if not isinstance(prompt, Mapping) or not all(isinstance(node, Mapping) for node in prompt.values()):
        raise TypeError("a prompt is an object of objects")
    for node_id, node in prompt.items():
        if "class_type" not in node:
            text = "Cannot execute because a node is missing the class_type property."
            return _refused("invalid_prompt", text, f"Node ID '#{node_id}'")
        # ComfyUI would accept this and lose its worker thread.
        if not isinstance(node.get("inputs", {}), Mapping):
            raise TypeError("inputs is an object")
    return None if prompt else _refused("prompt_no_outputs", "Prompt has no outputs", "")


def _nonces(prompt: Mapping[str, Any]) -> list[str]:
    """Return ids and nonces; ids too, as cached outputs are kept by node id."""
    return sorted(f"{node_id}={node.get('inputs', {}).get(NONCE_INPUT)!r}" for node_id, node in prompt.items())


def _refused(kind: str, text: str, details: str) -> Reply:
    error = {"type": kind, "message": text, "details": details, "extra_info": {}}
    return 400, {"error": error, "node_errors": {}}
