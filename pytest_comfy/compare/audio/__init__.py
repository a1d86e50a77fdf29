"""Sound: WAV, FLAC, MP3, Opus and what else PyAV decodes, and the sound tracks of videos."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..fingerprinting import Fingerprints
from .comparing import compare_fingerprints
from .drawing import draw
from .fingerprints import VERSION, fingerprint

__all__ = ["FINGERPRINTS", "blank", "compare", "describe", "draw"]

FINGERPRINTS = Fingerprints(VERSION, fingerprint, compare_fingerprints)
describe, compare = FINGERPRINTS.describe, FINGERPRINTS.judge


def blank(data: bytes, made: Mapping[str, Any] | None = None) -> str | None:
    """Tell a sound in which nothing is heard."""
    return "silent" if (made or fingerprint(data))["loudness"] is None else None
