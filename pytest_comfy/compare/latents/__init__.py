"""Latents: safetensors files, as ComfyUI's SaveLatent writes them, read and compared without torch.

Fulfils Comparator. `parsing` reads files, `fingerprints` describes them, `comparing` judges, `drawing` shows.
"""

from __future__ import annotations

from .comparing import compare
from .drawing import difference
from .fingerprints import VERSION, fingerprint

__all__ = ["VERSION", "compare", "difference", "fingerprint"]
