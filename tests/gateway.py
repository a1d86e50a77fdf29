"""A gateway in front of a server, as people have them: a prefix, a login, TLS, and answers of its own."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from pathlib import Path

from aiohttp import ClientSession, WSMsgType, web

TLS = Path(__file__).parent / "data/tls"
CA = TLS / "ca.pem"
_NOT_PASSED = {"host", "connection", "content-length", "transfer-encoding", "upgrade", "authorization"}


class Gateway:
    """Passes on what has the wanted headers, below a prefix; answers everything else itself.

    wanted    header -> value that every request must have
    answers   answered instead, first to last: status, or (status, headers)
    seen      (path, headers) of all requests, whatever became of them
    """

    def __init__(self, upstream, prefix="", wanted=None, tls=False, answers=()):
        self.upstream, self.prefix, self.wanted, self.tls = upstream, prefix, wanted or {}, tls
        self.answers = list(answers)
        self.seen = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.host = self._call(self._start())

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://{self.host}{self.prefix}"

    def with_login(self, login):
        """The address with a name and password in it."""
        return self.url.replace("://", f"://{login}@")

    def stop(self):
        self._call(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()

    def _call(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _start(self):
        app = web.Application(client_max_size=1 << 26)
        app.router.add_route("*", "/{path:.*}", self._pass)
        self._runner = web.AppRunner(app, shutdown_timeout=0.05, access_log=None)
        await self._runner.setup()
        context = None
        if self.tls:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(TLS / "server.pem", TLS / "server.key")
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context).start()
        return f"localhost:{self._runner.addresses[0][1]}"

    async def _pass(self, request):
        self.seen.append((request.path, dict(request.headers)))
        if self.answers:
            answer = self.answers.pop(0)
            status, headers = answer if isinstance(answer, tuple) else (answer, {})
            return web.Response(status=status, headers=headers, text="the gateway's own page")
        if not request.path.startswith(self.prefix + "/"):
            return web.Response(status=404)
        if any(request.headers.get(name) != value for name, value in self.wanted.items()):
            return web.Response(status=401, headers={"WWW-Authenticate": "Basic"})
        target = self.upstream + request.raw_path[len(self.prefix) :]
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _NOT_PASSED}
        async with ClientSession(auto_decompress=False) as session:
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self._socket(request, session, target)
            body = await request.read()
            async with session.request(request.method, target, headers=headers, data=body or None) as answer:
                kept = {name: value for name, value in answer.headers.items() if name.lower() not in _NOT_PASSED}
                return web.Response(status=answer.status, headers=kept, body=await answer.read())

    async def _socket(self, request, session, target):
        outer = web.WebSocketResponse()
        await outer.prepare(request)
        async with session.ws_connect(target, max_msg_size=0) as inner:
            await asyncio.wait(
                [asyncio.ensure_future(_pump(outer, inner)), asyncio.ensure_future(_pump(inner, outer))],
                return_when=asyncio.FIRST_COMPLETED,
            )
        with contextlib.suppress(ConnectionError):
            await outer.close()
        return outer


async def _pump(source, sink):
    async for message in source:
        if message.type is WSMsgType.TEXT:
            await sink.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await sink.send_bytes(message.data)
