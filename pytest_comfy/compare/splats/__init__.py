"""Gaussian splats: PLY, SPLAT, KSPLAT and SPZ files, by statistics of where they lie and how they look."""

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
    """Tell splats of which none is seen: there are none, or none is opaque, or none is finite."""
    return None if "bounds" in (made or fingerprint(data)) else "without a splat that is seen"
