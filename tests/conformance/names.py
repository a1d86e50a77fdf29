"""What differs from run to run: ids, file names and moments, and how ours are matched with the captured ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TEMP = re.compile(r"_temp_[a-z]{5}_")
_COUNTER = re.compile(r"_\d{5}_")


class Names:
    """What the real server called something -> what ours calls it: one-to-one, and the same everywhere."""

    def __init__(self) -> None:
        self._forward: dict[tuple[str, Any], Any] = {}
        self._backward: dict[tuple[str, Any], Any] = {}
        self._files: dict[str, str] = {}
        self._moments: dict[tuple[str, str], tuple[Any, Any]] = {}

    def same(self, kind: str, expected: Any, actual: Any) -> bool:
        """Tell whether `actual` may stand for `expected`, and hold to it from now on."""
        if (kind, expected) in self._forward or (kind, actual) in self._backward:
            return bool(self._forward.get((kind, expected)) == actual)
        self._forward[kind, expected] = actual
        self._backward[kind, actual] = expected
        return True

    def same_file(self, folder: str, expected: str, actual: str) -> bool:
        """Tell whether a file may stand for another; two folders may have one of the same name."""
        fits = mask(expected) == mask(actual) and self.same("file", (folder, expected), (folder, actual))
        if fits:
            self._files[expected] = actual
        return fits

    def moment(self, prompt_id: str, what: str, expected: Any, actual: Any) -> bool:
        """Tell whether both name the same moment of a run; two moments may coincide, so this is no renaming."""
        known = self._moments.setdefault((prompt_id, what), (expected, actual))
        return known == (expected, actual)

    def translate(self, value: Any) -> Any:
        """Return what the captured client sent in the names of our server."""
        if isinstance(value, str):
            if value in self._files:
                return self._files[value]
            return UUID.sub(lambda match: str(self._forward.get(("id", match[0]), match[0])), value)
        if isinstance(value, Mapping):
            file = (value.get("subfolder"), value.get("filename"))
            if ("file", file) in self._forward:
                value = {**value, "filename": self._forward["file", file][1]}
                return {
                    self.translate(key): item if key == "filename" else self.translate(item)
                    for key, item in value.items()
                }
            return {self.translate(key): self.translate(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.translate(item) for item in value]
        return value

    def captured(self, kind: str, actual: Any) -> Any:
        """Return what the real server called it, None where that is not known."""
        return self._backward.get((kind, actual))


def mask(name: str) -> str:
    """Return a file name without its counter and without the random part of temporary ones."""
    return _COUNTER.sub("_00000_", _TEMP.sub("_temp_xxxxx_", name))


def is_id(value: Any) -> bool:
    """Whether a value is an id as servers and clients make them at random."""
    return isinstance(value, str) and UUID.fullmatch(value) is not None
