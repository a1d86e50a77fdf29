"""200 clients at once, each with a socket, 20 prompts each: the fake server beside a bare aiohttp application.

The bare application has the same routes and sends what ComfyUI sends, a prompt's messages to its client and three
times a status to everyone, but at once: no queue, no state, no cache, no validation. What is left is the cost of HTTP
and WebSocket themselves. Both are asked by the same clients, in a process of their own, in turn.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import statistics
import sys
import time
import uuid
from multiprocessing.connection import Connection
from typing import Any

import aiohttp
from aiohttp import web
from results import Options, Result

from pytest_comfy.golden import GoldenRun
from pytest_comfy.server import FakeComfyServer
from pytest_comfy.server.synthesis import synthesize
from pytest_comfy.workflow.digest import NONCE_INPUT

CLIENTS, PROMPTS = 200, 20
ROUNDS = 3

IMAGE = {"required": {"image": ["IMAGE", {}]}}
DEFINITIONS: dict[str, Any] = {
    "EmptyImage": {"input": {"required": {"width": ["INT", {}], "height": ["INT", {}], "color": ["INT", {}]}},
                   "output": ["IMAGE"], "output_node": False},
    "ImageInvert": {"input": IMAGE, "output": ["IMAGE"], "output_node": False},
    "SaveImage": {"input": {"required": {"images": ["IMAGE", {}], "filename_prefix": ["STRING", {}]}},
                  "output": [], "output_node": True},
}  # fmt: skip


def prompt_of(number: int) -> dict[str, Any]:
    """Return the `number`-th prompt; no two of them share a node but for their meaning."""
    return {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "color": number}},
        "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": f"p{number}"}},
    }


def recordings() -> list[GoldenRun]:
    """Return a golden run of every prompt."""
    return [synthesize(prompt_of(number), DEFINITIONS, ["3"]) for number in range(PROMPTS)]


def serve_fake(pipe: Connection) -> None:
    """Run the fake server until told to stop."""
    with FakeComfyServer(recordings()) as server:
        pipe.send(server.url)
        pipe.recv()


def serve_bare(pipe: Connection) -> None:
    """Run the bare application until told to stop."""
    asyncio.run(_serve_bare(pipe))


async def _serve_bare(pipe: Connection) -> None:
    runs = recordings()
    messages = [[json.dumps(event) for _, event in run.events] for run in runs]
    pictures = [next(iter(run.blobs.values())) for run in runs]
    sockets: dict[str, web.WebSocketResponse] = {}
    answers: dict[str, str] = {}
    status = json.dumps({"type": "status", "data": {"status": {"exec_info": {"queue_remaining": 1}}}})

    async def ws(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        sockets[request.query["clientId"]] = socket
        await socket.send_str(json.dumps({"type": "status", "data": {}}))
        async for _ in socket:
            pass
        del sockets[request.query["clientId"]]
        return socket

    async def post(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        number = body["prompt"]["1"]["inputs"]["color"]
        prompt_id = body["prompt_id"]
        socket = sockets[body["client_id"]]
        for _ in range(3):
            for one in list(sockets.values()):
                await one.send_str(status)
        for text in messages[number]:
            await socket.send_str(text.replace("<prompt_id>", prompt_id))
        entry = {"prompt": [0, prompt_id, body["prompt"], {}, ["3"]], "outputs": runs[number].document["ui"]}
        answers[prompt_id] = json.dumps({prompt_id: entry})
        return web.json_response({"prompt_id": prompt_id, "number": 0, "node_errors": {}})

    async def history(request: web.Request) -> web.StreamResponse:
        return web.Response(text=answers[request.match_info["id"]], content_type="application/json")

    async def view(request: web.Request) -> web.StreamResponse:
        number = int(request.query["filename"][1:].partition("_")[0])
        return web.Response(body=pictures[number], content_type="image/png")

    app = web.Application()
    app.add_routes([web.get("/ws", ws), web.post("/prompt", post), web.get("/history/{id}", history)])
    app.add_routes([web.get("/view", view)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    pipe.send(f"http://127.0.0.1:{runner.addresses[0][1]}")
    await asyncio.get_running_loop().run_in_executor(None, pipe.recv)
    await runner.cleanup()


class Tally:
    """What the clients saw; `waits` are the seconds from a post to the end of its run."""

    def __init__(self) -> None:
        self.requests = self.events = self.wrong = 0
        self.waits: list[float] = []


async def client(url: str, name: str, session: aiohttp.ClientSession, tally: Tally, expected: list[str]) -> None:
    """Post all prompts one after another; check every message and answer."""
    async with session.ws_connect(f"{url}/ws?clientId={name}", max_msg_size=0) as socket:
        await socket.receive()
        for number in range(PROMPTS):
            prompt_id = str(uuid.uuid4())  # newer servers take no other
            began = time.perf_counter()
            prompt = prompt_of(number)
            # Keeps the cache out: every run is sent whole, as the bare application sends it.
            prompt["1"]["inputs"][NONCE_INPUT] = prompt_id
            body = {"prompt": prompt, "client_id": name, "prompt_id": prompt_id}
            posted = asyncio.ensure_future(ask(session, tally, "post", f"{url}/prompt", json=body))
            kinds = []
            while True:
                message = json.loads((await socket.receive(timeout=60)).data)
                kind, data = message["type"], message["data"]
                if kind == "status":
                    continue
                tally.events += 1
                tally.wrong += data["prompt_id"] != prompt_id
                kinds.append(kind)
                if kind == "executing" and data["node"] is None:
                    break
            tally.waits.append(time.perf_counter() - began)
            await posted
            tally.wrong += kinds != expected
            entry = json.loads(await ask(session, tally, "get", f"{url}/history/{prompt_id}"))[prompt_id]
            image = entry["outputs"]["3"]["images"][0]
            picture = await ask(session, tally, "get", f"{url}/view", params=image)
            tally.wrong += not picture.startswith(b"\x89PNG") or not image["filename"].startswith(f"p{number}_")


async def ask(session: aiohttp.ClientSession, tally: Tally, method: str, url: str, **more: Any) -> bytes:
    """Send a request that has to be answered with 200."""
    async with session.request(method, url, **more) as answer:
        tally.requests += 1
        body = await answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{url} answered {answer.status}: {body[:200]!r}")
        return body


async def drive(url: str, count: int) -> tuple[float, Tally]:
    """Run so many clients at once; return the seconds and what they saw."""
    kinds = [event["type"] for _, event in recordings()[0].events if "type" in event]
    tally = Tally()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        began = time.perf_counter()
        clients = (client(url, f"client{number}", session, tally, kinds) for number in range(count))
        await asyncio.gather(*clients)
        return time.perf_counter() - began, tally


def driven(serve: Any, count: int = CLIENTS) -> tuple[float, Tally]:
    """Start a server in a process of its own, drive it, stop it."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(there,))
    process.start()
    try:
        return asyncio.run(drive(here.recv(), count))
    finally:
        here.send(None)
        process.join()


def measure(options: Options) -> list[Result]:
    """Return requests per second of both, and the ratio; raises if anything was lost or came to another client."""
    rates: dict[str, list[float]] = {"": [], "bare aiohttp": []}
    for _ in range(options.turns(ROUNDS)):
        for peer, serve in (("bare aiohttp", serve_bare), ("", serve_fake)):
            seconds, tally = driven(serve, options.counts([50], [CLIENTS])[0])
            if tally.wrong:
                raise RuntimeError(f"{tally.wrong} messages or answers were lost, or came to another client")
            rates[peer].append(tally.requests / seconds)
    found = [Result("requests", statistics.median(taken), "1/s", peer=peer) for peer, taken in rates.items()]
    ratio = statistics.median(ours / bare for ours, bare in zip(*rates.values(), strict=True))
    return [*found, Result("requests / bare aiohttp", ratio, "")]


def main() -> None:
    """Print requests per second, latency and ratio."""
    rates: dict[str, list[float]] = {"fake": [], "bare": []}
    waits: dict[str, list[float]] = {"fake": [], "bare": []}
    wrong = 0
    print(f"{CLIENTS} clients, {PROMPTS} prompts each, {ROUNDS} rounds")
    for _ in range(ROUNDS):
        for name, serve in (("bare", serve_bare), ("fake", serve_fake)):
            seconds, tally = driven(serve)
            rates[name].append(tally.requests / seconds)
            waits[name].append(statistics.median(tally.waits) * 1000)
            wrong += tally.wrong
            print(f"{name}: {tally.requests} requests and {tally.events} events in {seconds:.1f} s, "
                  f"{tally.requests / seconds:.0f} requests/s, median wait {waits[name][-1]:.0f} ms, "
                  f"wrong {tally.wrong}")  # fmt: skip
    ratio = statistics.median(rates["fake"]) / statistics.median(rates["bare"])
    print(f"ratio of requests/s, fake to bare: {ratio:.2f}; lost, reordered or misdirected: {wrong}")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
