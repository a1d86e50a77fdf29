"""Gaussian splats: PLY, SPLAT, KSPLAT and SPZ files, by statistics of where they lie and how they look."""

from __future__ import annotations

from ..fingerprinting import Fingerprints
from .comparing import compare_fingerprints
from .drawing import draw
from .fingerprints import VERSION, fingerprint

__all__ = ["FINGERPRINTS", "blank", "compare", "describe", "draw"]

FINGERPRINTS = Fingerprints(VERSION, fingerprint, compare_fingerprints)
describe, compare = FINGERPRINTS.describe, FINGERPRINTS.judge


def blank(data: bytes) -> str | None:
    """Tell splats of which none is seen: there are none, or none is opaque, or none is finite."""
    return None if "bounds" in fingerprint(data) else "without a splat that is seen"
