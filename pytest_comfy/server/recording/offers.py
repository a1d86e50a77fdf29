"""What the server offers, asked for beside what clients ask: classes with their choices, models, features."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from urllib.parse import quote

from ...golden.exchanges import Exchange
from ...secrecy import heard
from .answers import MOST, make_exchange
from .upstream import Unreachable, Upstream

_PATHS = ("/features", "/models", "/embeddings", "/extensions", "/system_stats", "/object_info")


async def offers(upstream: Upstream) -> AsyncIterator[Exchange]:
    """Yield the answers of the routes by which a server tells what it has; those that it lacks are left out."""
    for path in _PATHS:
        found = await _answer(upstream, path)
        if found is not None:
            yield found
        if path == "/models" and found is not None:
            for folder in _texts(found.content):
                one = await _answer(upstream, f"/models/{folder}")
                if one is not None:
                    yield one


async def _answer(upstream: Upstream, path: str) -> Exchange | None:
    with contextlib.suppress(Unreachable):
        status, body, kind = await upstream.get(quote(path), MOST)
        if status == 200 and "json" in kind:
            headers = {"Content-Type": kind}
            return await asyncio.to_thread(make_exchange, "GET", path, (), None, status, headers, body, heard())
    return None


def _texts(content: bytes) -> list[str]:
    found = json.loads(content)
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []
