"""How much memory what a server sends becomes, and how much of it one run may keep."""

from __future__ import annotations

import math
import re

DEFAULT_MAX_MEMORY = 2 * 10**9
"""Bytes that one run may keep at once."""
LEAST = 10**6
MOST_MESSAGES = 20_000
"""Messages of one sort that are kept of a run: nothing hangs on more."""
PASSING = ("progress", "progress_state")
"""Types of messages that the next one makes out of date."""
SHARE = 4
"""What one message, or all that is only on the way, may take of a run's memory: a quarter."""
OPTION = "comfy_max_memory"

_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}

# What the parts of JSON become, measured with CPython on 64 bits. A member of an object is a place in its table, in
# the table of all names, and the name itself; an item of a list is its place and, at most, a number.
_OBJECT, _LIST, _MEMBER, _ITEM, _TEXT = 64, 96, 200, 48, 64
_PARSER = 4096


class OutOfMemory(Exception):
    """Something would take more memory than is left of a run's; the text is one sentence for the user."""


class Budget:
    """What one run keeps in memory, in bytes, and the most that it may.

    held    bytes that are kept already
    option  what raises the limit, "" where nothing does
    """

    def __init__(self, limit: int = DEFAULT_MAX_MEMORY, held: int = 0, option: str = OPTION) -> None:
        self.limit = limit
        self.held = held
        self.option = option

    @property
    def left(self) -> int:
        """How many bytes may still be kept."""
        return max(0, self.limit - self.held)

    def check(self, size: int, what: str) -> None:
        """Raise OutOfMemory where `what`, the sentence's subject, does not fit beside what is kept."""
        if size > self.left:
            raise OutOfMemory(f"{what} takes {in_words(size)} of memory, {self.excuse()}")

    def hold(self, size: int, what: str) -> None:
        """Count what is kept from now on; raises OutOfMemory as `check` does."""
        self.check(size, what)
        self.held += size

    def excuse(self) -> str:
        """Say how much there is, and what to do."""
        most = in_words(self.limit)
        there = f"more than the {most}" if not self.held else f"more than is left of the {most}"
        if not self.option:
            return f"{there} that one run may take"
        return f"{there} that {self.option} allows one run: raise it if that is right"


def parse_size(value: object) -> int:
    """Return a size in bytes of a number, or of text such as "2GB" or "512 MiB"; raises ValueError for any other."""
    found = re.fullmatch(r"\s*([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([A-Za-z]*)\s*", str(value))
    unit = _UNITS.get(found[2].lower()) if found else None
    size = math.floor(float(found[1]) * unit) if found and unit else 0
    if isinstance(value, bool) or not LEAST <= size < 2**60:
        raise ValueError("must be a size of at least 1 MB, such as 2GB, 512 MiB or a number of bytes")
    return size


def in_words(size: int) -> str:
    """Return a number of bytes as a person says it: "1.9 GB"."""
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}" if size < 1000 * unit else f"{size // unit} {name}"
    return f"{size} bytes"


def json_cost(body: bytes | str) -> int:
    """Return bytes that a JSON text takes while it is parsed, the text itself left out: an upper estimate.

    Tokens are counted, in texts as well, without parsing: what is huge must be known before it is there.
    """
    if isinstance(body, str):
        body = body.encode("utf-8", "surrogatepass")
    wide = 1 if body.isascii() else 4
    texts = 8 if b"\\u" in body else wide
    return (
        _PARSER
        + len(body) * (wide + texts)
        + body.count(b"{") * _OBJECT
        + body.count(b"[") * _LIST
        + body.count(b":") * _MEMBER
        + body.count(b",") * _ITEM
        + body.count(b'"') // 2 * _TEXT
    )
