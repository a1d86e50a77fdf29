"""What differs between the versions of ComfyUI that the fake server can be."""

from __future__ import annotations

import re
from dataclasses import dataclass

DEFAULT = "0.8.0"
"""Spoken where neither the user nor a recording names a version."""

_NUMBERS = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")


@dataclass(frozen=True, slots=True)
class Version:
    """A version of ComfyUI; `text` is as `/system_stats` tells it."""

    text: str

    @property
    def number(self) -> tuple[int, int, int]:
        """Such as (0, 8, 0); that of DEFAULT where the text holds none."""
        found = _NUMBERS.match(self.text) or _NUMBERS.match(DEFAULT)
        assert found is not None
        major, minor, patch = found.groups(default="0")
        return int(major), int(minor), int(patch)

    @property
    def is_modern(self) -> bool:
        """Whether it behaves as 0.8.0 does, not as 0.3.64: what lies between was not measured."""
        return self.number >= (0, 4, 0)
