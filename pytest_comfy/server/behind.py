"""The real server behind the fake one: runs what is not recorded, through a recorder of its own."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import aiohttp

from ..access import Verify
from ..golden import PROMPT_ID, GoldenError, GoldenRun
from ..golden.exchanges import Exchange
from ..golden.inputs import bare_name, texts_of
from ..secrecy import heard
from .execution.engine import Engine
from .execution.job import Arriving
from .execution.posting import Reply, Unanswered, accept, note
from .files import file_key
from .recording import RecordingProxy
from .recording.answers import MOST, is_asked_for, is_kept, make_exchange
from .recording.offers import offers
from .recording.upstream import FAILURES, Unreachable, Upstream, said
from .recordings.library import Library
from .recordings.likeness import with_values
from .recordings.script import Script, make_script
from .web.life import World

_log = logging.getLogger(__name__)


class Front(World, Protocol):
    """The fake server that stands before."""

    engine: Engine
    library: Library


@dataclass(frozen=True)
class Way:
    """Where the real server is and how it is reached, and where its runs are recorded."""

    url: str
    into: Path
    headers: Mapping[str, str] | None = None
    verify: Verify = True


class Behind:
    """Asks the real server for what the fake one cannot answer; raises ValueError for an address that is none."""

    def __init__(self, front: Front, way: Way) -> None:
        self._front = front
        self._upstream = Upstream(way.url, way.headers, way.verify)
        # Without the password that the address may hold.
        self._url = self._upstream.url
        self._proxy = RecordingProxy(
            way.url,
            way.into,
            headers=way.headers,
            verify=way.verify,
            on_over=self._over,
            on_problem=lambda text: _log.warning("%s", text),
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._arrivals: dict[str, asyncio.Future[Path | None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Start the recorder and learn what the server offers, where no recording tells it."""
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._proxy.start)
        await self._upstream.open()
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None))
        known = self._front.library.exchanges
        async for exchange in offers(self._upstream):
            if known.find(exchange.method, exchange.path) is None:
                known.add(exchange)

    async def close(self) -> None:
        """Write the runs that are over, and end."""
        for task in list(self._tasks):
            task.cancel()
        await self._session.close()
        await self._upstream.close()
        await asyncio.to_thread(self._proxy.stop)

    async def ask(self, path: str, query: list[tuple[str, str]], target: str) -> Exchange | None:
        """Return the real answer to a GET that nothing recorded answers, None where there is none to keep."""
        if not is_asked_for("GET", path, query):
            return None
        try:
            status, body, kind = await self._upstream.get(target, MOST)
        except Unreachable:
            return None
        headers = {"Content-Type": kind, "Content-Length": str(len(body))} if kind else {}
        if status != 200 or not is_kept("GET", status, headers):
            return None
        return await asyncio.to_thread(make_exchange, "GET", path, query, None, status, headers, body, heard())

    async def answer(self, unanswered: Unanswered, body: Mapping[str, Any]) -> Reply:
        """Post a prompt to the real server; what it accepts is queued here, and run when its recording has come."""
        try:
            prompt = await self._with_uploads(body["prompt"])
            sent = {name: body[name] for name in ("extra_data", "partial_execution_targets") if name in body}
            async with self._session.post(f"{self._proxy.url}/prompt", json={**sent, "prompt": prompt}) as answer:
                status, reply = answer.status, await answer.json(content_type=None)
        except FAILURES as error:
            _log.warning("The real server at %s does not answer (%s)", self._url, said(error))
            note(self._front, body, unanswered)
            return unanswered.reply
        if status != 200 or not isinstance(reply, dict) or not isinstance(reply.get("prompt_id"), str):
            told = reply if isinstance(reply, dict) and isinstance(reply.get("error"), dict) else None
            note(self._front, body, unanswered, told)
            return unanswered.reply if told is None else (status, told)
        arriving = Arriving(asyncio.get_running_loop().create_future(), lambda: self._interrupt(reply["prompt_id"]))
        self._start(self._bring(reply["prompt_id"], body["prompt"], arriving))
        return accept(self._front, body, unanswered, arriving, reply.get("node_errors") or {})

    async def _bring(self, prompt_id: str, prompt: Mapping[str, Any], arriving: Arriving) -> None:
        """Wait for the recording of a run and make its script."""
        assert self._loop is not None
        folder = await self._arrivals.setdefault(prompt_id, self._loop.create_future())
        del self._arrivals[prompt_id]
        arriving.script.set_result(self._script(folder, prompt))

    def _script(self, folder: Path | None, prompt: Mapping[str, Any]) -> Script:
        ids = {node_id: node_id for node_id in prompt}
        if folder is None:
            return make_script(_failed(prompt, f"The run on {self._url} could not be recorded.\n"), prompt, ids, [])
        try:
            golden = GoldenRun.load(folder)
        except GoldenError as error:
            return make_script(_failed(prompt, f"{error}\n"), prompt, ids, [])
        if any(event.get("type") == "execution_interrupted" for _, event in golden.events):
            # Nobody wants a run to be interrupted that nobody interrupts.
            script = make_script(golden, prompt, ids)
            shutil.rmtree(folder, ignore_errors=True)
            return script
        self._front.library.add(folder, asked=True)
        return make_script(golden, prompt, ids)

    async def _with_uploads(self, prompt: Mapping[str, Any]) -> Mapping[str, Any]:
        """Upload the files that a prompt names and that were uploaded here; return it with their names there."""
        names: dict[str, str] = {}
        for name in {bare_name(text) for text in texts_of(prompt)}:
            folder, _, filename = name.rpartition("/")
            key = file_key("input", folder, filename) if filename else None
            stored = self._front.engine.files.get(key) if key is not None else None
            if stored is None:
                continue
            form = aiohttp.FormData({"subfolder": folder, "type": "input"})
            form.add_field("image", stored.load(), filename=filename)
            async with self._session.post(f"{self._proxy.url}/upload/image", data=form) as answer:
                told = await answer.json(content_type=None) if answer.status == 200 else {}
            if isinstance(told, dict) and isinstance(told.get("name"), str):
                names[name] = f"{folder}/{told['name']}" if folder else told["name"]

        def renamed(value: Any) -> Any:
            return names.get(bare_name(value), value) if isinstance(value, str) else value

        return with_values(prompt, renamed)

    def _interrupt(self, prompt_id: str) -> None:
        self._start(self._post("/interrupt", {"prompt_id": prompt_id}))

    async def _post(self, path: str, body: Mapping[str, Any]) -> None:
        try:
            async with self._session.post(self._proxy.url + path, json=body):
                pass
        except FAILURES as error:
            _log.warning("The real server at %s does not answer (%s)", self._url, said(error))

    def _start(self, doing: Any) -> None:
        task = asyncio.ensure_future(doing)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _over(self, prompt_id: str, folder: Path | None) -> None:
        """Called on the recorder's thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._arrived, prompt_id, folder)

    def _arrived(self, prompt_id: str, folder: Path | None) -> None:
        assert self._loop is not None
        arrival = self._arrivals.setdefault(prompt_id, self._loop.create_future())
        if not arrival.done():
            arrival.set_result(folder)


def _failed(prompt: Mapping[str, Any], text: str) -> GoldenRun:
    """Return a run that ends in an error of ours."""
    node_id = next(iter(prompt), None)
    error: dict[str, Any] = {
        "prompt_id": PROMPT_ID,
        "node_id": node_id,
        "node_type": (prompt.get(node_id) or {}).get("class_type") if node_id is not None else None,
        "executed": [],
        "exception_message": text,
        "exception_type": "RuntimeError",
        "traceback": [],
        "current_inputs": {},
        "current_outputs": [],
        "timestamp": 0,
    }
    status = {"status_str": "error", "completed": False, "messages": []}
    events = [[0.0, {"type": "execution_error", "data": error}]]
    return GoldenRun({"prompt": prompt, "events": events, "status": status})
