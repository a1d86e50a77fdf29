"""What a run left on the server: its history entry, its outputs, and what the server says of itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from ...golden.environment import MODEL_HASHES, describe_system, model_facts, models_named, node_packs
from ...memory import OutOfMemory
from ...workflow.named import Named, Place, named_outputs
from ...workflow.results import Output, history_messages, sent_outputs
from .tape import ANYONE, NOBODY, TapedRun
from .upstream import Unreachable, Upstream

MOST_OUTPUT = 256 << 20
"""Bytes of one output file; a larger one is left out of the recording."""

_LOOKS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2)
"""Seconds between looks at a history entry that lags behind the end that was told; the last one repeats."""

_LAG = 30.0
_POLL_HEARD = 3.0
_POLL_UNHEARD = (0.05, 0.1, 0.2, 0.4, 0.8, 1.0)
_GONE = 5.0
"""Seconds without an answer after which a server counts as dead."""


class Lost(Exception):
    """The run cannot be recorded; one sentence for the user."""


class Ending:
    """Waits for the end of one run. `news` is set when its sockets told something that may be it.

    known  tells whether a history entry is that of an earlier run of the same id
    """

    def __init__(
        self, upstream: Upstream, run: TapedRun, known: Callable[[Mapping[str, Any]], bool], stopping: asyncio.Event
    ) -> None:
        self.news = asyncio.Event()
        self._upstream = upstream
        self._run = run
        self._known = known
        self._stopping = stopping
        self._gone: float | None = None

    async def entry(self) -> Mapping[str, Any]:
        """Return the history entry; raises Lost where there is none to come."""
        run = self._run
        polls = iter(() if run.posted.source not in (ANYONE, NOBODY) else _POLL_UNHEARD)
        pause, missed = _POLL_HEARD, 0
        while True:
            pause = next(polls, pause)
            await self._wait(pause)
            # Told now: what is told while we ask says nothing about answers that were on their way.
            told = run.heard or run.terminal
            try:
                found = await (self._soon() if told else self._entry())
                if found is not None:
                    return found
                queued = await self._upstream.is_queued(run.prompt_id)
                # It may have moved from the queue to history between the two questions.
                found = await self._entry()
                self._gone = None
            except Unreachable as error:
                self._give_up(error)
                continue
            if found is not None:
                return found
            missed = 0 if queued else missed + 1
            if told or missed > 1:
                raise Lost("it is neither in the queue nor in the history: it was deleted, or the server restarted")
            if self._stopping.is_set() and not (run.heard or run.terminal):
                raise Lost("it had not ended when the recording was stopped")

    async def _wait(self, seconds: float) -> None:
        if self._run.heard or self._run.terminal or self._stopping.is_set():
            if self._gone is not None:
                await asyncio.sleep(0.25)
            return
        try:
            async with asyncio.timeout(seconds if self._gone is None else 0.25):
                await self.news.wait()
        except TimeoutError:
            pass
        self.news.clear()

    async def _soon(self) -> Mapping[str, Any] | None:
        """Return the entry of a run whose end was told; it may lag behind."""
        until = time.monotonic() + _LAG
        looks = iter(_LOOKS)
        pause = 0.0
        while time.monotonic() < until:
            pause = next(looks, pause)
            await asyncio.sleep(pause)
            found = await self._entry()
            if found is not None:
                await self._last_message()
                return found
        return None

    async def _last_message(self) -> None:
        """Wait for `executing` without a node, which follows the entry at once."""
        until = time.monotonic() + 1.0
        while not self._run.heard and (left := until - time.monotonic()) > 0:
            self.news.clear()
            try:
                async with asyncio.timeout(left):
                    await self.news.wait()
            except TimeoutError:
                return

    async def _entry(self) -> Mapping[str, Any] | None:
        found = await self._upstream.entry(self._run.prompt_id)
        self._gone = None
        if found is None or self._known(found):
            return None
        number = found["prompt"][0] if isinstance(found.get("prompt"), list) and found["prompt"] else None
        return found if self._run.number in (None, number) or number is None else None

    def _give_up(self, error: Unreachable) -> None:
        now = time.monotonic()
        self._gone = now if self._gone is None else self._gone
        if now - self._gone >= _GONE or self._stopping.is_set():
            raise Lost(f"the server died in the middle of it: {error}") from error


def started_at(entry: Mapping[str, Any]) -> Any:
    """Return the timestamp (ms) with which a history entry's run began, None where it does not tell."""
    told = (data for _, data in history_messages(entry.get("status")) if isinstance(data, Mapping))
    return next(told, {}).get("timestamp")


async def collect(upstream: Upstream, run: TapedRun, problem: Callable[[str], None]) -> AsyncIterator[Output]:
    """Yield the outputs of a run in order of the prompt's nodes; tells what the server does not give."""
    for named in named_outputs(run.prompt, run.ui):
        try:
            data, place = await _found(upstream, named)
        except Unreachable as error:
            problem(f"output {named.name} is not kept: {error}")
            continue
        try:
            run.budget.hold(len(data or b""), "it")
        except OutOfMemory as error:
            problem(f"output {named.name} is not kept: {error}")
            continue
        yield named.output(data, place)
    for sent in sent_outputs(run.prompt, run.previews):
        yield sent


async def _found(upstream: Upstream, named: Named) -> tuple[bytes | None, Place | None]:
    """Return the file of an output and where it lies; nothing where it is none. Raises Unreachable."""
    status = None
    for place in named.places:
        status, data, _ = await upstream.get(f"/view?{urlencode(place.query, errors='surrogatepass')}", MOST_OUTPUT)
        if status == 200:
            return data, place
    if named.is_file:
        raise Unreachable(f"the server answers {status} when asked for it")
    return None, None


class Facts:
    """What the server says of itself, asked once: node definitions, environment, models."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._definitions: dict[str, Any] = {}
        self._system: dict[str, Any] | None = None
        self._models: dict[str, dict[str, Any]] | None = None

    async def definitions(self, prompt: Mapping[str, Any]) -> dict[str, Any]:
        """Return class -> node definition for the classes of a prompt, as far as the server tells."""
        classes = sorted({str(node.get("class_type")) for node in prompt.values() if isinstance(node, Mapping)})
        for name in classes:
            if name not in self._definitions:
                try:
                    found = (await self._upstream.object(f"/object_info/{quote(name, safe='')}")).get(name)
                except Unreachable:
                    continue
                self._definitions[name] = found if isinstance(found, dict) else None
        return {name: found for name in classes if (found := self._definitions.get(name)) is not None}

    async def environment(self, prompt: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
        """Return the environment of a run, as far as the server tells."""
        if self._system is None:
            try:
                self._system = await self._upstream.object("/system_stats")
            except Unreachable:
                return {}
        names = models_named(prompt)
        if names and self._models is None:
            self._models = await self._all_models()
        models = {name: await self._with_metadata(name, (self._models or {}).get(name, {})) for name in names}
        return {**describe_system(self._system), "models": models, "node_packs": node_packs(definitions)}

    async def _with_metadata(self, name: str, facts: dict[str, Any]) -> dict[str, Any]:
        if "folder" not in facts or MODEL_HASHES[0] in facts:
            return facts
        query = urlencode({"filename": name}, errors="surrogatepass")
        try:
            metadata = await self._upstream.object(f"/view_metadata/{quote(facts['folder'], safe='')}?{query}")
        except Unreachable:
            return facts
        return {**facts, **model_facts(facts["folder"], {}, metadata)}

    async def _all_models(self) -> dict[str, dict[str, Any]]:
        """Return model file -> what `/experiment/models` tells of it, see `environment.model_facts`."""
        found: dict[str, dict[str, Any]] = {}
        try:
            folders = await self._upstream.json("/models")
            for folder in folders if isinstance(folders, list) else ():
                entries = await self._upstream.json(f"/experiment/models/{quote(str(folder), safe='')}")
                for entry in entries if isinstance(entries, list) else ():
                    if isinstance(entry, Mapping) and isinstance(entry.get("name"), str):
                        found.setdefault(entry["name"], model_facts(str(folder), entry))
        except Unreachable:
            pass
        return found
