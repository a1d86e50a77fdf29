"""Work on several outputs, or parts of one, at the same time, on as many processors as there are.

It pays where numpy, Pillow or libav do the work, which let other threads run meanwhile, and where it is much.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from contextvars import ContextVar, copy_context
from functools import cache
from typing import TypeVar

from .memory import Share, sharing

WORTH_BYTES = 2**16
"""Bytes of outputs, all together, from which on each is worth a thread."""
WORTH_PIXELS = 2**19
"""Pixels of a picture from which on its parts are worth a thread each."""

Item = TypeVar("Item")
Found = TypeVar("Found")

_AT_ONCE: ContextVar[bool] = ContextVar("pytest_comfy_at_once", default=False)


def each(work: Callable[[Item], Found], items: Iterable[Item], worth: bool = True) -> list[Found]:
    """Return what the work makes of each item, in order; the first item that fails raises what it raised.

    Where it is not worth it they are done one after the other. This thread begins at the front and others at the end:
    what takes much memory goes first, as other threads do not give theirs back at once. What needs more memory than is
    left beside the others is done once more after them, by itself: so the work may be done twice, and must not mind.
    """
    tasks = list(items)
    helpers = min(len(tasks), _processors()) - 1
    if not worth or helpers < 1 or _AT_ONCE.get():  # one who waits in the pool for the pool may wait forever
        return [work(item) for item in tasks]
    pending, context = deque(range(len(tasks))), copy_context()
    shares, outcomes = [Share() for _ in tasks], [Future[Found]() for _ in tasks]

    def take_turns(take: Callable[[], int]) -> None:
        with suppress(IndexError):  # somebody else took the last one
            while True:
                at = take()
                context.copy().run(_settle, work, tasks[at], shares[at], outcomes[at])

    futures = [_pool().submit(take_turns, pending.pop) for _ in range(helpers)]
    try:
        take_turns(pending.popleft)
    finally:
        pending.clear()
        wait(futures)
    return [
        work(item) if share.refused else outcome.result()
        for item, share, outcome in zip(tasks, shares, outcomes, strict=True)
    ]


def _settle(work: Callable[[Item], Found], item: Item, share: Share, outcome: Future[Found]) -> None:
    _AT_ONCE.set(True)
    try:
        with sharing(share):
            outcome.set_result(work(item))
    except Exception as error:
        outcome.set_exception(error)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_processors(), "comfy-compare")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # a fork has none of the threads
