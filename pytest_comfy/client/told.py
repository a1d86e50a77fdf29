"""What the steps of the client return, and what their answers must be."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from ..text import plain
from .errors import ComfyError, GatewayAnswered, ServerUnreachable
from .reply import Reply

_UPLOAD_FOLDER = "pytest-comfy"
_OUTPUTS = 4
"""Place of the output nodes in what the queue keeps of a prompt: number, id, prompt, extra data, outputs."""
_VERSION = re.compile(r"v?(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?")
_LATEST = (1000, 0, 0)


@dataclass(frozen=True)
class Queued:
    """The answer to a prompt that was queued.

    number       its place in the order of the queue: lower ones go first, those in front are negative
    node_errors  of the nodes whose outputs are left out, as the server gave them; empty where all will run
    """

    prompt_id: str
    number: float
    node_errors: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class QueueItem:
    """A prompt in the queue; `outputs` are the ids of the output nodes that will run."""

    number: float
    prompt_id: str
    prompt: Mapping[str, Any] = field(repr=False)
    extra_data: Mapping[str, Any] = field(repr=False)
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Queue:
    """What runs and what waits, each in the order that the server lists it in."""

    running: tuple[QueueItem, ...]
    pending: tuple[QueueItem, ...]

    def __contains__(self, prompt_id: object) -> bool:
        return any(item.prompt_id == prompt_id for item in (*self.running, *self.pending))


def queued_in(answer: Mapping[str, Any], prompt_id: str) -> Queued:
    """Read the answer to a prompt; servers older than ids of the client's choice answer with one of their own."""
    node_errors = answer.get("node_errors")
    return Queued(
        str(answer.get("prompt_id") or prompt_id),
        _number(answer.get("number")),
        node_errors if isinstance(node_errors, dict) else {},
    )


def queue_in(answer: Mapping[str, Any]) -> Queue:
    """Read the answer of `/queue`; what has not the shape of a prompt is left out."""
    return Queue(_items(answer.get("queue_running")), _items(answer.get("queue_pending")))


def stats_in(reply: Reply, url: str) -> dict[str, Any]:
    """Read the answer of `/system_stats`; raises ServerUnreachable where no ComfyUI gave it."""
    if reply.status == 403:
        raise GatewayAnswered(
            f"{url}/system_stats: access is refused (403): does what stands before it want a header, such as "
            "--comfy-header gives?",
            403,
        )
    stats = reply.object()
    if reply.status != 200 or not isinstance(stats.get("system"), dict):
        raise ServerUnreachable(f"{url}/system_stats: answered {reply.status}: is this ComfyUI?")
    return stats


def names_in(reply: Reply, what: str) -> list[str]:
    """Read a list of names; raises ServerUnreachable where it is none."""
    names = reply.json() if reply.status == 200 else None
    if not isinstance(names, list):
        raise ServerUnreachable(f"{what}: answered {reply.status} without a list of names: is this ComfyUI?")
    return [str(name) for name in names]


def object_in(reply: Reply, what: str) -> dict[str, Any]:
    """Read an object; raises ComfyError where the server does not give it."""
    require(reply, what)
    return reply.object()


def require(reply: Reply, what: str) -> None:
    """Raise ComfyError with what the server says, unless it answers 200."""
    if reply.status != 200:
        said = plain(reply.body[:300].decode("utf-8", "replace")).strip()
        raise ComfyError(f"{what}: answered {reply.status}" + (f" ({said})" if said else ""))


def version_in(stats: Mapping[str, Any]) -> tuple[int, int, int]:
    """Return the version of a server by `/system_stats`, taken to be a late one where it does not tell."""
    system = stats.get("system")
    told = system.get("comfyui_version") if isinstance(system, Mapping) else None
    found = _VERSION.match(told) if isinstance(told, str) else None
    if found is None:
        return _LATEST
    major, minor, patch = found.groups(default="0")
    return int(major), int(minor), int(patch)


def upload_form(data: bytes, name: str, type: str, subfolder: str | None, overwrite: bool) -> dict[str, Any]:
    """Return what an upload sends: under its own name in `subfolder`, else in a folder of ours, named by content."""
    sent = PurePosixPath(name.replace("\\", "/")).name if subfolder is not None else named_by_content(data, name)
    fields = {"type": type, "subfolder": _UPLOAD_FOLDER if subfolder is None else subfolder}
    if overwrite:
        fields["overwrite"] = "true"
    return {"files": {"image": (sent, data, "application/octet-stream")}, "data": fields}


def named_by_content(data: bytes, name: str) -> str:
    """Return the name that an upload gets in the folder of ours."""
    path = PurePosixPath(name.replace("\\", "/"))
    return f"{path.stem}-{hashlib.sha256(data).hexdigest()[:12]}{path.suffix}"


def known_as(data: bytes, name: str) -> str:
    """Return the name that loaders know an upload in the folder of ours by."""
    return f"{_UPLOAD_FOLDER}/{named_by_content(data, name)}"


def uploaded_in(reply: Reply, url: str, name: str, type: str) -> str:
    """Read the answer to an upload: the name that loaders know the file by; raises ComfyError for a refusal."""
    if reply.status != 200:
        raise ComfyError(f"{url}: refuses the upload of {plain(name, 120)!r} ({reply.status})")
    given = reply.object()
    folder, stored = str(given.get("subfolder") or ""), str(given.get("name") or PurePosixPath(name).name)
    known = f"{folder}/{stored}" if folder else stored
    return known if type == "input" else f"{known} [{type}]"


def _items(items: Any) -> tuple[QueueItem, ...]:
    return tuple(
        QueueItem(
            _number(item[0]),
            str(item[1]),
            _mapping(item[2]),
            _mapping(item[3]),
            tuple(map(str, item[_OUTPUTS])) if len(item) > _OUTPUTS and isinstance(item[_OUTPUTS], list) else (),
        )
        for item in (items if isinstance(items, list) else ())
        if isinstance(item, list) and len(item) >= _OUTPUTS
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: Any) -> float:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else 0
