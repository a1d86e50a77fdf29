"""The memory that outputs may take while they are looked into, where somebody bounds it.

Who judges a run says so once, around all that is compared; the decoders ask, each before it takes what it needs.
Files that a person names are not bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ..memory import Budget, OutOfMemory, json_cost
from .result import TooLargeError

_BUDGET: ContextVar[Budget | None] = ContextVar("pytest_comfy_memory", default=None)


@contextmanager
def within(budget: Budget | None) -> Iterator[None]:
    """Bound what is looked into, in this thread, by what is left of a budget; None bounds nothing."""
    token = _BUDGET.set(budget)
    try:
        yield
    finally:
        _BUDGET.reset(token)


def require(size: int, what: str) -> None:
    """Raise TooLargeError where so many bytes are not left for `what`, the subject of the sentence."""
    budget = _BUDGET.get()
    if budget is not None:
        try:
            budget.check(size, what)
        except OutOfMemory as error:
            raise TooLargeError(str(error)) from error


@contextmanager
def taking(size: int, what: str) -> Iterator[None]:
    """As `require`, and count the bytes until the end: what is open at once must fit at once."""
    require(size, what)
    budget = _BUDGET.get()
    if budget is None:
        yield
        return
    budget.held += size
    try:
        yield
    finally:
        budget.held -= size


def require_json(text: bytes, what: str) -> None:
    """As `require`, for JSON that is about to be parsed."""
    if _BUDGET.get() is not None:
        require(json_cost(text), what)
