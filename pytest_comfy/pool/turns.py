"""The order of a session: whose turn it is, and which cases may be begun before theirs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from .jobs import Upcoming

_OURS = frozenset({"comfy_lane", "request"})
_MARKS = ("skip", "skipif")
_INSTALLED = ("site-packages", "dist-packages")


class Turns:
    """Sees which item pytest runs. Its methods named pytest_... are hooks.

    A worker of pytest-xdist is told of some items at a time; such as it was told of may be given to others later.
    """

    def __init__(self, config: Any) -> None:
        self._root = Path(config.rootpath)
        self._config = config
        self._spread = hasattr(config, "workerinput")
        self._positions: Mapping[Any, int] | None = None
        self._items: list[Any] = []
        self._next: Any = None
        self._now = 0

    def pytest_runtest_protocol(self, item: Any, nextitem: Any) -> None:
        """Note whose turn it is."""
        if self._positions is None:
            self._items = item.session.items
            self._positions = {one: number for number, one in enumerate(self._items)}
        self._next = nextitem
        self._now = self._positions.get(item, self._now)

    @property
    def now(self) -> int:
        """The place in the order of the item whose turn it is."""
        return self._now

    def following(self) -> Iterator[Upcoming]:
        """Yield what comes after it, up to the first that may not be begun before its turn."""
        for position in self._after():
            job = self._items[position] if self._may_begin_ahead(self._items[position]) else None
            yield Upcoming(position, job)
            if job is None:
                return

    def is_to_come(self, position: int) -> bool:
        """Whether an item will still have its turn here."""
        if not self._spread:
            return position > self._now
        return position == self._following_one() or position in self._told()

    def _after(self) -> Sequence[int]:
        """Return the places of the items that come after this one, as far as is known."""
        if not self._spread:
            return range(self._now + 1, len(self._items))
        following, told = self._following_one(), self._told()
        # With --dist=worksteal others may take up to half of them, from the end.
        return [] if following is None else [following, *told[: len(told) // 2]]

    def _following_one(self) -> int | None:
        return self._positions.get(self._next) if self._positions and self._next is not None else None

    def _told(self) -> list[int]:
        """Return the places of the items that this worker was told to run after the next one."""
        for plugin in self._config.pluginmanager.get_plugins():
            queue = getattr(plugin, "torun", None)
            # Before pytest-xdist 3.7 it was a queue of Python's own.
            waiting = getattr(queue, "_items", getattr(queue, "queue", None))
            if waiting is not None:
                with suppress(RuntimeError):  # another thread adds to it
                    return [one for one in [*waiting] if isinstance(one, int) and 0 <= one < len(self._items)]
        return []

    def _may_begin_ahead(self, item: Any) -> bool:
        """Whether nothing but the case itself can happen to the server, or to its files, before it is queued."""
        if not getattr(item, "is_comfy_case", False) or any(item.get_closest_marker(name) for name in _MARKS):
            return False
        if any(not mark.kwargs.get("run", True) for mark in item.iter_markers("xfail")):
            return False
        fixtures = item._fixtureinfo.name2fixturedefs
        return all(self._is_harmless(fixtures.get(name)) for name in item.fixturenames if name not in _OURS)

    def _is_harmless(self, found: Any) -> bool:
        """Whether a fixture was set up already for the whole session, or is none of the project's own."""
        if not found:
            return True
        fixture = found[-1]
        if fixture.scope == "session" and fixture.cached_result is not None:
            return True
        file = Path(getattr(getattr(fixture.func, "__code__", None), "co_filename", ""))
        return self._root not in file.parents or not set(_INSTALLED).isdisjoint(file.parts)
