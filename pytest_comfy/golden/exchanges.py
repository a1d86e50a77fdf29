"""What a server says of itself, recorded: answers that are no runs, such as those of `/object_info`."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..files import read_below, write_whole
from ..workflow.digest import run_digest
from .errors import GoldenError
from .run import dumps

FORMAT = 1
"""Version of exchanges.json."""

EXCHANGES_FILE = "exchanges.json"

Query = tuple[tuple[str, str], ...]
Asked = tuple[str, str, Query, str | None]


@dataclass(frozen=True)
class Exchange:
    """One request and its answer.

    path          percent-decoded, without `/api` in front
    query         sorted pairs
    body_sha256   of the request's body (hex), None where it had none
    headers       of the answer; at least Content-Type where it has a body
    content       the answer's body, as it was sent
    """

    method: str
    path: str
    query: Query
    body_sha256: str | None
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""

    @property
    def asked(self) -> Asked:
        """What was asked for: method, path, query, body."""
        return (self.method, self.path, self.query, self.body_sha256)

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Exchange:
        """Read one entry of exchanges.json; raises KeyError, TypeError or ValueError for a malformed one."""
        asked, told = entry["request"], entry["response"]
        if "json" in told:
            content = json.dumps(told["json"]).encode()
        elif "text" in told:
            content = str(told["text"]).encode()
        else:
            content = base64.b64decode(told.get("base64", ""), validate=True)
        return cls(
            method=str(asked["method"]),
            path=str(asked["path"]),
            query=tuple(sorted((str(name), str(value)) for name, value in asked.get("query", ()))),
            body_sha256=asked.get("body_sha256"),
            status=int(told["status"]),
            headers={str(name): str(value) for name, value in told.get("headers", {}).items()},
            content=content,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the entry for exchanges.json: the answer readable where it is JSON or text."""
        asked: dict[str, Any] = {"method": self.method, "path": self.path}
        if self.query:
            asked["query"] = [list(pair) for pair in self.query]
        if self.body_sha256 is not None:
            asked["body_sha256"] = self.body_sha256
        told: dict[str, Any] = {"status": self.status, "headers": dict(self.headers)}
        return {"request": asked, "response": {**told, **_readable(self.content, self.headers)}}


_WITHOUT_PARAMETERS = re.compile(
    r"/(?:object_info|models|embeddings|extensions|system_stats|features|experiment/models|workflow_templates|i18n"
    r"|global_subgraphs|node_replacements|internal/folder_paths)(?:/.*)?"
)
"""ComfyUI's own routes that look at no parameter."""

_OF_THE_ASKER = ("clientId", "client_id")


class Exchanges:
    """Recorded answers by what was asked; of answers to the same question the last one counts."""

    def __init__(self, exchanges: Iterable[Exchange] = ()) -> None:
        self._known: dict[Asked, Exchange] = {}
        for exchange in exchanges:
            self.add(exchange)

    def __len__(self) -> int:
        return len(self._known)

    def add(self, exchange: Exchange) -> None:
        """Keep an answer."""
        method, path, query, body_sha256 = exchange.asked
        self._known[(method, path, parameters(path, query), body_sha256)] = exchange

    def update(self, other: Exchanges) -> None:
        """Keep all answers of another collection."""
        self._known.update(other._known)

    def find(self, method: str, path: str, query: Iterable[tuple[str, str]] = (), body: bytes = b"") -> Exchange | None:
        """Return the answer to a request; `path` is percent-decoded, with or without `/api` in front."""
        bare = path[4:] if path.startswith("/api/") else path
        told = hashlib.sha256(body).hexdigest() if body else None
        return self._known.get((method, bare, parameters(bare, query), told))

    def refusal(self, prompt: Mapping[str, Any], targets: Any = None) -> Exchange | None:
        """Return the recorded refusal of a prompt, posted with these partial_execution_targets."""
        if not self._known:
            return None
        return self._known.get(("POST", "/prompt", (), refusal_key(prompt, targets)))

    @classmethod
    def load(cls, path: str | Path) -> Exchanges:
        """Read a file; raises GoldenError when it is missing, broken, or of another format."""
        try:
            document = json.loads(read_below(Path(path).parent, Path(path).name))
            if document["format"] != FORMAT:
                raise ValueError(f"format {document['format']!r}, this version reads {FORMAT}")
            return cls(Exchange.from_json(entry) for entry in document["exchanges"])
        except OSError as error:
            raise GoldenError(f"{path}: cannot be read ({error.strerror or error})") from error
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise GoldenError(f"{path}: malformed exchanges ({error}): record them again") from error

    def save(self, path: str | Path) -> None:
        """Write a file whole: to a temporary one, then moved into place; raises GoldenError."""
        target = Path(path)
        entries = [self._known[asked].to_json() for asked in sorted(self._known, key=repr)]
        text = dumps({"format": FORMAT, "exchanges": entries})
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_whole(target, text.encode("utf-8"))
        except OSError as error:
            raise GoldenError(f"{target}: cannot be written ({error.strerror or error})") from error


def parameters(path: str, query: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return the parameters that the answer depends on, sorted; `path` is percent-decoded, without `/api` in front.

    Clients add their id to whatever they ask, and what keeps browsers from their cache: ComfyUI's own routes look at
    neither. Of a node pack's routes only the id is known to be none of the question.
    """
    if _WITHOUT_PARAMETERS.fullmatch(path):
        return ()
    told = sorted(query)
    if path.startswith("/view_metadata/"):
        return tuple(pair for pair in told if pair[0] == "filename")
    return tuple(pair for pair in told if pair[0] not in _OF_THE_ASKER)


def refusal_key(prompt: Mapping[str, Any], targets: Any = None) -> str:
    """Return what takes the place of `body_sha256` for a refused prompt: what it means, and its nodes' ids.

    The ids, as the refusal names nodes by them.
    """
    return hashlib.sha256(json.dumps([run_digest(prompt, targets), sorted(prompt)]).encode()).hexdigest()


def _readable(content: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    kind = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    with contextlib.suppress(ValueError, RecursionError):
        if "json" in kind:
            return {"json": json.loads(content)}
        if kind.startswith("text/"):
            return {"text": content.decode()}
    return {"base64": base64.b64encode(content).decode()} if content else {}
