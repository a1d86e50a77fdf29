"""Servers for the recording proxy to stand before: one that keeps the very bytes, and one of aiohttp handlers."""

from __future__ import annotations

import queue
import socketserver
import threading

from aiohttp import web

from pytest_comfy.server.recording import RecordingProxy
from pytest_comfy.server.threaded import ThreadedServer


class RawUpstream(socketserver.ThreadingTCPServer):
    """Keeps each request as it came, answers each with the same bytes and closes."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, reply):
        super().__init__(("127.0.0.1", 0), None)
        self.reply = reply
        self.requests = queue.Queue()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def finish_request(self, request, client_address):
        received = b""
        while b"\r\n\r\n" not in received:
            received += request.recv(65536) or b"\r\n\r\n"
        head, _, body = received.partition(b"\r\n\r\n")
        lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        while lengths and len(body) < int(lengths[0]) and (more := request.recv(65536)):
            body += more
        self.requests.put((head, body))
        request.sendall(self.reply)

    def __enter__(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *error):
        self.shutdown()
        self.server_close()


class AppUpstream(ThreadedServer):
    """Answers every request with one handler."""

    def __init__(self, handler):
        super().__init__("127.0.0.1", 0, "the upstream of a test")
        self.handler = handler

    async def open(self):
        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("*", "/{path:.*}", self.handler)
        return app


class Recording:
    """A proxy, what it wrote and what it complained of, to be waited for."""

    def __init__(self, upstream, into, **more):
        self.runs = queue.Queue()
        self.complaints = queue.Queue()
        self.into = into
        self.proxy = RecordingProxy(
            upstream, into, on_recorded=self.runs.put, on_problem=self.complaints.put, **more
        )  # fmt: skip

    @property
    def url(self):
        return self.proxy.url

    def next_run(self):
        return self.runs.get(timeout=20)

    def __enter__(self):
        self.proxy.start()
        return self

    def __exit__(self, *error):
        self.proxy.stop()
