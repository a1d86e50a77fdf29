"""Compare the fingerprints of two models: what they are made of, then size, surface and colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..figures import figure, signed
from ..limits import rank
from ..packing import FloatArray, unpack_levels
from ..result import Comparison, Part, hard_failure, identical
from ..tolerance import Tolerance
from .fingerprints import AXES, SIDE
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
Statistic = tuple[float, str]
"""How far something moved, in the unit of its limit, and a sentence that tells it."""


def compare_fingerprints(golden: Described, actual: Described, tolerance: Tolerance) -> Comparison:
    """Compare two fingerprints. Empty and broken models, and numbers of meshes and materials, are not tolerated."""
    if golden["content_sha256"] == actual["content_sha256"]:
        return identical("surfaces are identical", tolerance.name)
    hard = _compare_form(golden, actual)
    if hard:
        kinds = tuple(dict.fromkeys(kind for kind, _ in hard))
        return hard_failure(kinds, "; ".join(told for _, told in hard), tolerance.name)
    measured = _measured(golden, actual) if "bounds" in golden else {}
    parts = {name: Part(value, tolerance.limit(name)) for name, (value, _) in measured.items()}
    order = sorted(parts, key=lambda name: rank(name, parts[name]))[::-1]
    kinds = tuple(dict.fromkeys(_KINDS[name] for name in order if parts[name].distance > 1))
    if not order or parts[order[0]].value == 0:
        message = "no part of the fingerprint moved"
    else:
        shown = f"{figure(parts[order[0]].limit)}{' levels' if order[0] == 'model_tint' else ' %'}"
        message = f"{measured[order[0]][1]} ({tolerance.name} allows {shown})"
    if tolerance.exact and not kinds:
        told = "surfaces differ by less than the fingerprint shows (exact allows nothing)"
        return hard_failure(("bytes",), told, tolerance.name, parts)
    distance = max((part.distance for part in parts.values()), default=0.0)
    return Comparison(
        "different" if kinds else "within tolerance", message, tolerance.name, kinds, distance, parts=parts
    )


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
    ends = np.array([golden["bounds"], actual["bounds"]])
    sizes = ends[:, 1] - ends[:, 0]
    diagonal = float(np.linalg.norm(sizes, axis=1).max()) or 1.0
    shifts = 100 * (ends[1] - ends[0]) / diagonal
    end, axis = _largest(shifts)
    which = f"{('lowest', 'highest')[end]} {AXES[axis]}"
    measured = {
        "model_bounds": (
            float(np.abs(shifts).max()),
            f"bounds moved {signed(shifts[end, axis])} % of the diagonal at the {which}",
        ),
        "model_faces": _relative(
            "number of faces", golden["faces"] + golden["points"], actual["faces"] + actual["points"]
        ),
        "model_vertices": _relative("number of vertices", golden["vertices"], actual["vertices"]),
        "model_area": _relative("area", golden["area"], actual["area"], 0.001 * diagonal**2),
        "model_volume": _relative("volume", golden["volume"], actual["volume"], 0.001 * diagonal**3),
    }
    before, after = _views(golden), _views(actual)
    moved = 50 * np.abs(after - before).sum(axis=(1, 2))
    axis = int(moved.argmax())
    measured["model_surface"] = (
        float(moved[axis]),
        f"{figure(moved[axis])} % of the surface moved, seen along {AXES[axis]}",
    )
    # The mean share of a cell that either surface passes through.
    usual = 1 / np.maximum(((before + after) > 1e-4).sum(axis=(1, 2), keepdims=True), 1)
    local = 100 * (after - before) / usual
    axis, row, column = _largest(local)
    across, up = [name for name in AXES if name != AXES[axis]]
    measured["model_local"] = (
        float(np.abs(local).max()),
        f"surface at {across} {_span(column)}, {up} {_span(row)} of its cube moved "
        f"{signed(local[axis, row, column])} % of what a cell has",
    )
    measured["model_tint"] = _tint(golden, actual)
    return measured


def _relative(what: str, before: float, after: float, least: float = 0.0) -> Statistic:
    """Return the change in percent of the larger magnitude, or of `least` where that is more."""
    change = 100 * (after - before) / (max(abs(before), abs(after), least) or 1.0)
    turned = ": the faces are turned inside out" if change and before * after < 0 else ""
    return abs(change), f"{what} moved {signed(change)} %: {figure(after, 4)}, was {figure(before, 4)}{turned}"


def _views(described: Described) -> FloatArray:
    """Return the share of the surface in each cell, shape (3, SIDE, SIDE)."""
    shares = unpack_levels(described["views"], (3, SIDE, SIDE)) ** 2
    whole: FloatArray = shares.sum(axis=(1, 2), keepdims=True)
    return shares / whole


def _largest(values: FloatArray) -> tuple[int, ...]:
    """Return the place of the value of largest magnitude."""
    return tuple(int(at) for at in np.unravel_index(int(np.abs(values).argmax()), values.shape))


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


def _span(cell: int) -> str:
    return f"{100 * cell / SIDE:.0f}-{100 * (cell + 1) / SIDE:.0f} %"


def _many(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _parts(described: Described) -> str:
    counts: Sequence[tuple[int, str, str]] = (
        (described["faces"], "face", "faces"),
        (described["points"], "point", "points"),
    )
    return " and ".join(_many(*one) for one in counts if one[0]) or "no faces"
