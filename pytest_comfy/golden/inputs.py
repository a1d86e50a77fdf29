"""The input files of a golden run, known by their content whatever they were called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..workflow.digest import inputs_of

KEY = "inputs"
"""Of run.json: name of an input file, as the prompt has it -> `{"sha256": hex}` of its content."""

_DIGITS = 12
"""Hex digits of a SHA-256 that stand for a content."""

_OURS = re.compile(rf"pytest-comfy/(?:[^/]*-)?([0-9a-f]{{{_DIGITS}}})(?:\.\w+)?")
"""A name that the client of this project gave an upload: it tells a part of the content's hash."""


def content_token(sha256: str) -> str:
    """Return what stands for a content in a comparison, from its SHA-256 (hex)."""
    return sha256[:_DIGITS]


def bare_name(value: str) -> str:
    """Return the name of an input file without the annotation that says it is one."""
    return value.removesuffix(" [input]")


def texts_of(prompt: Mapping[str, Any]) -> Iterable[str]:
    """Yield the texts that stand in the inputs of a prompt's nodes."""
    return (value for node in prompt.values() for value in inputs_of(node).values() if isinstance(value, str))


def contents_of(document: Mapping[str, Any]) -> dict[str, str]:
    """Return name of an input file -> what stands for its content, for those of a golden run of which that is known."""
    told = document.get(KEY)
    prompt = document.get("prompt")
    found = {}
    for text in texts_of(prompt) if isinstance(prompt, Mapping) else ():
        name = bare_name(text)
        entry = told.get(name) if isinstance(told, Mapping) else None
        sha256 = entry.get("sha256") if isinstance(entry, Mapping) else None
        ours = _OURS.fullmatch(name)
        if isinstance(sha256, str) and len(sha256) >= _DIGITS:
            found[name] = content_token(sha256)
        elif ours is not None:
            found[name] = ours[1]
    return found
