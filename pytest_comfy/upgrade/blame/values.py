"""Values that probes showed: how far two of them are apart."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from ...compare import CompareError, Kept, TextRule, compare_output, describe
from ...workflow.secrets import Known, masked

TEXT = "text/plain"
_NOISE = 0.1
"""Share of a limit at `normal` up to which a movement is taken for rounding: another build of PyTorch moves floats by
less than a hundredth of it."""
_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]+")
_LONGEST_TEXT = 1 << 14
_NUMBERS = TextRule("numbers")


class Level(IntEnum):
    """How far two values are apart."""

    IDENTICAL = 0
    NOISE = 1
    MOVED = 2
    DIFFERENT = 3


@dataclass(frozen=True)
class Value:
    """One of the things that a probe showed: bytes, or, of a golden run, what was kept of them.

    data       None where only the description was kept
    described  as `compare.describe` gives it
    """

    media_type: str
    data: bytes | None = None
    described: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, data: bytes, media_type: str, known: Known = None) -> Value:
        """Return a value as it is compared: of texts without secrets and places in memory."""
        if media_type == TEXT:
            text = _ADDRESS.sub("", masked(data.decode("utf-8", "replace"), known))
            data = text[:_LONGEST_TEXT].encode("utf-8", "replace")
        return cls(media_type, data)

    def kept(self) -> Kept:
        """Return it as what another one is compared with."""
        data, found = self.data, self.described or {}
        if data is not None:
            return Kept(self.media_type, hashlib.sha256(data).hexdigest(), None, None, (), lambda: data)
        return Kept(
            self.media_type, str(found.get("sha256")), found.get("pixels_sha256"), found.get("fingerprint"), (), None
        )

    def to_json(self) -> dict[str, Any]:
        """Return what a golden run keeps of it; raises CompareError for what cannot be described."""
        assert self.data is not None  # only what was seen just now is kept
        if self.media_type == TEXT:
            return {"media_type": TEXT, "text": self.data.decode("utf-8", "replace")}
        found = describe(self.data, self.media_type, file_kept=False)
        return {
            "media_type": self.media_type,
            **{key: found[key] for key in ("sha256", "pixels_sha256", "fingerprint")},
        }

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Value:
        """Read one; raises KeyError and TypeError for a malformed one."""
        media_type = str(entry["media_type"])
        if media_type == TEXT:
            return cls(TEXT, str(entry["text"]).encode("utf-8", "replace"))
        if not isinstance(entry.get("fingerprint"), Mapping):
            raise TypeError("a probe without fingerprint")
        return cls(media_type, None, entry)


def apart(before: Sequence[Value], now: Sequence[Value]) -> tuple[Level, str]:
    """Return how far the values of one output are apart, and what differs most, in a sentence, "" for nothing.

    Values are lists, as batches and lists of ComfyUI are.
    """
    if len(before) != len(now):
        return Level.DIFFERENT, f"{len(now)} values, were {len(before)}"
    found = [_apart(one, other) for one, other in zip(before, now, strict=True)]
    return max(found, key=lambda one: one[0], default=(Level.IDENTICAL, ""))


def _apart(before: Value, now: Value) -> tuple[Level, str]:
    assert now.data is not None  # it was seen just now
    try:
        text = _NUMBERS if now.media_type == TEXT else None
        found = compare_output(before.kept(), now.data, now.media_type, text=text)
    except CompareError as error:
        return Level.DIFFERENT, str(error)
    if found.verdict == "identical":
        return Level.IDENTICAL, ""
    if found.distance < _NOISE:
        return Level.NOISE, found.message
    return (Level.MOVED if found.passed else Level.DIFFERENT), found.message
