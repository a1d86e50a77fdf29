"""How messages look on the wire, and who is meant by each of them."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from enum import Enum
from typing import Any

from ..versions import Trait, Version

PROMPT_ID = "<prompt_id>"
"""Stands for the id of the run in a golden run's events."""

MAX_UPLOAD = 100 * 1024 * 1024
"""Bytes; ComfyUI's default of --max-upload-size."""


def features(version: Version) -> dict[str, Any]:
    """Return what `/features` and the answer to `feature_flags` say."""
    told: dict[str, Any] = {"supports_preview_metadata": True}
    if version.has(Trait.MODEL_TYPE_TAGS):
        told["supports_model_type_tags"] = True
    told["max_upload_size"] = MAX_UPLOAD
    if version.is_modern:
        told["extension"] = {"manager": {"supports_v4": True}}
    if version.has(Trait.NODE_REPLACEMENTS):
        told["node_replacements"] = True
    if version.has(Trait.ASSETS):
        told["assets"] = False
    return told


PREVIEW, TEXT, PREVIEW_WITH_METADATA = 1, 3, 4
"""Numbers of the binary messages."""


class Audience(Enum):
    """Who receives a message: it depends on its type and on whether the prompt came with a client_id."""

    OWNER = "the owner, or nobody"
    OWNER_OR_ALL = "the owner, or everyone"
    ALL = "everyone"


_OWNER_ONLY = {
    "execution_start",
    "execution_cached",
    "execution_success",
    "execution_error",
    "executing",
    "executed",
}


def audience_of(kind: str, data: Mapping[str, Any]) -> Audience:
    """Return who receives a text message of type `kind` (ComfyUI execution.py, main.py)."""
    if kind == "display_component":
        return Audience.ALL
    if kind in _OWNER_ONLY and not is_blocked(kind, data):
        return Audience.OWNER
    return Audience.OWNER_OR_ALL


def is_blocked(kind: str, data: Mapping[str, Any]) -> bool:
    """Tell whether this `execution_error` only reports a blocked node; the run goes on after it."""
    return kind == "execution_error" and data.get("exception_type") == "ExecutionBlocked"


def message(kind: str, data: Any) -> str:
    """Return a text message."""
    return json.dumps({"type": kind, "data": data})


def status_message(remaining: int, sid: str | None = None) -> str:
    """Return `status`; only the greeting carries a `sid`."""
    data: dict[str, Any] = {"status": {"exec_info": {"queue_remaining": remaining}}}
    if sid is not None:
        data["sid"] = sid
    return message("status", data)


def quoted(text: str) -> str:
    """Return `text` as it stands between the quotes of a JSON string."""
    return json.dumps(text)[1:-1]


def preview_frame(image: bytes) -> bytes:
    """Return a binary message 1: the kind of picture (1 JPEG, 2 PNG), then the picture."""
    return struct.pack(">II", PREVIEW, 2 if _is_png(image) else 1) + image


def preview_with_metadata_frame(metadata: Mapping[str, Any], image: bytes) -> bytes:
    """Return a binary message 4: length and JSON of the metadata, then the picture."""
    described = {**metadata, "image_type": "image/png" if _is_png(image) else "image/jpeg"}
    head = json.dumps(described).encode()
    return struct.pack(">II", PREVIEW_WITH_METADATA, len(head)) + head + image


def text_frame(node_id: str, text: str) -> bytes:
    """Return a binary message 3: length and id of the node, then the text."""
    node = node_id.encode()
    return struct.pack(">II", TEXT, len(node)) + node + text.encode()


def _is_png(image: bytes) -> bool:
    return image.startswith(b"\x89PNG")


def absolute(data: Mapping[str, Any], prompt_id: str, started_ms: int) -> dict[str, Any]:
    """Return a message of status with this run's id and its times in ms since the epoch."""
    found: dict[str, Any] = json.loads(json.dumps(data).replace(PROMPT_ID, quoted(prompt_id)))
    if isinstance(data.get("timestamp"), (int, float)):
        found["timestamp"] = started_ms + round(data["timestamp"])
    return found
