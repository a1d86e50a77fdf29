"""The memory that outputs may take while they are looked into, where somebody bounds it.

Who judges a run says so once, around all that is compared; the decoders ask, each before it takes what it needs. What
was decoded is kept until the end of that, so that nothing is decoded twice, as long as nothing else needs the memory.
Files that a person names are not bounded, and nothing of them is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, TypeVar

from ..memory import Budget, OutOfMemory, json_cost
from .result import TooLargeError

MOST_KEPT = 2**27
"""Bytes of decoded outputs that are kept at most: 32 pictures of 1024x1024."""

T = TypeVar("T")


@dataclass
class _Decoded:
    """What becomes of some bytes; `value` is None while nobody decoded them, and where it is not kept."""

    lock: Lock = field(default_factory=Lock)
    value: Any = None
    size: int = 0


@dataclass
class Share:
    """What one of several that work at once takes: `most` is counted in the budget, `taken` of it is open now.

    refused  whether anything that it asked for did not fit beside the others
    """

    taken: int = 0
    most: int = 0
    refused: bool = False


@dataclass
class _Room:
    """A budget, and what is kept in it."""

    budget: Budget
    lock: Lock = field(default_factory=Lock)
    decoded: dict[bytes, _Decoded] = field(default_factory=dict)

    def keep(self, known: _Decoded, value: object, size: int) -> None:
        """Keep what was decoded, where there is room for it."""
        with self.lock:
            kept = sum(one.size for one in self.decoded.values())
            if 0 < size <= min(self.budget.left, MOST_KEPT - kept):
                known.value, known.size = value, size
                self.budget.held += size

    def drop(self) -> None:
        """Keep nothing more of what was decoded."""
        for one in self.decoded.values():
            self.budget.held -= one.size
            one.value, one.size = None, 0


_ROOM: ContextVar[_Room | None] = ContextVar("pytest_comfy_memory", default=None)
_SHARE: ContextVar[Share | None] = ContextVar("pytest_comfy_memory_share", default=None)


@contextmanager
def within(budget: Budget | None) -> Iterator[None]:
    """Bound what is looked into, in this context, by what is left of a budget; None bounds nothing."""
    room = _Room(budget) if budget is not None else None
    token = _ROOM.set(room)
    try:
        yield
    finally:
        _ROOM.reset(token)
        if room is not None:
            room.drop()


@contextmanager
def sharing(share: Share) -> Iterator[None]:
    """Count all that is asked for in this context until the end of it, as others ask at the same time."""
    room = _ROOM.get()
    token = _SHARE.set(share)
    try:
        yield
    finally:
        _SHARE.reset(token)
        if room is not None:
            with room.lock:
                room.budget.held -= share.most


def require(size: int, what: str) -> None:
    """Raise TooLargeError where so many bytes are not left for `what`, the subject of the sentence."""
    room = _ROOM.get()
    if room is None:
        return
    share = _SHARE.get() or Share()
    with room.lock:
        room.budget.held += share.taken - share.most
        try:
            if size > room.budget.left:
                room.drop()
            room.budget.check(size, what)
        except OutOfMemory as error:
            share.refused = True
            raise TooLargeError(str(error)) from error
        finally:
            room.budget.held += share.most - share.taken
        if _SHARE.get() is share:
            room.budget.held += max(0, share.taken + size - share.most)
            share.most = max(share.most, share.taken + size)


@contextmanager
def taking(size: int, what: str) -> Iterator[None]:
    """As `require`, and count the bytes until the end: what is open at once must fit at once."""
    require(size, what)
    room, share = _ROOM.get(), _SHARE.get()
    if room is None:
        yield
        return
    if share is not None:
        share.taken += size
    else:
        room.budget.held += size
    try:
        yield
    finally:
        if share is not None:
            share.taken -= size
        else:
            room.budget.held -= size


def require_json(text: bytes, what: str) -> None:
    """As `require`, for JSON that is about to be parsed."""
    if _ROOM.get() is not None:
        require(json_cost(text), what)


def fits(size: int) -> bool:
    """Whether so many bytes are left, for what is quicker with them and can do without."""
    room = _ROOM.get()
    return room is None or size <= room.budget.left


def decoded_once(data: bytes, decode: Callable[[], T], size_of: Callable[[T], int]) -> T:
    """Return what `decode` makes of some bytes, or what it made of them before, where that is kept.

    It must not be changed, nor be used by several at once in a way that changes it. `size_of` gives its bytes; what
    it gives none for is not kept.
    """
    room = _ROOM.get()
    if room is None:
        return decode()
    with room.lock:
        known = room.decoded.setdefault(data, _Decoded())
    with known.lock:
        value: T | None = known.value
        if value is None:
            value = decode()
            room.keep(known, value, size_of(value))
        return value


def recall(data: bytes) -> Any:
    """Return what `remember` was told of some bytes, None where it is not kept."""
    room = _ROOM.get()
    known = room.decoded.get(data) if room is not None else None
    return known.value if known is not None else None


def remember(data: bytes, value: object, size: int) -> None:
    """Keep what was made of some bytes, of `size` bytes itself, where there is room for it; as for `decoded_once`."""
    room = _ROOM.get()
    if room is not None:
        with room.lock:
            known = room.decoded.setdefault(data, _Decoded())
        room.keep(known, value, size)
