"""Compare the fingerprints of two still pictures."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .fingerprints import HASH_SIZE, grid_of
from .limits import NORMAL_LIMITS
from .result import Comparison, Part, Region, hard_failure
from .tolerance import Tolerance

ANOTHER_PICTURE = 60
"""Hash bits from which on it is called another picture, of 256."""

_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as Pillow's conversion to "L"

Cells = npt.NDArray[np.float64]


def compare_stills(golden: Mapping[str, Any], actual: Mapping[str, Any], tolerance: Tolerance) -> Comparison:
    """Compare size, alpha channel and depth, which no tolerance covers; then hash, colours and alpha."""
    hard = _compare_form(golden, actual, tolerance)
    if hard is not None:
        return hard
    columns, rows = grid_of((golden["size"][0], golden["size"][1]))
    before = _cells(golden["colour"], columns, rows)
    shift = _cells(actual["colour"], columns, rows) - before
    per_cell = np.linalg.norm(shift, axis=2)
    lighter = float((shift @ _LUMA).mean())
    values = {
        "phash": float(_flipped_bits(golden, actual)),
        "colour": float(per_cell.max()),
        "brightness": abs(lighter),
    }
    if golden["alpha"] is not None:
        alpha = np.abs(_cells(actual["alpha"], columns, rows) - _cells(golden["alpha"], columns, rows))
        values["alpha"] = float(alpha.max())
        per_cell = np.maximum(per_cell, alpha[:, :, 0])
    if "range" in golden:
        values["range"] = _range_moved(golden["range"], actual["range"])
    parts = {name: Part(value, tolerance.limit(name)) for name, value in values.items()}
    foremost = max(parts, key=lambda name: _rank(name, parts[name]))
    if values["phash"] > max(ANOTHER_PICTURE, parts["phash"].limit):
        foremost = "phash"
    message = _sentence(foremost, parts[foremost], lighter, tolerance)
    distance = max(part.distance for part in parts.values())
    if distance <= 1:
        return Comparison("within tolerance", message, tolerance.name, distance=distance, parts=parts)
    kinds = _kinds(parts, foremost, before, shift)
    regions = _regions(per_cell, parts["colour"].limit, (golden["size"][0], golden["size"][1]))
    return Comparison("different", message, tolerance.name, kinds, distance, regions, parts)


def _rank(name: str, part: Part) -> tuple[float, float]:
    """Order parts by distance; by what `normal` would say where a limit of 0 makes all distances infinite."""
    return part.distance, part.value / NORMAL_LIMITS[name]


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
    if not failed:
        return None
    kinds = tuple(kind for kind, _ in failed)
    parts = {kind: Part(1, 0) for kind in kinds}
    return hard_failure(kinds, "; ".join(told for _, told in failed), tolerance.name, parts)


def _has_alpha(mode: str) -> bool:
    return mode.startswith("RGBA")


def _depth(mode: str) -> str:
    colours = "colour" if mode.startswith("RGB") else "grey"
    bits = {"I": "32 bits", "F": "32 bits float"}.get(mode, "16 bits" if mode.endswith(";16") else "8 bits")
    return f"{bits} {colours}"


def _flipped_bits(golden: Mapping[str, Any], actual: Mapping[str, Any]) -> int:
    """Count the bits that differ and are steady in either picture: the others say nothing."""
    differ = int(golden["phash"], 16) ^ int(actual["phash"], 16)
    return (differ & (int(golden["steady"], 16) | int(actual["steady"], 16))).bit_count()


def _range_moved(golden: list[float], actual: list[float]) -> float:
    span = max(golden[1] - golden[0], actual[1] - actual[0])
    moved = max(abs(golden[0] - actual[0]), abs(golden[1] - actual[1]))
    if moved == 0:
        return 0.0
    return moved * 255 / span if span else math.inf


def _cells(packed: str, columns: int, rows: int) -> Cells:
    values = np.frombuffer(base64.b64decode(packed, validate=True), dtype=np.uint8)
    return values.reshape(rows, columns, -1).astype(np.float64)


def _sentence(name: str, part: Part, lighter: float, tolerance: Tolerance) -> str:
    if part.value == 0:
        return "no part of the fingerprint moved"
    allowed = f"({tolerance.name} allows {part.limit:.3g})"
    if name == "phash":
        other = "another picture: " if part.value > ANOTHER_PICTURE else ""
        return f"{other}phash moved {part.value:.0f} of {HASH_SIZE**2} bits {allowed}"
    if name == "brightness":
        return f"brightness moved {lighter:+.3g} levels {allowed}"
    if name == "range":
        return f"range of values moved {part.value:.3g} 255ths of its width {allowed}"
    return f"{name} moved {part.value:.3g} levels where it moved most {allowed}"


def _kinds(parts: Mapping[str, Part], foremost: str, before: Cells, shift: Cells) -> tuple[str, ...]:
    failed = [name for name, part in parts.items() if part.distance > 1]
    failed.sort(key=lambda name: _rank(name, parts[name]), reverse=True)
    failed.sort(key=lambda name: name != foremost)
    names = {"phash": "structure", "range": "brightness", "colour": _colour_kind(before, shift)}
    return tuple(dict.fromkeys(names.get(name, name) for name in failed))


def _colour_kind(before: Cells, shift: Cells) -> str:
    """Say what the cells' change is.

    Brightness where one gain and bias for all of them leave less than half of it unexplained, else colour
    where the R, G and B of the worst cell parted, else structure.
    """
    levels, moved = before.ravel(), shift.ravel()
    tone = np.stack([levels, np.ones_like(levels)], axis=1)
    gain_and_bias = np.linalg.lstsq(tone, moved, rcond=None)[0]
    if np.linalg.norm(moved - tone @ gain_and_bias) < np.linalg.norm(moved) / 2:
        return "brightness"
    worst = shift.reshape(-1, 3)[np.linalg.norm(shift, axis=2).argmax()]
    parted = np.linalg.norm(worst - worst.mean()) > np.linalg.norm(worst) / 2
    return "colour" if parted else "structure"


def _regions(per_cell: Cells, limit: float, size: tuple[int, int]) -> tuple[Region, ...]:
    """Return the cells beyond the limit, worst first; where none is, those from half the worst on."""
    worst = float(per_cell.max())
    from_on = limit if worst > limit else worst / 2
    rows, columns = per_cell.shape
    regions: list[Region] = []
    for cell in np.argsort(-per_cell, axis=None, kind="stable"):
        row, column = divmod(int(cell), columns)
        if per_cell[row, column] <= 0 or per_cell[row, column] < from_on:
            break
        left, top = column * size[0] // columns, row * size[1] // rows
        right, bottom = -(-(column + 1) * size[0] // columns), -(-(row + 1) * size[1] // rows)
        regions.append((left, top, right - left, bottom - top))
    return tuple(regions)
