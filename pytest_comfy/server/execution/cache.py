"""What the server remembers of nodes: ComfyUI's default caches.

Up to 0.22 that keeps what the latest prompt uses; later ones keep everything until memory is short, which it never is
here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
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
        self._new: list[tuple[Signatures, Mapping[str, Result]]] = []

    def recall(self, asked: Signatures, *, forget: bool = True) -> dict[str, Result]:
        """Return node -> result for the nodes of a new prompt; all other results are forgotten, if so told.

        Of those that are not, the ones longest not asked for go when there are too many.
        """
        for signatures, results in self._new:
            self._results.update({signatures.of[node]: results[node] for node in results if node in signatures.of})
        self._new.clear()
        if not self._results:
            return {}
        used = {one: self._results[one] for one in asked.of.values() if one in self._results}
        if forget:
            self._results = used
        else:
            others = {one: result for one, result in self._results.items() if one not in used}
            excess = max(0, len(others) + len(used) - _MOST_RESULTS)
            self._results = {**dict(list(others.items())[excess:]), **used}
        return {node: self._results[one] for node, one in asked.of.items() if one in self._results}

    def remember(self, signatures: Signatures, results: Mapping[str, Result]) -> None:
        """Keep the results of a prompt's nodes that were executed."""
        self._new.append((signatures, results))

    def clear(self) -> None:
        """Forget everything."""
        self._results.clear()
        self._new.clear()


class Signatures:
    """Those of a prompt's nodes: class, values and links, and what is in the input files that they name, as of now.

    They are made when they are first asked for: many a server sees one prompt and no second.
    """

    def __init__(self, prompt: Mapping[str, Any], files: FileStore) -> None:
        self._prompt = _with_contents(prompt, files)

    @cached_property
    def of(self) -> dict[str, str]:
        """Node id -> signature; nodes that are never cached have none."""
        digests = node_digests(self._prompt, ignored=None)
        return {node: digest for node, digest in digests.items() if class_of(self._prompt[node]) not in _NEVER_CACHED}


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
