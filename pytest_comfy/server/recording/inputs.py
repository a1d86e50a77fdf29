"""What is in the input files that prompts name: its hash, so that a replay knows uploads whatever they are called."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from ...golden.inputs import bare_name, texts_of
from ...workflow.definitions import upload_inputs
from ...workflow.digest import class_of, inputs_of
from .answers import MOST
from .upstream import Unreachable, Upstream

_REMEMBERED = 10_000


class Inputs:
    """Input files by the names that the server gave them."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._hashes: dict[str, str] = {}
        self._going: set[asyncio.Future[None]] = set()

    @contextlib.asynccontextmanager
    async def uploading(self) -> AsyncIterator[Callable[[int, bytes], None]]:
        """Around an upload; gives what is to be called with status and body of the answer."""
        names: list[str] = []
        over = asyncio.get_running_loop().create_future()
        self._going.add(over)
        try:
            yield lambda status, body: names.extend(_name_in(body) if status == 200 else ())
            for name in names:
                self._hashes.pop(name, None)
                sha256 = await self._look(name)
                if sha256 is not None:
                    self._keep(name, sha256)
        finally:
            self._going.discard(over)
            over.set_result(None)

    async def settled(self) -> None:
        """Wait until what was uploaded before is known."""
        if self._going:
            await asyncio.wait(list(self._going))

    def known(self, prompt: Mapping[str, Any]) -> dict[str, str]:
        """Return name -> SHA-256 (hex) of the files that a prompt names, as they are now."""
        names = {bare_name(text) for text in texts_of(prompt)}
        return {name: self._hashes[name] for name in names if name in self._hashes}

    async def all_of(
        self, prompt: Mapping[str, Any], definitions: Mapping[str, Any], known: Mapping[str, str]
    ) -> dict[str, str]:
        """Return name -> SHA-256 (hex) of all input files of a prompt; those that are not `known` are asked for."""
        found = dict(known)
        for node in prompt.values():
            for key in upload_inputs(definitions.get(class_of(node)) or {}):
                value = inputs_of(node).get(key)
                name = bare_name(value) if isinstance(value, str) else ""
                if name and name not in found and (sha256 := await self._look(name)) is not None:
                    found[name] = sha256
        return found

    async def _look(self, name: str) -> str | None:
        folder, _, filename = name.rpartition("/")
        query = urlencode({"filename": filename, "subfolder": folder, "type": "input"})
        try:
            status, body, _ = await self._upstream.get(f"/view?{query}", MOST)
        except Unreachable:
            return None
        return hashlib.sha256(body).hexdigest() if status == 200 else None

    def _keep(self, name: str, sha256: str) -> None:
        self._hashes[name] = sha256
        if len(self._hashes) > _REMEMBERED:
            del self._hashes[next(iter(self._hashes))]


def _name_in(body: bytes) -> list[str]:
    """Return the name of an uploaded input file from the answer, none where it is no such file's."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return []
    if not isinstance(told, dict) or told.get("type") != "input" or not isinstance(told.get("name"), str):
        return []
    folder = told.get("subfolder")
    return [f"{folder}/{told['name']}" if isinstance(folder, str) and folder else told["name"]]
