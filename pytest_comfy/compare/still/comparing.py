"""Compare the fingerprints of two still pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..figures import figure
from ..result import Comparison, Part, form_failure, hard_failure
from ..tolerance import Tolerance
from .blank import blank_word, has_content
from .colour_space import space_changed
from .diagnosis import Diagnosis
from .fingerprints import unpack_still
from .movement import movement
from .pixelwise import PixelChange


def compare_stills(
    golden: Mapping[str, Any],
    actual: Mapping[str, Any],
    tolerance: Tolerance,
    finer: PixelChange | None = None,
) -> Comparison:
    """Compare size, alpha, depth and colour space, which no tolerance covers; then every statistic of `movement`.

    `finer` is what both pictures tell where they are at hand. What is blank fails unless the golden picture is.
    """
    hard = _compare_form(golden, actual, tolerance)
    if hard is not None:
        return hard
    before, after = unpack_still(golden), unpack_still(actual)
    moved = movement(before, after)
    cells = {**moved.cells, **(finer.cells if finer else {})}
    values = {**moved.values, **(finer.values if finer else {})}
    parts = {name: Part(value, tolerance.limit(name)) for name, value in values.items()}
    distance = max(part.distance for part in parts.values())
    found = Diagnosis(before, after, moved, cells, parts, finer)
    blank = blank_word(after)
    if blank and (has_content(before) or (distance > 1 and blank_word(before) is None)):
        parts = {**parts, "blank": Part(1, 0)}
        told = f"the picture is {blank}, the golden one is not"
        kinds = tuple(dict.fromkeys(("blank", *found.kinds)))
        return hard_failure(kinds, told, tolerance.name, parts, ((0, 0, *before.size),))
    part = parts[found.foremost]
    measured = f"{found.foremost} {figure(part.value)}, {tolerance.name} allows {figure(part.limit)}"
    if distance <= 1:
        told = f"{measured}, moved most" if distance else "no part of the fingerprint moved"
        return Comparison("within tolerance", told, tolerance.name, distance=distance, parts=parts)
    told = f"{found.sentence()} ({measured})"
    return Comparison("different", told, tolerance.name, found.kinds, distance, found.regions(), parts)


def _compare_form(golden: Mapping[str, Any], actual: Mapping[str, Any], tolerance: Tolerance) -> Comparison | None:
    before, after = golden["mode"], actual["mode"]
    failed: list[tuple[str, str]] = []
    if list(golden["size"]) != list(actual["size"]):
        (w1, h1), (w0, h0) = actual["size"], golden["size"]
        failed.append(("size", f"size is {w1}x{h1}, was {w0}x{h0}"))
    if _has_alpha(before) != _has_alpha(after):
        change = "lost" if _has_alpha(before) else "gained"
        failed.append(("alpha", f"alpha channel {change} ({after}, was {before})"))
    if _depth(before) != _depth(after):
        failed.append(("depth", f"depth is {_depth(after)} ({after}), was {_depth(before)} ({before})"))
    failed += space_changed(golden, actual)
    whole = ((0, 0, int(actual["size"][0]), int(actual["size"][1])),)
    return form_failure(failed, tolerance.name, whole)


def _has_alpha(mode: str) -> bool:
    return mode.startswith("RGBA")


def _depth(mode: str) -> str:
    colours = "colour" if mode.startswith("RGB") else "grey"
    bits = {"I": "32 bits", "F": "32 bits float", "16": "16 bits", "32F": "32 bits float"}
    return f"{bits.get(mode.rpartition(';')[2], '8 bits')} {colours}"
