"""A ComfyUI of our own that does what each test scripts, also what no well-kept server would."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from pytest_comfy.client import ComfyClient, finish

from .driven import Driven, InBackground

PNG = b"\x89PNG\r\n\x1a\n-not-decoded-by-the-client"
_PATIENCE = 20.0
"""Seconds after which an event that a script waits for counts as missing."""

PROMPT: dict[str, Any] = {
    "3": {
        "class_type": "KSampler",
        "inputs": {"seed": 1, "steps": 4, "model": ["4", 0]},
        "_meta": {"title": "Sampler"},
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "tiny.safetensors"}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "x"}},
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse | None]]


@dataclass
class Request:
    """One request as it arrived; `body` is its JSON, or its text."""

    method: str
    path: str
    body: Any = None


@dataclass
class Posted:
    """A prompt that was posted, and what the script makes of it."""

    comfy: Comfy
    body: dict[str, Any]
    id: str
    nth: int = 1
    messages: list[list[Any]] = field(default_factory=list)

    @property
    def prompt(self) -> dict[str, Any]:
        return self.body["prompt"]

    async def say(self, kind: str, **data: Any) -> None:
        """Send a message about this prompt."""
        told = {**data, "prompt_id": self.id}
        if kind.startswith("execution_"):
            self.messages.append([kind, told])
        await self.comfy.send(kind, told)

    async def begin(self, node: str = "3", cached: tuple[str, ...] = ()) -> None:
        await self.say("execution_start", timestamp=1)
        await self.say("execution_cached", nodes=list(cached), timestamp=2)
        await self.say("executing", node=node, display_node=node)

    def finish(self, outputs: dict[str, Any] | None = None, status: str = "success") -> None:
        """Move the prompt from the queue to history."""
        if outputs is None:
            outputs = {"9": {"images": [self.comfy.file("x_00001_.png", PNG)]}}
        self.comfy.running = [item for item in self.comfy.running if item[1] != self.id]
        self.comfy.pending = [item for item in self.comfy.pending if item[1] != self.id]
        self.comfy.history[self.id] = {
            "prompt": [1, self.id, self.prompt, {}, ["9"]],
            "outputs": outputs,
            "status": {
                "status_str": status,
                "completed": status == "success",
                "messages": self.messages,
            },
            "meta": {"9": {"node_id": "9"}},
        }

    async def succeed(self, outputs: dict[str, Any] | None = None) -> None:
        await self.say("execution_success", timestamp=3)
        self.finish(outputs)
        await self.say("executing", node=None)


Story = Callable[[Posted], Coroutine[Any, Any, None]]


async def good(run: Posted) -> None:
    await run.begin()
    await run.say("executed", node="9", output={"images": []})
    await run.succeed()


class Comfy:
    """The server. `story` tells what happens to a posted prompt, `answers` replaces whole routes."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.log: list[tuple[str, str]] = []
        self.story: Story = good
        self.before_reply = False
        self.accepts_sockets = True
        self.running: list[list[Any]] = []
        self.pending: list[list[Any]] = []
        self.history: dict[str, Any] = {}
        self.files: dict[str, bytes] = {}
        self.definitions: dict[str, Any] = {}
        self.node_errors: dict[str, Any] = {}
        self.answers: dict[tuple[str, str], Handler] = {}
        self.failures: list[BaseException] = []
        self.sockets: list[web.WebSocketResponse] = []
        self.posted: list[Posted] = []
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="scripted-comfy", daemon=True)
        self._stopped = False

    # What tests call

    def start(self) -> None:
        self._thread.start()
        self.url = self.call(self._start())

    def call(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in the server's thread and wait for its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE)

    def stop(self) -> None:
        self.call(self.die())
        self.call(self._end_stories())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE)
        self._loop.close()

    def answer(self, method: str, path: str, status: int = 200, **content: Any) -> None:
        """Answer a route with what web.Response takes, or with `json`."""

        async def handler(request: web.Request) -> web.StreamResponse:
            if "json" in content:
                return web.json_response(content["json"], status=status)
            return web.Response(status=status, **content)

        self.answers[method, path] = handler

    def file(self, name: str, data: bytes, kind: str = "output") -> dict[str, str]:
        """Keep a file for /view and return how history names it."""
        self.files[name] = data
        return {"filename": name, "subfolder": "", "type": kind}

    def asked(self, method: str, path: str) -> list[Any]:
        """The bodies of the requests of a route."""
        return [one.body for one in self.requests if (one.method, one.path) == (method, path)]

    # What scripts call

    async def send(self, kind: str, data: dict[str, Any]) -> None:
        await self.send_text(json.dumps({"type": kind, "data": data}))

    async def send_text(self, text: str) -> None:
        for socket in list(self.sockets):
            await socket.send_str(text)

    async def send_bytes(self, data: bytes) -> None:
        for socket in list(self.sockets):
            await socket.send_bytes(data)

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait until something is so; looked at whenever a request or a socket comes or goes."""
        if not happened():
            future: asyncio.Future[None] = self._loop.create_future()
            self._waiting.append((happened, future))
            await asyncio.wait_for(future, _PATIENCE)

    async def until_asked(self, method: str, path: str, times: int = 1) -> None:
        await self.until(lambda: len(self.asked(method, path)) >= times)

    async def drop_sockets(self) -> None:
        for socket in list(self.sockets):
            await socket.close()

    async def die(self) -> None:
        if not self._stopped:
            self._stopped = True
            await self._runner.cleanup()

    async def until_no_connection(self) -> None:
        async def none_left() -> None:
            while self._runner.server is not None and self._runner.server.connections:
                await asyncio.sleep(0.005)

        await asyncio.wait_for(none_left(), _PATIENCE)

    # The routes

    async def _start(self) -> str:
        app = web.Application(client_max_size=1 << 26)
        app.router.add_route("*", "/{path:.*}", self._route)
        self._runner = web.AppRunner(app, shutdown_timeout=0.05, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def _end_stories(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _changed(self) -> None:
        for happened, future in list(self._waiting):
            if happened() and not future.done():
                future.set_result(None)
        self._waiting = [pair for pair in self._waiting if not pair[1].done()]

    async def _route(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/ws":
            return await self._socket(request)
        body: Any = None
        if request.content_type.startswith("multipart/"):
            body = {}
            async for part in await request.multipart():
                body[part.name] = (part.filename, bytes(await part.read()))
        elif request.method == "POST":
            text = await request.text()
            body = json.loads(text) if text else None
        self.requests.append(Request(request.method, request.path, body))
        self._changed()
        given = self.answers.get((request.method, request.path))
        if given is not None:
            response = await given(request)
            if response is not None:
                return response
        return await self._default(request, body)

    async def _default(self, request: web.Request, body: Any) -> web.StreamResponse:
        method, path = request.method, request.path
        if (method, path) == ("POST", "/prompt"):
            return await self._prompt(body)
        if method == "GET" and path == "/queue":
            return web.json_response({"queue_running": self.running, "queue_pending": self.pending})
        if path.startswith("/history/"):
            prompt_id = path.removeprefix("/history/")
            return web.json_response({prompt_id: self.history[prompt_id]} if prompt_id in self.history else {})
        if path.startswith("/object_info/"):
            name = path.removeprefix("/object_info/")
            return web.json_response({name: self.definitions[name]} if name in self.definitions else {})
        if path == "/view":
            data = self.files.get(request.query["filename"])
            return web.Response(status=404) if data is None else web.Response(body=data)
        if path in ("/queue", "/interrupt", "/free"):
            return web.Response()
        return web.Response(status=404)

    async def _prompt(self, body: dict[str, Any]) -> web.StreamResponse:
        run = Posted(self, body, body["prompt_id"], len(self.posted) + 1)
        self.posted.append(run)
        self.running.append([run.nth, run.id, run.prompt, {}, ["9"]])
        if self.before_reply:
            await self._told(run)
        else:
            task = self._loop.create_task(self._told(run))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return web.json_response({"prompt_id": run.id, "number": run.nth, "node_errors": self.node_errors})

    async def _told(self, run: Posted) -> None:
        try:
            await self.story(run)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self.failures.append(error)

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        client_id = request.query["clientId"]
        if not self.accepts_sockets:
            self.log.append(("refused", client_id))
            self._changed()
            return web.Response(status=503)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.log.append(("open", client_id))
        self.sockets.append(socket)
        await socket.send_json({"type": "status", "data": {"status": {}, "sid": client_id}})
        self._changed()
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self.log.append(("said", message.data))
                    self._changed()
        finally:
            with contextlib.suppress(ValueError):
                self.sockets.remove(socket)
            self.log.append(("close", client_id))
            self._changed()
        return socket


@pytest.fixture
def comfy() -> Iterator[Comfy]:
    server = Comfy()
    server.start()
    yield server
    server.stop()
    assert server.failures == [], "the script itself failed"


@pytest.fixture(params=[ComfyClient, Driven, InBackground], ids=["waiting", "awaited", "background"])
def client(request: pytest.FixtureRequest, comfy: Comfy) -> Iterator[Any]:
    """All clients, as what is not input and output is the same for them."""
    with request.param(comfy.url, timeout=30, stall_timeout=20) as one:
        yield one


@pytest.fixture
def waiting_client(comfy: Comfy) -> Iterator[ComfyClient]:
    with ComfyClient(comfy.url, timeout=30, stall_timeout=20) as one:
        yield one


def http_of(client: Any) -> Any:
    """What asks over HTTP for a client of whichever kind; its `timeout` is that of a request."""
    return client.http if isinstance(client, ComfyClient) else client.client._aio


@pytest.fixture
def prompt() -> dict[str, Any]:
    return json.loads(json.dumps(PROMPT))


@pytest.fixture
def png() -> bytes:
    return PNG


@pytest.fixture
def quick_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    """Queue and history are asked after little silence."""
    monkeypatch.setattr(finish, "_POLL", 0.05)
