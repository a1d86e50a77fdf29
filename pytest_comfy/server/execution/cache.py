"""What the server remembers of nodes: ComfyUI's default caches.

Up to 0.22 that keeps what the latest prompt uses; later ones keep everything until memory is short, which it never is
here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from ...golden import GoldenError
from ...workflow.digest import class_of, inputs_of, node_digests
from ...workflow.results import WEBSOCKET_CLASS
from ..files import FileStore, file_key
from .selection import Result

_NEVER_CACHED = {WEBSOCKET_CLASS}
"""Core classes that ComfyUI executes every time: their IS_CHANGED is the clock."""


_MOST_RESULTS = 10_000


class Cache:
    """Results by the nodes' signatures."""

    def __init__(self) -> None:
        self._results: dict[str, Result] = {}

    def recall(self, signatures: Mapping[str, str], *, forget: bool = True) -> dict[str, Result]:
        """Return node -> result for the nodes of a new prompt; all other results are forgotten, if so told.

        Of those that are not, the ones longest not asked for go when there are too many.
        """
        used = {one: self._results[one] for one in signatures.values() if one in self._results}
        if forget:
            self._results = used
        else:
            others = {one: result for one, result in self._results.items() if one not in used}
            excess = max(0, len(others) + len(used) - _MOST_RESULTS)
            self._results = {**dict(list(others.items())[excess:]), **used}
        return {node: self._results[one] for node, one in signatures.items() if one in self._results}

    def remember(self, signature: str, result: Result) -> None:
        """Keep the result of a node that was executed."""
        self._results[signature] = result

    def clear(self) -> None:
        """Forget everything."""
        self._results.clear()


def signatures_of(prompt: Mapping[str, Any], files: FileStore) -> dict[str, str]:
    """Return node id -> signature: class, values and links, and the content of the input files they name.

    Nodes that are never cached have none.
    """
    digests = node_digests(_with_contents(prompt, files), ignored=None)
    return {node: digest for node, digest in digests.items() if class_of(prompt[node]) not in _NEVER_CACHED}


def _with_contents(prompt: Mapping[str, Any], files: FileStore) -> Mapping[str, Any]:
    changed = {}
    for node_id, node in prompt.items():
        hashes = [_content(value, files) for value in inputs_of(node).values() if isinstance(value, str)]
        found = [one for one in hashes if one is not None]
        if found:
            changed[node_id] = {**node, "inputs": {**inputs_of(node), "is_changed": found}}
    return {**prompt, **changed} if changed else prompt


def _content(name: str, files: FileStore) -> str | None:
    folder, _, last = name.rpartition("/")
    key = file_key("input", folder, last)
    stored = files.get(key) if key is not None else None
    if stored is None:
        return None
    try:
        return hashlib.sha256(stored.load()).hexdigest()
    except (GoldenError, OSError):
        return None
