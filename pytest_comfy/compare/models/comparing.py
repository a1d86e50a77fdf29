"""Compare the fingerprints of two models: what they are made of, then size, surface and colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..figures import figure
from ..packing import unpack_levels
from ..result import Comparison, hard_failure, identical
from ..statistics import Statistic, judge_statistics
from ..tolerance import Tolerance
from .cube import diagonal_of, moved_bounds, moved_views, relative
from .gltf import MAP_SIDE

LEAST_WEIGHT = 0.02
"""Share of the surface that a part of the cube must have in both models for its colour to count."""

_KINDS = {
    "model_bounds": "bounds",
    "model_area": "structure",
    "model_volume": "structure",
    "model_faces": "counts",
    "model_vertices": "counts",
    "model_surface": "structure",
    "model_local": "structure",
    "model_tint": "material",
}

Described = Mapping[str, Any]


def compare_fingerprints(golden: Described, actual: Described, tolerance: Tolerance) -> Comparison:
    """Compare two fingerprints. Empty and broken models, and numbers of meshes and materials, are not tolerated."""
    if golden["content_sha256"] == actual["content_sha256"]:
        return identical("surfaces are identical", tolerance.name)
    hard = _compare_form(golden, actual)
    if hard:
        kinds = tuple(dict.fromkeys(kind for kind, _ in hard))
        return hard_failure(kinds, "; ".join(told for _, told in hard), tolerance.name)
    measured = _measured(golden, actual) if "bounds" in golden else {}
    return judge_statistics(measured, _KINDS, tolerance, what="surfaces", units={"model_tint": " levels"})


def _compare_form(golden: Described, actual: Described) -> list[tuple[str, str]]:
    before, after = (one["faces"] + one["points"] for one in (golden, actual))
    if not before or not after:
        return [] if before == after else [("blank", f"the model has {_parts(actual)}, was {_parts(golden)}")]
    failed = []
    if golden["broken"] != actual["broken"]:
        was = f"{figure(100 * golden['broken'])} %" if golden["broken"] else "none"
        told = f"{figure(100 * actual['broken'])} %" if actual["broken"] else "none"
        failed.append(("blank", f"of the model's faces {told} have corners that are no numbers, was {was}"))
    if bool(golden["faces"]) != bool(actual["faces"]):
        failed.append(("counts", f"the model has {_parts(actual)}, was {_parts(golden)}"))
    elif golden["meshes"] != actual["meshes"]:
        failed.append(("counts", f"the model has {_many(actual['meshes'], 'mesh', 'meshes')}, was {golden['meshes']}"))
    for key, one, many in (("materials", "material", "materials"), ("textures", "texture", "textures")):
        if golden[key] != actual[key]:
            failed.append(("material", f"the model has {_many(actual[key], one, many)}, was {golden[key]}"))
    if golden["coloured"] != actual["coloured"]:
        change = "lost its" if golden["coloured"] else "gained"
        failed.append(("material", f"the model {change} colours of vertices"))
    return failed


def _measured(golden: Described, actual: Described) -> dict[str, Statistic]:
    diagonal = diagonal_of(golden, actual)
    faces = [one["faces"] + one["points"] for one in (golden, actual)]
    volume, told = relative("volume", golden["volume"], actual["volume"], 0.001 * diagonal**3)
    if volume and golden["volume"] * actual["volume"] < 0:
        told += ": the faces are turned inside out"
    surface, local = moved_views(golden, actual, "surface")
    return {
        "model_bounds": moved_bounds(golden, actual),
        "model_faces": relative("number of faces", *faces),
        "model_vertices": relative("number of vertices", golden["vertices"], actual["vertices"]),
        "model_area": relative("area", golden["area"], actual["area"], 0.001 * diagonal**2),
        "model_volume": (volume, told),
        "model_surface": surface,
        "model_local": local,
        "model_tint": _tint(golden, actual),
    }


def _tint(golden: Described, actual: Described) -> Statistic:
    """Return how far the colours moved, Euclidean in levels of 255, of a part of the cube or a texture's cell."""
    weights = np.minimum(*(unpack_levels(one["weights"], (8,)) for one in (golden, actual)))
    before, after = (unpack_levels(one["tints"], (8, 3)) for one in (golden, actual))
    moved = 255 * np.linalg.norm(after - before, axis=1) * (weights >= LEAST_WEIGHT)
    found = float(moved.max()), f"colour moved {figure(moved.max())} levels in one part of the model"
    for index, (old, new) in enumerate(zip(golden["maps"], actual["maps"], strict=True)):
        shape = (MAP_SIDE * MAP_SIDE, 3)
        cells = 255 * np.linalg.norm(unpack_levels(new, shape) - unpack_levels(old, shape), axis=1)
        told = f"colour of texture {index + 1} moved {figure(cells.max())} levels where it moved most"
        found = max(found, (float(cells.max()), told), key=lambda one: one[0])
    return found


def _many(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _parts(described: Described) -> str:
    counts: Sequence[tuple[int, str, str]] = (
        (described["faces"], "face", "faces"),
        (described["points"], "point", "points"),
    )
    return " and ".join(_many(*one) for one in counts if one[0]) or "no faces"
