"""What a sentence on a change tells: the change itself, apart from how much, where, and of which part of a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_AMOUNT_OR_PLACE = r" \(| (?:at|in|on) the | near |: |, |; | by | of \d| from \d| [+-]?\d"
"""Where a sentence on a change goes on from what it is to how much, where, and what else."""
_WAYS = {" +": " up", " -": " down"}
_SUBJECT = re.compile(r"(?:sound|image \d+ is now \w+|(?:all |the )?(?:\d+ )?frames?\b[^:]*): (?=.)")
"""What the rest of a sentence is about: frames of a video by number, a video's sound, a picture that moved up."""
_TIMES = re.compile(r" \([^()]* s\)")
_KINDS = {
    "text": "text changed",
    "size": "size changed",
    "shape": "shape changed",
    "dtype": "type of values changed",
    "duration": "duration changed",
    "rate": "frame rate changed",
    "frames": "number of frames changed",
    "counts": "counts changed",
    "order": "order changed",
    "repeated": "repeated",
    "undecodable": "undecodable",
    "bytes": "bytes changed",
}
"""Kinds whose sentences begin with names and figures, which no other output has."""
_OF_FILES = ("latent_", "svg_", "model_", "splat_")
"""Parts of what is told by the names that a file gives, such as tensors and elements."""
_UNFINISHED = re.compile(r"(?:^|.* )(?:is|are|has|have|was|were|lasts)")


def what_changed(message: str, kinds: Sequence[str] = (), parts: Iterable[str] = ()) -> str:
    """Return the change in the words in which others may have it too: "softer" of "softer at the left (luma 9 ...)".

    kinds  of the comparison, the foremost first: they speak where the sentence begins with what only this file has
    parts  names of what was measured
    """
    kind = kinds[0] if kinds else ""
    if kind in _KINDS:
        return _KINDS[kind]
    rest = _without_subject(message)
    told = re.search(_AMOUNT_OR_PLACE, rest)
    words = rest if told is None else rest[: told.start()] + _WAYS.get(told[0][:2], "")
    if kind and (any(part.startswith(_OF_FILES) for part in parts) or _UNFINISHED.fullmatch(words)):
        return f"{kind} changed"
    return words


def in_few_words(message: str) -> str:
    """Return a sentence without the figures in parentheses that follow it; the time of a frame is none of them."""
    return _TIMES.sub("", message).partition(" (")[0]


def _without_subject(message: str) -> str:
    found = _SUBJECT.match(message)
    return message[found.end() :] if found else message
