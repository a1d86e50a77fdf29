"""The bare exchange of a prompt: what HTTP and WebSocket themselves cost, with nothing asked of either end.

A bare aiohttp application in a thread, and requests and websocket-client that ask it: `POST /prompt`, the prompt's
messages over a socket that stays open, `GET /history`, `GET /view` of a picture. Messages and answers are those that
the fake server gave to the same questions.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import websocket
from aiohttp import web

from pytest_comfy.golden import GoldenRun
from pytest_comfy.server import FakeComfyServer

_ID = "00000000-0000-0000-0000-000000000000"
_CLIENT = "bare"


@dataclass(frozen=True)
class Said:
    """What the fake server answers to one prompt: the messages after it was posted, and the bodies of the answers."""

    messages: list[str]
    posted: str
    history: str


def main() -> None:
    """Print seconds per exchange of the golden runs below a folder: `python benchmarks/bare.py GOLDEN`."""
    folders = sorted(path.parent for path in Path(sys.argv[1]).rglob("run.json"))
    runs = [(json.loads((folder / "run.json").read_text())["prompt"], folder) for folder in folders]
    said = heard(GoldenRun.load(folders[0]))
    pictures = iter([folder / "2.images.0.png" for folder in folders])
    with application(said, pictures) as url, requests.Session() as session:
        socket = websocket.create_connection(f"{url.replace('http', 'ws')}/ws?clientId={_CLIENT}")
        begun = time.perf_counter()
        for prompt, _ in runs:
            exchange(session, socket, url, prompt)
        print((time.perf_counter() - begun) / len(runs))
        socket.close()


def exchange(session: requests.Session, socket: websocket.WebSocket, url: str, prompt: dict[str, Any]) -> bytes:
    """Have a prompt run and return its picture."""
    prompt_id = str(uuid.uuid4())
    body = {"prompt": prompt, "client_id": _CLIENT, "prompt_id": prompt_id}
    session.post(f"{url}/prompt", json=body).raise_for_status()
    while True:
        message = json.loads(socket.recv())
        if message["type"] == "executing" and message["data"]["node"] is None:
            break
    entry = session.get(f"{url}/history/{prompt_id}").json()[prompt_id]
    item = next(iter(entry["outputs"].values()))["images"][0]
    return session.get(f"{url}/view", params=item).content


def heard(golden: GoldenRun) -> Said:
    """Return what the fake server says to the prompt of a golden run."""
    with FakeComfyServer([golden]) as server:
        socket = websocket.create_connection(f"{server.url.replace('http', 'ws')}/ws?clientId={_CLIENT}")
        socket.recv()  # the greeting
        body = {"prompt": golden.prompt, "client_id": _CLIENT, "prompt_id": _ID}
        posted = requests.post(f"{server.url}/prompt", json=body).text
        messages = [socket.recv()]
        while '"executing", "data": {"node": null' not in messages[-1]:
            messages.append(socket.recv())
        history = requests.get(f"{server.url}/history/{_ID}").text
        socket.close()
    return Said(messages, posted, history)


@contextmanager
def application(said: Said, pictures: Iterator[Path]) -> Iterator[str]:
    """Run the bare application in a thread, and yield its URL."""
    loop = asyncio.new_event_loop()
    started: list[str] = []
    ready, over = threading.Event(), asyncio.Event()

    async def serve() -> None:
        runner = web.AppRunner(_routes(said, pictures), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        started.append(f"http://127.0.0.1:{runner.addresses[0][1]}")
        ready.set()
        await over.wait()
        await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    ready.wait()
    yield started[0]
    loop.call_soon_threadsafe(over.set)
    thread.join()


def _routes(said: Said, pictures: Iterator[Path]) -> web.Application:
    sockets: list[web.WebSocketResponse] = []

    async def ws(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        sockets.append(socket)
        async for _ in socket:
            pass
        return socket

    async def post(request: web.Request) -> web.StreamResponse:
        prompt_id = (await request.json())["prompt_id"]
        for message in said.messages:
            await sockets[0].send_str(message.replace(_ID, prompt_id))
        return web.Response(text=said.posted.replace(_ID, prompt_id), content_type="application/json")

    async def history(request: web.Request) -> web.StreamResponse:
        text = said.history.replace(_ID, request.match_info["prompt_id"])
        return web.Response(text=text, content_type="application/json")

    async def view(request: web.Request) -> web.StreamResponse:
        return web.Response(body=next(pictures).read_bytes(), content_type="image/png")

    app = web.Application()
    app.router.add_get("/ws", ws)
    app.router.add_post("/prompt", post)
    app.router.add_get("/history/{prompt_id}", history)
    app.router.add_get("/view", view)
    return app


if __name__ == "__main__":
    main()
