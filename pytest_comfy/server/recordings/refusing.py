"""What is told of a prompt that was not run: why it was refused, and which files are to be uploaded first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...golden.inputs import bare_name
from ...text import listed, plain
from ...workflow.definitions import upload_inputs
from ...workflow.digest import class_of, inputs_of

_MOST = 3
"""Errors, and names of files, told at most."""


def refusal_told(error: Mapping[str, Any], node_errors: Mapping[str, Any]) -> str:
    """Return in one sentence why a prompt was refused, from ComfyUI's own words for it."""
    reasons = list(_reasons(node_errors)) or [_said(error)]
    more = f"; and {len(reasons) - _MOST} more" if len(reasons) > _MOST else ""
    return f"Refused as ComfyUI does: {'; '.join(reasons[:_MOST])}{more}"


def missing_files(
    prompt: Any,
    definitions: Mapping[str, Any],
    named: Mapping[str, Mapping[str, list[str]]],
    contents: Mapping[str, str],
) -> str:
    """Return which files to upload for a prompt, one sentence; '' where it names none that golden runs do not name.

    named     class -> input -> files that golden runs name there
    contents  of those files, as far as they are known
    """
    missing, recorded = [], []
    for node in prompt.values() if isinstance(prompt, Mapping) else ():
        class_type = class_of(node)
        definition = definitions.get(class_type) if isinstance(class_type, str) else None
        for name in upload_inputs(definition) if isinstance(definition, Mapping) else ():
            value, known = inputs_of(node).get(name), named.get(class_type, {}).get(name, [])
            if isinstance(value, str) and value and bare_name(value) not in known:
                missing.append(plain(value, 120))
                recorded += [f"{plain(one, 120)}{_hash(contents.get(one))}" for one in known]
    if not missing:
        return ""
    told = listed(list(dict.fromkeys(missing)), _MOST)
    if not recorded:
        return f"Upload {told} first (POST /upload/image)"
    there = listed(list(dict.fromkeys(recorded)), _MOST)
    return (
        f"In place of {told}, golden runs were made with {there}: upload such a file (POST /upload/image), or name it"
    )


def _hash(token: str | None) -> str:
    return "" if token is None else f" (SHA-256 {token}…)"


def _reasons(node_errors: Mapping[str, Any]) -> Iterator[str]:
    for node_id, entry in node_errors.items():
        for error in entry.get("errors") or ():
            yield f"node {plain(node_id, 60)} {plain(str(entry.get('class_type')), 60)}: {_said(error)}"


def _said(error: Mapping[str, Any]) -> str:
    parts: Iterable[Any] = (error.get("message"), error.get("details"))
    return plain(": ".join(str(part) for part in parts if part), 300).rstrip(". ")
