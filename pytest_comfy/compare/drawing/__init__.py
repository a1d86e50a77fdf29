"""What shows a difference, and the sheets that pictures of differences are drawn on."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Drawing:
    """A file to be looked at: its bytes, and the ending of its name, ".png" or ".diff"."""

    data: bytes = field(repr=False)
    suffix: str = ".png"
