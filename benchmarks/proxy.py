"""What the recording proxy adds to a request and to a WebSocket frame, beside going direct, in one run.

Client, proxy and a bare aiohttp upstream are three processes; direct and proxied turns alternate.
"""

from __future__ import annotations

import http.client
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection

import websocket
from aiohttp import web
from results import Options, Result

from pytest_comfy.server.recording import RecordingProxy

SMALL = b'{"exec_info": {"queue_remaining": 0}}'
PICTURE = bytes(range(256)) * 4096
PROGRESS = '{"type": "progress", "data": {"value": 1, "max": 20, "prompt_id": "p", "node": "3"}}'
PREVIEW = b"\0\0\0\1\0\0\0\1" + bytes(range(256)) * 128


def measure(options: Options) -> list[Result]:
    """Return medians (ms) direct and through the proxy, and the ratio."""
    found = []
    for name, direct, proxied in measured(options.counts([200], [1000])[0]):
        found += [Result(name, direct, "ms", peer="direct"), Result(name, proxied, "ms")]
        found.append(Result(f"{name} / direct", proxied / direct, ""))
    return found


def main() -> None:
    """Print medians (ms) direct and through the proxy, what is added, and the ratio."""
    print(f"{'':34} {'direct ms':>10} {'proxy ms':>10} {'added ms':>10} {'ratio':>6}")
    for name, direct, proxied in measured(int(sys.argv[1]) if len(sys.argv) > 1 else 1000):
        print(f"{name:34} {direct:10.3f} {proxied:10.3f} {proxied - direct:10.3f} {proxied / direct:6.2f}")


def measured(turns: int) -> Iterator[tuple[str, float, float]]:
    """Yield what is done, and the medians (ms) direct and through the proxy."""
    with tempfile.TemporaryDirectory() as folder:
        upstream, stop_upstream = started(serve_upstream)
        proxy, stop_proxy = started(serve_proxy, upstream, folder)
        try:
            for name, make in MEASURED.items():
                yield (name, *compare(make(upstream), make(proxy), turns))
        finally:
            stop_proxy()
            stop_upstream()


def compare(direct: Callable[[], None], proxied: Callable[[], None], turns: int) -> tuple[float, float]:
    """Return the median of both in ms."""
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(turns + 50):
        for kept, act in zip(times, (direct, proxied), strict=True):
            begin = time.perf_counter()
            act()
            if turn >= 50:
                kept.append(time.perf_counter() - begin)
    return statistics.median(times[0]) * 1000, statistics.median(times[1]) * 1000


def request(method: str, path: str, body: bytes | None = None) -> Callable[[str], Callable[[], None]]:
    """Return what makes requests on one kept connection."""

    def make(url: str) -> Callable[[], None]:
        connection = http.client.HTTPConnection(url[7:], timeout=30)

        def act() -> None:
            connection.request(method, path, body)
            connection.getresponse().read()

        return act

    return make


def frame(payload: str | bytes) -> Callable[[str], Callable[[], None]]:
    """Return what sends a message and awaits its echo: two frames through the proxy, counted as one turn."""

    def make(url: str) -> Callable[[], None]:
        socket = websocket.create_connection(f"ws{url[4:]}/ws?clientId=bench", timeout=30)
        opcode = websocket.ABNF.OPCODE_TEXT if isinstance(payload, str) else websocket.ABNF.OPCODE_BINARY

        def act() -> None:
            socket.send(payload, opcode)
            socket.recv()

        return act

    return make


MEASURED = {
    "GET /queue": request("GET", "/queue"),
    "GET /features (recorded)": request("GET", "/features"),
    "GET /view, 1 MiB": request("GET", "/view?filename=x.png"),
    "POST /interrupt": request("POST", "/interrupt", b"{}"),
    "POST /upload/image, 1 MiB": request("POST", "/upload/image", PICTURE),
    "text frame, there and back": frame(PROGRESS),
    "preview frame of 32 KiB, and back": frame(PREVIEW),
}


async def answer(request: web.Request) -> web.StreamResponse:
    """Answer as fast as aiohttp can."""
    if request.path == "/ws":
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        async for message in socket:
            await (socket.send_str if isinstance(message.data, str) else socket.send_bytes)(message.data)
        return socket
    if request.path == "/view":
        return web.Response(body=PICTURE, content_type="image/png")
    await request.read()
    return web.Response(body=SMALL, content_type="application/json")


def serve_upstream(pipe: Connection) -> None:
    """Serve until the pipe says so."""
    from pytest_comfy.server.threaded import ThreadedServer

    class Bare(ThreadedServer):
        async def open(self) -> web.Application:
            app = web.Application(client_max_size=1 << 30)
            app.router.add_route("*", "/{path:.*}", answer)
            return app

    with Bare("127.0.0.1", 0, "the upstream") as server:
        pipe.send(server.url)
        pipe.recv()


def serve_proxy(pipe: Connection, upstream: str, folder: str) -> None:
    """Serve until the pipe says so."""
    with RecordingProxy(upstream, folder) as proxy:
        pipe.send(proxy.url)
        pipe.recv()


def started(target: Callable[..., None], *arguments: str) -> tuple[str, Callable[[], None]]:
    """Run a server in a process of its own; return its URL and what ends it."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=target, args=(theirs, *arguments), daemon=True)
    process.start()

    def stop() -> None:
        ours.send(None)
        process.join(10)

    return ours.recv(), stop


if __name__ == "__main__":
    main()
