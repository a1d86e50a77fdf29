"""3D models: GLB, glTF, OBJ, STL and PLY files, by their surface, whatever triangles it is made of.

Fulfils Comparator. `reading` and `gltf` read files, `surface` samples them, `fingerprints` describes, `comparing`
judges, `drawing` shows. Needs trimesh, which loads when the first model is read.
"""

from __future__ import annotations

from .comparing import compare
from .drawing import difference
from .fingerprints import VERSION, fingerprint

__all__ = ["VERSION", "compare", "difference", "fingerprint"]
