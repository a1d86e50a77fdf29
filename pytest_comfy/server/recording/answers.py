"""Which answers are kept beside the runs, and how they are made fit to be kept."""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from ...golden.environment import describe_system
from ...golden.exchanges import Exchange
from ...golden.redaction import redact, without_folders
from ...memory import DEFAULT_MAX_MEMORY, SHARE, json_cost
from ...secrecy import REDACTED, heard, without_secrets
from ...workflow.secrets import Known, is_secret, masked

MOST = 64 << 20
"""Bytes of a body that is kept; larger ones pass through unrecorded."""

_RUN_STATE = re.compile(
    r"/(?:prompt|queue|history|view|ws|jobs|interrupt|free|upload|userdata|v2/userdata|settings|users|internal/logs)"
    r"(?:/|$)"
)
"""Routes whose answers change with the runs, or with the user: a later answer says nothing about the next one."""

_PAGE_FILE = re.compile(
    r"^/assets/|\.(?:html?|m?js|css|map|png|jpe?g|gif|webp|avif|svg|ico|woff2?|ttf|otf|wasm|mp3|mp4|webm)$",
    re.IGNORECASE,
)
_PAGE_FLAGS = ("--disable-api-nodes", "--offline", "--enable-manager", "--enable-manager-legacy-ui")
"""Flags that ComfyUI's web page looks for in argv: without one of the first two it asks the internet for news."""

_NOT_KEPT_TEXT = ("text/html", "text/css", "text/javascript", "text/event-stream")
_NOT_KEPT_STATUS = {206, 304, 401, 403, 408, 416, 425, 429}
"""Answers to how or when it was asked, not to what."""

_KEPT_HEADERS = ("Content-Type", "Content-Disposition", "Allow", "Location", "Cache-Control")


def bare_path(path: str) -> str:
    """Return a path without `/api` in front: every route of ComfyUI is there twice."""
    return path[4:] if path.startswith("/api/") else path


def is_asked_for(method: str, path: str, query: Iterable[tuple[str, str]]) -> bool:
    """Tell whether the answer to a request may be kept at all; `path` is percent-decoded."""
    bare = bare_path(path)
    if method not in ("GET", "POST") or _RUN_STATE.match(bare) or _PAGE_FILE.search(bare):
        return False
    # What is asked for with a secret could only be found again with the secret kept.
    known = heard()
    told = [bare, *(text for pair in query for text in pair)]
    return not any(is_secret(name) and value for name, value in query) and not any(
        without_secrets(text, known) != text for text in told
    )


def is_kept(method: str, status: int, headers: Mapping[str, str]) -> bool:
    """Tell whether an answer is kept, by its status and kind; empty ones are, whatever they say they are."""
    if not 200 <= status < 500 or status in _NOT_KEPT_STATUS:
        return False
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if method == "POST":
        return "json" in kind
    if headers.get("Content-Length") == "0" or not kind:
        return True
    return "json" in kind or (kind.startswith("text/") and kind not in _NOT_KEPT_TEXT)


class Kept:
    """The body of an answer while it goes by; given up when it grows too large."""

    def __init__(self) -> None:
        self.too_large = False
        self._parts: list[bytes] = []
        self._size = 0

    def take(self, data: bytes) -> None:
        """Keep a piece of the body."""
        self._size += len(data)
        if self._size > MOST:
            self.too_large = True
            self._parts.clear()
        elif not self.too_large:
            self._parts.append(data)

    @property
    def body(self) -> bytes:
        """What was kept."""
        return b"".join(self._parts)


def decoded(body: bytes, encoding: str) -> bytes | None:
    """Return a body without its Content-Encoding, None where that is unknown, broken or too large."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "deflate"):
        return None
    for wbits in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):
        reader = zlib.decompressobj(wbits=wbits)
        try:
            whole = reader.decompress(body, MOST)
        except zlib.error:
            continue
        return whole if reader.eof else None
    return None


def make_exchange(
    method: str,
    path: str,
    query: Iterable[tuple[str, str]],
    body_sha256: str | None,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    known: Known = None,
) -> Exchange | None:
    """Return the exchange to keep, redacted; None for a body that is not what its type says, or far too large.

    known  finds secrets beside those that their names or looks tell
    """
    content = decoded(body, headers.get("Content-Encoding", ""))
    if content is None:
        return None
    bare = bare_path(path)
    kept = {name: headers[name] for name in _KEPT_HEADERS if name in headers}
    if "Location" in kept:
        kept["Location"] = without_folders(kept["Location"]) if "://" not in kept["Location"] else kept["Location"]
    kind = kept.get("Content-Type", "").lower()
    if content and "json" in kind:
        if json_cost(content) > DEFAULT_MAX_MEMORY // SHARE:
            return None
        try:
            content = json.dumps(redact_answer(bare, json.loads(content), known)).encode()
        except (ValueError, RecursionError):
            return None
    elif content:
        try:
            content = without_folders(without_secrets(content.decode(), known)).encode()
        except UnicodeDecodeError:
            return None
    return Exchange(method, bare, tuple(sorted(query)), body_sha256, status, kept, content)


def sha256(body: bytes) -> str | None:
    """Return the hash an exchange knows a request's body by, None for an empty one."""
    return hashlib.sha256(body).hexdigest() if body else None


def redact_answer(path: str, value: Any, known: Known = None) -> Any:
    """Return an answer's JSON without secrets and folders of the machine."""
    if (path == "/object_info" or path.startswith("/object_info/")) and isinstance(value, Mapping):
        bare = {name: redact_definition(found) for name, found in value.items()}
        return masked(bare, known, by_name=False)
    if path == "/system_stats" and isinstance(value, Mapping) and isinstance(value.get("system"), Mapping):
        # Command lines hold folders, hosts and keys: only flags that change pictures or the page are kept.
        argv = value["system"].get("argv")
        of_page = [flag for flag in (argv if isinstance(argv, list) else ()) if flag in _PAGE_FLAGS]
        system = {**value["system"], "argv": ["main.py", *describe_system(value)["argv"], *of_page]}
        return redact({**value, "system": system}, known)
    if path == "/extensions" and isinstance(value, list):
        # The page's scripts by their addresses, which only look like absolute paths.
        return [
            name if isinstance(name, str) and name.startswith("/extensions/") else redact(name, known) for name in value
        ]
    return redact(value, known)


def redact_definition(definition: Any) -> Any:
    """Return a node definition without secrets and folders in choices and defaults.

    Its texts stay, as do inputs whose names sound like secrets: what they are called is none.
    """
    groups = definition.get("input") if isinstance(definition, Mapping) else None
    if not isinstance(groups, Mapping):
        return definition
    inputs = {
        group: {name: _redact_input(name, spec) for name, spec in specs.items()}
        if isinstance(specs, Mapping)
        else specs
        for group, specs in groups.items()
    }
    return {**definition, "input": inputs}


def _redact_input(name: str, spec: Any) -> Any:
    if not isinstance(spec, list):
        return spec
    return [_redact_options(name, part) if isinstance(part, Mapping) else _redact_choices(part) for part in spec]


def _redact_options(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(options)
    if isinstance(found.get("default"), str):
        found["default"] = REDACTED if is_secret(name) and found["default"] else without_folders(found["default"])
    if "options" in found:
        found["options"] = _redact_choices(found["options"])
    return found


def _redact_choices(choices: Any) -> Any:
    if not isinstance(choices, list):
        return choices
    return [without_folders(choice) if isinstance(choice, str) else choice for choice in choices]
