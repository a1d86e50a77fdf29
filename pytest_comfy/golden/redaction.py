"""Redaction: what must not enter a golden run is taken out on the way in."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from ..text import find_secrets, without_secrets
from ..workflow.model import is_link
from ..workflow.secrets import REDACTED, is_secret, masked

_ABSOLUTE = re.compile(
    r"(?<![\w/.~-])(?:(?:file://)?/(?:[\w.+@ -]+/)+"
    r"|[A-Za-z]:[\\/](?:[\w.+@ -]+[\\/])+"
    r"|\\\\[\w.$-]+\\(?:[\w.+@ -]+\\)+)"
)
_HOME = re.compile(r"(?<![\w./])~[\w-]*/")
_SHORTEST_SECRET = 6
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_TEXT = {b"tEXt", b"zTXt", b"iTXt", b"eXIf"}


def redact(value: Any) -> Any:
    """Return a JSON value without secrets (by their key) and without folders of absolute paths."""
    if isinstance(value, Mapping):
        return {
            key: REDACTED if isinstance(key, str) and is_secret(key) and item else redact(item)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [redact(item) for item in value]
    if isinstance(value, str):
        return without_folders(without_secrets(value))
    return value


def without_folders(text: str) -> str:
    """Replace the folders of absolute paths in a text: /opt/ComfyUI/nodes.py becomes …/nodes.py."""
    return _HOME.sub("…/", _ABSOLUTE.sub("…/", text))


def redact_prompt(prompt: Mapping[str, Any]) -> dict[str, Any]:
    """Return a prompt without the values of secret inputs; links and paths stay, as they are its meaning."""
    return {node_id: _redact_node(node) for node_id, node in prompt.items()}


def secrets_in(prompt: Mapping[str, Any], extra_data: Mapping[str, Any] | None = None) -> set[str]:
    """Return the secret texts of a prompt and its extra data, by the names of their keys."""
    return {text for text in _secrets({"prompt": prompt, "extra": extra_data or {}}) if text != REDACTED}


def scrub(data: bytes, secrets: set[str]) -> bytes | None:
    """Return an output without the secrets that ComfyUI wrote into its metadata.

    A PNG loses its text chunks, its pixels stay as they are. None when the secret cannot be taken out
    without touching the content: the file must not be kept then.
    """
    if not secrets or not _holds(data, secrets):
        return data
    if data.startswith(_PNG):
        bare = _PNG + b"".join(chunk for kind, chunk in _png_chunks(data) if kind not in _PNG_TEXT)
        if not _holds(bare, secrets):
            return bare
    return None


def _redact_node(node: Any) -> Any:
    if not isinstance(node, Mapping) or not isinstance(node.get("inputs"), Mapping):
        return node
    inputs = {
        name: REDACTED if is_secret(name) and value and not is_link(value) else masked(value)
        for name, value in node["inputs"].items()
    }
    return {**node, "inputs": inputs}


def _secrets(value: Any, named: bool = False) -> Iterator[str]:
    """Yield secret texts: what stands under a secret name, and what looks like a secret anywhere."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _secrets(item, named or is_secret(str(key)))
    elif isinstance(value, list):
        for item in value:
            yield from _secrets(item, named)
    elif named and isinstance(value, (str, int, float)):
        if len(str(value)) >= _SHORTEST_SECRET:
            yield str(value)
    elif isinstance(value, str):
        yield from find_secrets(value)


def _holds(data: bytes, secrets: set[str]) -> bool:
    # Compressed text chunks cannot be searched; ComfyUI writes none, and they go with the others.
    return any(form in data for secret in secrets for form in _forms(secret)) or b"zTXt" in data


def _forms(secret: str) -> set[bytes]:
    """Return a secret as it is, and as JSON escapes it, which is how ComfyUI writes prompts into metadata."""
    texts = (secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    return {text.encode("utf-8", "surrogatepass") for text in texts}


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_PNG)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        yield data[at + 4 : at + 8], data[at : at + 12 + length]
        at += 12 + length
