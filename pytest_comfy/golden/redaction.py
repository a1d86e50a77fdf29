"""Redaction: what must not enter a golden run is taken out on the way in."""

from __future__ import annotations

import re
import struct
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ..secrecy import REDACTED, forms_of, without_secrets
from ..workflow.secrets import Known, is_number, is_secret, masked, redact_prompt

_ABSOLUTE = re.compile(
    r"(?<![\w/.~-])(?:(?:file://)?/(?:[\w.+@ -]+/)+"
    r"|[A-Za-z]:[\\/](?:[\w.+@ -]+[\\/])+"
    r"|\\\\[\w.$-]+\\(?:[\w.+@ -]+\\)+)"
)
_HOME = re.compile(r"(?<![\w./])~[\w-]*/")
_SHORTEST_IN_DATA = 4
"""Bytes; what is shorter stands in every picture by chance."""
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_TEXT = {b"tEXt", b"zTXt", b"iTXt", b"eXIf"}


def redact(value: Any, known: Known = None, ids: Collection[str] = ()) -> Any:
    """Return a JSON value without secrets and without folders of absolute paths.

    known  finds values of secrets to be taken out, whatever they stand under
    ids    of nodes: texts that are one stay, whatever a pattern says, as messages are nothing without them
    """
    if isinstance(value, Mapping):
        return {
            key: REDACTED if isinstance(key, str) and is_secret(key) and item else redact(item, known, ids)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [redact(item, known, ids) for item in value]
    if isinstance(value, str):
        return value if value in ids else without_folders(without_secrets(value, known))
    return REDACTED if known is not None and is_number(value) and known.fullmatch(str(value)) else value


def redact_environment(environment: Mapping[str, Any], known: Known = None) -> dict[str, Any]:
    """Return an environment as `redact` does, the names of model files as well."""
    kept = {key: redact(value, known) for key, value in environment.items()}
    models = kept.get("models")
    if isinstance(models, Mapping):
        kept["models"] = {without_secrets(str(name), known): facts for name, facts in models.items()}
    return kept


def is_redacted(document: Mapping[str, Any]) -> bool:
    """Whether nothing is to be taken out of a run.json, by what is known today."""
    prompt, environment = document["prompt"], document.get("environment", {})
    told = {key: document.get(key) for key in ("events", "status", "meta", "ui")}
    described = [document.get("conversion"), document.get("outputs")]
    definitions = document.get("node_definitions")
    return bool(
        redact_prompt(prompt) == prompt
        and redact_environment(environment) == environment
        and redact(told, None, prompt) == told
        and masked(described) == described
        and masked(definitions, by_name=False) == definitions
    )


def without_folders(text: str) -> str:
    """Replace the folders of absolute paths in a text: /opt/ComfyUI/nodes.py becomes …/nodes.py."""
    return _HOME.sub("…/", _ABSOLUTE.sub("…/", text))


def scrub(data: bytes, secrets: set[str]) -> bytes | None:
    """Return an output without the secrets that ComfyUI wrote into its metadata.

    A PNG loses its text chunks, its pixels stay as they are. None when the secret cannot be taken out
    without touching the content: the file must not be kept then.
    """
    forms = {_bytes(form) for secret in secrets for form in forms_of(secret)}
    if forms and data.startswith(_PNG):
        chunks = list(_png_chunks(data))
        texts = b"".join(chunk for kind, chunk in chunks if kind in _PNG_TEXT)
        # Compressed text chunks cannot be searched; ComfyUI writes none, and they go with the others.
        if b"zTXt" in texts or any(form in texts for form in forms):
            data = _PNG + b"".join(chunk for kind, chunk in chunks if not _may_tell(kind, chunk, forms))
    return None if any(form in data for form in forms if len(form) >= _SHORTEST_IN_DATA) else data


def _may_tell(kind: bytes, chunk: bytes, forms: set[bytes]) -> bool:
    """Whether a chunk of a PNG goes; EXIF data, by which the picture may be turned, only where it holds a secret."""
    return kind in _PNG_TEXT and (kind != b"eXIf" or any(form in chunk for form in forms))


def clean(data: bytes, secrets: set[str]) -> bytes | None:
    """Return an output to be looked at, not to be compared: as `scrub`, and a text loses the secrets alone."""
    scrubbed = scrub(data, secrets)
    if scrubbed is not None:
        return scrubbed
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    forms = sorted({form for secret in secrets for form in forms_of(secret)}, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, forms)), REDACTED, text).encode()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_PNG)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        yield data[at + 4 : at + 8], data[at : at + 12 + length]
        at += 12 + length
