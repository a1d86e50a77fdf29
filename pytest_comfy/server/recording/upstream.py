"""The real server behind the proxy: its address, and what the proxy asks of it on its own account."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from ...access import Verify, access_to, basic
from ...memory import DEFAULT_MAX_MEMORY, SHARE, in_words, json_cost

_CONNECT_SECONDS = 10.0
_OWN_SECONDS = 60.0
_LINE = 1 << 16
"""Bytes of a header that are passed through; what is longer than its own limit the server itself refuses."""

_NOT_ADDED = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")

FAILURES = (aiohttp.ClientError, OSError, TimeoutError, ValueError)
"""What asking a server may raise."""


class Unreachable(Exception):
    """The server cannot be asked, or gives no usable answer; one sentence for the user."""


class Upstream:
    """One ComfyUI server, and how it is reached: headers of the way to it are sent where the client sends none alike.

    Raises ValueError for an address that is none.
    """

    def __init__(self, url: str, headers: Mapping[str, str] | None = None, verify: Verify = True) -> None:
        self.access = access_to(url, headers, None, verify)
        parts = urlsplit(self.access.url)
        self.url, self.scheme, self.netloc, self.prefix = self.access.url, parts.scheme, parts.netloc, parts.path
        self._host = str(parts.hostname)
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._proxy = self.access.proxy()
        self._ssl = self.access.ssl_context() if self.access.is_secure else None
        self._kept: aiohttp.ClientSession | None = None
        self._once: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Get ready to ask, on the running loop."""
        self._kept, self._once = _session(self._ssl, force_close=False), _session(self._ssl, force_close=True)

    async def close(self) -> None:
        """Close all connections."""
        for session in (self._kept, self._once):
            if session is not None:
                await session.close()

    def request(
        self, method: str, target: str, headers: Mapping[str, str], body: AsyncIterator[bytes] | None = None
    ) -> Any:
        """Send a request as it is; an async context manager that gives the answer, its body as it came."""
        # A kept connection may be closed by the server just now. What cannot be sent twice gets one of its own.
        session = self._kept if body is None and method in ("GET", "HEAD", "OPTIONS") else self._once
        assert session is not None
        return session.request(
            method,
            URL(f"{self.scheme}://{self.netloc}{self.prefix}{target}", encoded=True),
            headers=self.signed(headers),
            data=body,
            allow_redirects=False,
            skip_auto_headers=_NOT_ADDED,
            proxy=self._proxy,
        )

    def signed(self, headers: Mapping[str, str]) -> CIMultiDict[str]:
        """Return headers with those that the way to the server wants, where there are none of their names yet."""
        sent = CIMultiDict(headers)
        for name, value in self.access.headers.items():
            sent.setdefault(name, value)
        return sent

    async def socket(self, client_id: str) -> aiohttp.ClientWebSocketResponse:
        """Open a socket of our own; raises one of FAILURES."""
        assert self._kept is not None
        address = f"{self.scheme}://{self.netloc}{self.prefix}/ws?{urlencode({'clientId': client_id})}"
        async with asyncio.timeout(_CONNECT_SECONDS):
            return await self._kept.ws_connect(
                URL(address, encoded=True), headers=self.signed({}), max_msg_size=0, autoclose=True, proxy=self._proxy
            )

    async def connection(self, limit: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the server, through the proxy if one leads there; raises one of FAILURES."""
        if self._proxy is None:
            return await asyncio.open_connection(self._host, self._port, ssl=self._ssl, limit=limit)
        proxy = urlsplit(self._proxy)
        reader, writer = await asyncio.open_connection(proxy.hostname, proxy.port or 80, limit=limit)
        try:
            login = ""
            if proxy.username is not None:
                coded = basic(unquote(proxy.username), unquote(proxy.password or ""))
                login = f"Proxy-Authorization: {coded}\r\n"
            where = f"{f'[{self._host}]' if ':' in self._host else self._host}:{self._port}"
            writer.write(f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n{login}\r\n".encode("ascii"))
            answer = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1:2]
            if answer != [b"200"]:
                raise OSError(f"the proxy on the way answers {b''.join(answer).decode('ascii', 'replace')}")
            if self._ssl is not None:
                await writer.start_tls(self._ssl, server_hostname=self._host)
        except BaseException:
            writer.close()
            raise
        return reader, writer

    async def json(self, path: str) -> Any:
        """GET a path and return its JSON; raises Unreachable."""
        status, body, _ = await self.get(path, 256 << 20)
        if status != 200:
            raise Unreachable(f"{self.url}{path} answers {status}")
        if json_cost(body) > DEFAULT_MAX_MEMORY // SHARE:
            raise Unreachable(f"{self.url}{path} answers JSON that takes up to {in_words(json_cost(body))} of memory")
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise Unreachable(f"{self.url}{path} answers with broken JSON ({error})") from error

    async def object(self, path: str) -> dict[str, Any]:
        """GET a path and return the JSON object it answers, an empty one for any other JSON; raises Unreachable."""
        found = await self.json(path)
        return found if isinstance(found, dict) else {}

    async def entry(self, prompt_id: str) -> dict[str, Any] | None:
        """Return a run's history entry, None while there is none; raises Unreachable."""
        found = (await self.object(f"/history/{quote(prompt_id, safe='')}")).get(prompt_id)
        return found if isinstance(found, dict) else None

    async def is_queued(self, prompt_id: str) -> bool:
        """Return whether a prompt waits or runs; raises Unreachable."""
        queue = await self.object("/queue")
        items = [*(queue.get("queue_running") or []), *(queue.get("queue_pending") or [])]
        return any(isinstance(item, list) and len(item) > 1 and item[1] == prompt_id for item in items)

    async def get(self, path: str, most: int) -> tuple[int, bytes, str]:
        """GET a path: status, body, Content-Type; raises Unreachable, also for more than `most` bytes."""
        assert self._kept is not None
        try:
            async with asyncio.timeout(_OWN_SECONDS), self.request("GET", path, {"Host": self.netloc}) as answer:
                parts: list[bytes] = []
                size = 0
                async for part in answer.content.iter_any():
                    size += len(part)
                    if size > most:
                        raise Unreachable(f"{self.url}{path} gives more than {most >> 20} MiB")
                    parts.append(part)
                return answer.status, b"".join(parts), answer.headers.get("Content-Type", "")
        except FAILURES as error:
            raise Unreachable(f"{self.url} does not answer ({said(error)})") from error


def said(error: BaseException) -> str:
    """Return an error in words, also where it has none of its own."""
    return str(error) or type(error).__name__


def _session(checked: ssl.SSLContext | None, force_close: bool) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, force_close=force_close, ssl=checked or True),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
        auto_decompress=False,
        max_line_size=_LINE,
        max_field_size=_LINE,
    )
