"""Messages between the thread that reads a socket and the one that waits for a run: bounded in bytes."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Generic, Protocol, TypeVar


class Sized(Protocol):
    """A message that knows how many bytes of memory it takes."""

    @property
    def size(self) -> int:
        """Bytes."""


Item = TypeVar("Item", bound=Sized)


class Buffer(Generic[Item]):
    """A queue for one reader and one taker.

    The reader waits while more than `most` bytes are held, so that the server must; while nobody takes, between two
    runs, nothing is held at all.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = 0
        self._items: deque[Item] = deque()
        self._changed = threading.Condition()
        self._resting = self._closed = False

    def put(self, item: Item) -> None:
        """Add an item, once there is room for it."""
        with self._changed:
            while self._size > self._most and not self._resting and not self._closed:
                self._changed.wait()
            if not self._resting:
                self._items.append(item)
                self._size += item.size
                self._changed.notify_all()

    def get(self, timeout: float) -> Item | None:
        """Return the next item, None when none comes within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while not self._items:
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    break
            if not self._items:
                return None
            item = self._items.popleft()
            self._size -= item.size
            self._changed.notify_all()
            return item

    def begin(self) -> None:
        """Forget what is held, and hold what comes from now on."""
        self._empty(resting=False)

    def rest(self) -> None:
        """Forget what is held and what comes: nobody takes it."""
        self._empty(resting=True)

    def close(self) -> None:
        """Let the reader go on, whatever is held."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _empty(self, resting: bool) -> None:
        with self._changed:
            self._items.clear()
            self._size = 0
            self._resting = resting
            self._changed.notify_all()
