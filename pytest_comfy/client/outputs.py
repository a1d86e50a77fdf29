"""Outputs: what the history entry names, downloaded."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from ..text import plain
from ..workflow.model import title_of
from .errors import DownloadError, ServerUnreachable
from .explain import node_label
from .http import FILE_LIMIT, Http
from .run import Output, Preview

_MEDIA_TYPES = {
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".exr": "image/x-exr",
    ".glb": "model/gltf-binary",
    ".flac": "audio/flac",
    ".opus": "audio/opus",
    ".webm": "video/webm",
    ".mp4": "video/mp4",
    ".latent": "application/x-safetensors",
}
_METADATA_KEYS = {"animated"}
"""Keys of a node's UI result that tell about the other keys' files and are no outputs themselves."""

WEBSOCKET_CLASS = "SaveImageWebsocket"
"""The core node that sends its pictures as preview frames and leaves nothing in history."""


def collect(
    http: Http, prompt: Mapping[str, Any], entry: Mapping[str, Any], previews: list[Preview], timeout: float
) -> Iterator[Output]:
    """Yield the outputs of a run in order of the prompt's nodes, downloading the files.

    Raises DownloadError when the server does not give a file that it named.
    """
    results = entry.get("outputs")
    results = results if isinstance(results, Mapping) else {}
    order = {node_id: place for place, node_id in enumerate(prompt)}
    for node_id in sorted(results, key=lambda name: (order.get(name.split(".")[0], len(order)), name)):
        result = results[node_id]
        for key in result if isinstance(result, Mapping) else ():
            items = result[key]
            if key in _METADATA_KEYS or not isinstance(items, list):
                continue
            for index, item in enumerate(items):
                output = _output(http, prompt, (node_id, key, index), item, timeout)
                if output is not None:
                    yield output
    yield from _sent_by_socket(prompt, previews)


def output_nodes(entry: Mapping[str, Any]) -> set[str]:
    """Return the ids of the nodes that have outputs in a history entry."""
    results = entry.get("outputs")
    return {str(node_id) for node_id in results} if isinstance(results, Mapping) else set()


def media_type_of(filename: str, data: bytes) -> str:
    """Return the media type by the name's ending, by the content when the name tells nothing."""
    suffix = PurePosixPath(filename).suffix.lower()
    guessed = _MEDIA_TYPES.get(suffix) or mimetypes.guess_type(f"x{suffix}")[0]
    if guessed:
        return guessed
    if data.startswith(b"\x89PNG"):
        return "image/png"
    if data.startswith(b"\xff\xd8"):
        return "image/jpeg"
    return "application/octet-stream"


def _output(
    http: Http, prompt: Mapping[str, Any], name: tuple[str, str, int], item: Any, timeout: float
) -> Output | None:
    node_id, key, index = name
    node = prompt.get(node_id) or prompt.get(node_id.split(".")[0]) or {}
    common: dict[str, Any] = {
        "node": node_id,
        "key": key,
        "index": index,
        "title": title_of(node_id, node),
        "class_type": str(node.get("class_type", "")),
    }
    if isinstance(item, Mapping) and isinstance(item.get("filename"), str):
        data = _download(http, item, f"{node_label(prompt, node_id)}, {key} {index}", timeout)
        filename = str(item["filename"])
        return Output(
            **common,
            type=str(item.get("type", "output")),
            filename=filename,
            media_type=media_type_of(filename, data),
            data=data,
        )
    if item is None:
        return None
    if isinstance(item, str):
        return Output(**common, type="output", filename="", media_type="text/plain", data=item.encode())
    data = json.dumps(item, sort_keys=True).encode()
    return Output(**common, type="output", filename="", media_type="application/json", data=data)


def _download(http: Http, item: Mapping[str, Any], what: str, timeout: float) -> bytes:
    params = {key: str(item.get(key) or "") for key in ("filename", "subfolder", "type")}
    try:
        reply = http.get("/view", params, limit=FILE_LIMIT, timeout=timeout)
    except ServerUnreachable as error:
        raise DownloadError(f"{what}: the output could not be downloaded: {error}") from error
    if reply.status != 200:
        raise DownloadError(
            f"{what}: the server made {plain(params['filename'], 120)!r} and answers {reply.status} when asked "
            "for it: was the output folder emptied?"
        )
    return reply.body


def _sent_by_socket(prompt: Mapping[str, Any], previews: list[Preview]) -> Iterator[Output]:
    counts: dict[str, int] = {}
    for preview in previews:
        node = prompt.get(preview.node or "")
        if isinstance(node, Mapping) and node.get("class_type") == WEBSOCKET_CLASS and preview.node:
            index = counts.get(preview.node, 0)
            counts[preview.node] = index + 1
            yield Output(
                node=preview.node,
                key="websocket",
                index=index,
                title=title_of(preview.node, node),
                class_type=WEBSOCKET_CLASS,
                type="output",
                filename="",
                media_type=str(preview.meta.get("image_type", "image/png")),
                data=preview.data,
            )
