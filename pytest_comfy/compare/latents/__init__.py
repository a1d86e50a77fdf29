"""Latents: safetensors files, as ComfyUI's SaveLatent writes them, read and compared without torch.

`reading` reads files.
"""

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
    """Tell a latent whose values are all one, or no numbers."""
    tensors = [one for one in (made or fingerprint(data))["tensors"] if "nan" in one]
    if all(one["nan"] + one["inf"] >= 1 for one in tensors):
        return "without a finite value" if tensors else "empty"
    return "flat" if not any(one["std"] for one in tensors) else None
