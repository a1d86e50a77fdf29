"""GLB, the container of glTF: a JSON document and what it describes in one file."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

from ..lines import shorten
from ..memory import require_json
from ..result import UndecodableError


def read_document(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the JSON of a GLB or glTF and the binary part of the former. Raises UndecodableError."""
    chunk = b""
    text = data
    if data.startswith(b"glTF"):
        if len(data) < 20:
            raise UndecodableError("the model is truncated within its header")
        _, version, total, length, kind = struct.unpack_from("<4sIIII", data)
        if version != 2:
            raise UndecodableError(f"the model is glTF version {version}; only version 2 can be read")
        if total > len(data) or 20 + length > len(data):
            raise UndecodableError(f"the model is truncated: {len(data)} bytes of {total}")
        if kind != 0x4E4F534A:
            raise UndecodableError("the model is no GLB: it does not begin with JSON")
        text = data[20 : 20 + length]
        at = 20 + length
        if at + 8 <= len(data):
            (size,) = struct.unpack_from("<I", data, at)
            if at + 8 + size > len(data):
                raise UndecodableError("the model is truncated within its binary part")
            chunk = data[at + 8 : at + 8 + size]
    require_json(text, f"the model has {len(text)} bytes of JSON, and to parse them")
    try:
        document = json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise UndecodableError("the model's JSON is broken") from error
    if not isinstance(document, dict):
        raise UndecodableError("the model's JSON is no object")
    return document, chunk


def buffers_of(document: dict[str, Any], chunk: bytes) -> list[bytes]:
    """Return the buffers of a document, of which the first may be the binary part."""
    buffers = []
    for index, buffer in enumerate(document.get("buffers", ())):
        address = buffer.get("uri")
        buffers.append(chunk if address is None and index == 0 else embedded(address))
    return buffers


def embedded(address: Any) -> bytes:
    """Return the bytes that a data address holds; raises UndecodableError for every other address."""
    if not isinstance(address, str) or not address.startswith("data:"):
        raise UndecodableError(
            f'the model needs another file, "{shorten(str(address))}": only a model in one file can be judged'
        )
    return base64.b64decode(address.partition(",")[2])


def glb(document: dict[str, Any], body: bytes) -> bytes:
    """Write a GLB."""
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    body += b"\0" * (-len(body) % 4)
    total = 12 + 8 + len(text) + 8 + len(body)
    head = struct.pack("<4sIIII", b"glTF", 2, total, len(text), 0x4E4F534A)
    return head + text + struct.pack("<II", len(body), 0x004E4942) + body
