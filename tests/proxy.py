"""An HTTP proxy for tests: it forwards requests and tunnels, and notes what it was asked for."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from urllib.parse import urlsplit


class Proxy:
    """Listens on loopback; every host that it is asked for is on loopback as well.

    login  "Basic ..." that it wants, None for nothing
    seen   (method, target) of what it was asked for
    """

    def __init__(self, login=None):
        self.login = login
        self.seen = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.netloc = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def stop(self):
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()

    def _call(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _close(self):
        self._server.close()
        serving = asyncio.all_tasks() - {asyncio.current_task()}
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        await asyncio.sleep(0)  # what was closed says so to its transport in the loop's next turn

    async def _serve(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            line, *headers = head.rstrip("\r\n").split("\r\n")
            method, target, _ = line.split(" ")
            self.seen.append((method, target))
            if self.login and f"Proxy-Authorization: {self.login}" not in headers:
                writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            elif method == "CONNECT":
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
                await self._tunnel(int(target.rpartition(":")[2]), b"", reader, writer)
            else:
                parts = urlsplit(target)
                path = parts.path + (f"?{parts.query}" if parts.query else "")
                kept = [one for one in headers if not one.lower().startswith(("proxy-", "connection:"))]
                first = "\r\n".join([f"{method} {path} HTTP/1.1", "Connection: close", *kept, "", ""])
                await self._tunnel(parts.port, first.encode("latin-1"), reader, writer)
        writer.close()

    async def _tunnel(self, port, first, reader, writer):
        inner, outer = await asyncio.open_connection("127.0.0.1", port)
        outer.write(first)
        pumps = [asyncio.ensure_future(_pump(*pair)) for pair in ((reader, outer), (inner, writer))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in pumps:
                one.cancel()
            outer.close()


async def _pump(source, sink):
    with contextlib.suppress(OSError):
        while data := await source.read(1 << 16):
            sink.write(data)
            await sink.drain()
