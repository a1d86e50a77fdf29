"""3D models: GLB, glTF, OBJ, STL and PLY files, by their surface, whatever triangles it is made of.

`reading`, `gltf` and `glb` read files, `surface` samples them. Needs trimesh, which loads when the first model is read.
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
    """Tell a model that has no surface: neither faces nor points, or none of them finite."""
    made = made or fingerprint(data)
    return None if made["faces"] + made["points"] and made["broken"] < 1 else "without a face"
