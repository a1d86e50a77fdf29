"""Video by PyAV (MP4, MOV, WEBM, MKV): moving pictures and a sound track.

`decoding`, `containers` and `planes` read files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..fingerprinting import Fingerprints
from ..moving.summary import blank_frames
from .comparing import compare_fingerprints
from .drawing import draw
from .fingerprints import VERSION, fingerprint

__all__ = ["FINGERPRINTS", "blank", "compare", "describe", "draw"]

FINGERPRINTS = Fingerprints(VERSION, fingerprint, compare_fingerprints)
describe, compare = FINGERPRINTS.describe, FINGERPRINTS.judge


def blank(data: bytes, made: Mapping[str, Any] | None = None) -> str | None:
    """Tell a video of frames that show nothing, or in which nothing moves."""
    return blank_frames(made or fingerprint(data))
