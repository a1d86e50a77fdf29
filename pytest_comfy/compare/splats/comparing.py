"""Compare the fingerprints of splats by their statistics: no splat has a partner in the other file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..figures import figure, signed
from ..models.cube import moved_bounds, moved_views, relative
from ..packing import FloatArray, unpack_levels
from ..result import Comparison, hard_failure, identical
from ..statistics import Statistic, judge_statistics
from ..tolerance import Tolerance
from .fingerprints import PARTS

LEAST_WEIGHT = 0.02
"""Share of the mass that a part of the cube must have in both for its means to count."""

_KINDS = {
    "splat_count": "counts",
    "splat_mass": "structure",
    "splat_bounds": "bounds",
    "splat_views": "structure",
    "splat_local": "structure",
    "splat_opacity": "structure",
    "splat_contrast": "structure",
    "splat_size": "structure",
    "splat_shape": "structure",
    "splat_stretch": "structure",
    "splat_tint": "material",
    "splat_gloss": "material",
}

Described = Mapping[str, Any]


def compare_fingerprints(golden: Described, actual: Described, tolerance: Tolerance) -> Comparison:
    """Compare two fingerprints. Splats that are not finite, and files that show nothing, are not tolerated."""
    if golden["content_sha256"] == actual["content_sha256"]:
        return identical("splats are identical", tolerance.name)
    shown, was_shown = ("bounds" in one for one in (actual, golden))
    if shown != was_shown:
        told = f"{_many(actual)}, of which none is seen" if was_shown else f"{_many(actual)}, and none was seen"
        return hard_failure(("blank",), told, tolerance.name)
    if golden["broken"] != actual["broken"]:
        now, was = (f"{figure(100 * one['broken'])} %" if one["broken"] else "none" for one in (actual, golden))
        return hard_failure(
            ("blank",), f"of the splats {now} have values that are no numbers, was {was}", tolerance.name
        )
    measured = _measured(golden, actual) if shown else {}
    return judge_statistics(measured, _KINDS, tolerance, what="splats", units={"splat_tint": " levels"})


def _measured(golden: Described, actual: Described) -> dict[str, Statistic]:
    counted = (np.minimum(*(np.array(one["weights"]) for one in (golden, actual))) >= LEAST_WEIGHT).astype(np.float64)

    def largest(key: str, what: str, scale: float, unit: str) -> Statistic:
        moved = scale * (np.array(actual[key]) - np.array(golden[key])) * counted
        most = float(moved[int(np.abs(moved).argmax())])
        return abs(most), f"{what} moved {signed(most)}{unit} in one part of the cube"

    whole, local = moved_views(golden, actual, "mass")
    tints = [unpack_levels(one["tints"], (PARTS, 3)) for one in (golden, actual)]
    tint = float((255 * np.linalg.norm(tints[1] - tints[0], axis=1) * counted).max())
    shape = float((100 * np.abs(_shapes(actual) - _shapes(golden)) * counted).max())
    contrast = 100 * (actual["contrast"] - golden["contrast"])
    stretch = 100 * (actual["stretch"] - golden["stretch"])
    return {
        "splat_count": relative("number of splats", golden["splats"], actual["splats"]),
        "splat_mass": relative("opacity of all splats", golden["mass"], actual["mass"]),
        "splat_bounds": moved_bounds(golden, actual),
        "splat_views": whole,
        "splat_local": local,
        "splat_opacity": largest("opacities", "mean opacity", 100, " %"),
        "splat_contrast": (abs(contrast), f"how much opacities vary moved {signed(contrast)} %"),
        "splat_size": largest("sizes", "mean size", 100, " %"),
        "splat_shape": (shape, f"the splats are turned or flattened by {figure(shape)} % in one part of the cube"),
        "splat_stretch": (abs(stretch), f"how long the splats are moved {signed(stretch)} %"),
        "splat_tint": (tint, f"colour moved {figure(tint)} levels in one part of the cube"),
        "splat_gloss": relative("what colours change with the side", golden["gloss"], actual["gloss"], 0.02),
    }


def _shapes(described: Described) -> FloatArray:
    return np.array(described["shapes"], np.float64).reshape(-1, PARTS)


def _many(described: Described) -> str:
    count = described["splats"]
    return f"the file has {count} splat{'' if count == 1 else 's'}"
