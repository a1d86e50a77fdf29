"""Which worker of pytest-xdist this process is, and which servers are its own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from .servers import Server


def worker_of(environ: Mapping[str, str]) -> tuple[int, int]:
    """Return which worker the process is, from 0, and how many there are; (0, 1) without pytest-xdist."""
    digits = re.sub(r"\D", "", environ.get("PYTEST_XDIST_WORKER") or "") or "0"
    return int(digits), max(int(environ.get("PYTEST_XDIST_WORKER_COUNT") or "1"), int(digits) + 1)


def shared(servers: Sequence[Server], environ: Mapping[str, str]) -> list[Server]:
    """Return the servers that the process is to use first: each worker has its own, or shares one."""
    worker, workers = worker_of(environ)
    if workers >= len(servers):
        return [servers[worker % len(servers)]] if servers else []
    return [server for number, server in enumerate(servers) if number % workers == worker]


def for_worker(servers: Sequence[Server], environ: Mapping[str, str]) -> Server | None:
    """Return the first of those, None where there is no server."""
    return next(iter(shared(servers, environ)), None)
