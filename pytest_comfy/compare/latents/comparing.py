"""Compare the fingerprints of two latents: their form, then how far statistics and map of each tensor moved."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..figures import figure, signed
from ..limits import rank
from ..lines import shorten
from ..packing import FloatArray, unpack_halves, unpack_signed
from ..result import Comparison, Part, hard_failure, identical
from ..tolerance import Tolerance
from .fingerprints import along_channels, axes_of, channels_of, grid_of

_KINDS = {
    "latent_shift": "brightness",
    "latent_gain": "brightness",
    "latent_range": "brightness",
    "latent_detail": "structure",
    "latent_local": "structure",
    "latent_cosine": "structure",
}
_UNITS = {"latent_gain": 100.0, "latent_detail": 100.0}
"""What shares are multiplied by to be shown as percent."""

Described = Mapping[str, Any]


@dataclass(frozen=True)
class _Moved:
    """One statistic of one tensor: how far it moved and how a sentence tells it."""

    name: str
    part: Part
    told: str

    @property
    def rank(self) -> tuple[float, float]:
        """What to order by."""
        return rank(self.name, self.part)


def compare_fingerprints(golden: Described, actual: Described, tolerance: Tolerance) -> Comparison:
    """Compare two fingerprints. Names, shapes, NaN and infinities are covered by no tolerance."""
    if golden["content_sha256"] == actual["content_sha256"]:
        return identical("tensors are identical", tolerance.name)
    hard = _compare_form(golden["tensors"], actual["tensors"], tolerance)
    if hard is not None:
        return hard
    pairs = list(zip(golden["tensors"], actual["tensors"], strict=True))
    moved = [one for before, after in pairs for one in _moved(before, after, tolerance)]
    moved.sort(key=lambda one: one.rank, reverse=True)
    parts: dict[str, Part] = {}
    for one in moved:
        parts.setdefault(one.name, one.part)
    other_types = [_type_change(before, after) for before, after in pairs if before["dtype"] != after["dtype"]]
    worst = moved[0] if moved and moved[0].part.value else None
    message = worst.told if worst else "no part of the fingerprint moved"
    kinds = tuple(dict.fromkeys(_KINDS[one.name] for one in moved if one.part.distance > 1))
    if tolerance.exact and other_types:
        message, kinds = f"{other_types[0]} (exact allows no other)", ("dtype", *kinds)
        return hard_failure(kinds, message, tolerance.name, parts)
    if tolerance.exact and not kinds:
        told = "values differ by less than the fingerprint shows (exact allows none)"
        return hard_failure(("bytes",), told, tolerance.name, parts)
    distance = max((one.part.distance for one in moved), default=0.0)
    return Comparison(
        "different" if kinds else "within tolerance", message, tolerance.name, kinds, distance, parts=parts
    )


def _compare_form(golden: Sequence[Described], actual: Sequence[Described], tolerance: Tolerance) -> Comparison | None:
    before, after = ({one["name"]: one for one in tensors} for tensors in (golden, actual))
    failed: list[tuple[str, str]] = []
    failed += [("structure", f"{_shown(name)} is missing") for name in before if name not in after]
    failed += [("structure", f"{_shown(name)} is new") for name in after if name not in before]
    for name in before:
        if name in after:
            failed += _form_of_tensor(_shown(name), before[name], after[name])
    if not failed:
        return None
    told = "; ".join(dict.fromkeys(sentence for _, sentence in failed[:3]))
    more = f"; and {len(failed) - 3} more changes" if len(failed) > 3 else ""
    return hard_failure(tuple(dict.fromkeys(kind for kind, _ in failed)), told + more, tolerance.name)


def _form_of_tensor(name: str, before: Described, after: Described) -> list[tuple[str, str]]:
    if list(before["shape"]) != list(after["shape"]):
        return [("shape", f"{name} is {_by(after['shape'])}, was {_by(before['shape'])}")]
    if "nan" not in before:
        return []  # no values
    failed = []
    for key, word in (("nan", "NaN"), ("inf", "infinite")):
        old, new = before[key], after[key]
        if old != new:
            was = f"{figure(100 * old)} %" if old else "none"
            failed.append(("blank", f"{name} has {_share(new)} {word}, was {was}"))
    if not failed and (before["std"] == 0) != (after["std"] == 0):
        told = f"is flat, all {figure(after['mean'], 4)}, and was not"
        if not before["std"]:
            told = f"was flat, all {figure(before['mean'], 4)}"
        failed.append(("blank", f"{name} {told}"))
    return failed


def _moved(before: Described, after: Described, tolerance: Tolerance) -> list[_Moved]:
    """Return how far each statistic of a tensor moved."""
    if "nan" not in before:
        return []
    name = _shown(before["name"])
    deviation = math.hypot(before["std"], after["std"]) / math.sqrt(2)
    size = math.sqrt((_squares(before) + _squares(after)) / 2)
    unit = max(deviation, size / 1000) or 1.0
    found: list[_Moved] = []

    def add(part: str, value: float, told: str) -> None:
        limit = tolerance.limit(part)
        scale, percent = _UNITS.get(part, 1.0), " %" if part in _UNITS else ""
        allowed = f"({tolerance.name} allows {figure(limit * scale)}{percent})"
        found.append(_Moved(part, Part(value, limit), f"{name}{told} {allowed}"))

    steps = [one["detail"] / max(one["std"], unit / 10) for one in (before, after)]
    detail = _ratio(steps[0], steps[1], 1.0)
    add("latent_detail", abs(detail), f": detail moved {signed(100 * detail)} %")
    ends = max((after[end] - before[end] for end in ("low", "high")), key=abs) / unit
    add("latent_range", abs(ends), f": lowest or highest value moved {signed(ends)} standard deviations")
    if "map" not in before:
        shift = (after["mean"] - before["mean"]) / unit
        add("latent_shift", abs(shift), f": mean moved {signed(shift)} standard deviations")
        gain = _ratio(before["std"], after["std"], unit)
        add("latent_gain", abs(gain), f": spread moved {signed(100 * gain)} %")
        return found
    shape = tuple(before["shape"])
    (means0, stds0, cells0), (means1, stds1, cells1) = _mapped(before, shape), _mapped(after, shape)
    # A channel that hardly varies is not measured by its own noise.
    units = np.maximum(np.sqrt((stds0**2 + stds1**2) / 2), unit / 10)
    shifts = (means1 - means0) / units
    at = int(np.abs(shifts).argmax())
    add("latent_shift", float(abs(shifts[at])),
        f"{_channel(at, shape)}: mean moved {signed(shifts[at])} standard deviations")  # fmt: skip
    gains = [_ratio(float(old), float(new), unit) for old, new in zip(stds0, stds1, strict=True)]
    at = max(range(len(gains)), key=lambda i: abs(gains[i]))
    add("latent_gain", abs(gains[at]), f"{_channel(at, shape)}: spread moved {signed(100 * gains[at])} %")
    local = (cells1 - cells0) / along_channels(units, cells0.ndim)
    where = np.unravel_index(int(np.abs(local).argmax()), local.shape)
    add("latent_local", float(abs(local[where])),
        f"{_channel(int(where[1]), shape)}{_place(where, local.shape, shape)}: "
        f"mean of a cell moved {signed(local[where])} standard deviations")  # fmt: skip
    turned = _turned(cells0 / along_channels(units, cells0.ndim), cells1 / along_channels(units, cells0.ndim))
    add("latent_cosine", turned, f": cosine to the golden map is {figure(1 - turned)}, {figure(turned)} below 1")
    return found


def _mapped(described: Described, shape: tuple[int, ...]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return means and standard deviations by channel, and the map."""
    means, deviations, spans = unpack_halves(described["channels"], described["largest"], (3, channels_of(shape)))
    grid = tuple(described["grid"])
    if len(grid) != len(grid_of(shape)):
        raise ValueError("a map of another shape")
    return means, deviations, unpack_signed(described["map"], along_channels(spans, len(grid)), grid)


def _turned(before: FloatArray, after: FloatArray) -> float:
    """Return how far the cosine of two maps is below 1; 0 where neither has anything to show."""
    lengths = float(np.linalg.norm(before)), float(np.linalg.norm(after))
    if not all(lengths):
        return 0.0 if lengths[0] == lengths[1] else 1.0
    return max(0.0, 1 - float((before * after).sum()) / (lengths[0] * lengths[1]))


def _ratio(before: float, after: float, unit: float) -> float:
    """Return the change as a share of the larger of the two, or of a tenth of the unit where that is more."""
    return (after - before) / max(before, after, unit / 10)


def _squares(described: Described) -> float:
    return float(described["mean"] ** 2 + described["std"] ** 2)


def _shown(name: str) -> str:
    return shorten(name)


def _by(shape: Sequence[int]) -> str:
    return "x".join(str(length) for length in shape) or "a single value"


def _share(share: float) -> str:
    return f"{figure(100 * share)} % of its values" if share else "no values"


def _type_change(before: Described, after: Described) -> str:
    return f"{_shown(before['name'])} is {after['dtype']}, was {before['dtype']}"


def _channel(index: int, shape: tuple[int, ...]) -> str:
    if len(shape) < 3:
        return ""
    count, groups = shape[1], channels_of(shape)
    first, last = index * count // groups, (index + 1) * count // groups - 1
    return f", channel {first}" if first == last else f", channels {first} to {last}"


def _place(where: Sequence[Any], grid: tuple[int, ...], shape: tuple[int, ...]) -> str:
    """Say which part of each axis but the channels' a cell is, from 0, as slices are written."""
    if len(shape) < 3:
        axes = axes_of(shape)[2:]
        where, grid = tuple(where)[2:], grid[2:]
    else:
        axes = (shape[0], *shape[2:])
        where, grid = (where[0], *tuple(where)[2:]), (grid[0], *grid[2:])
    spans = [(int(i) * n // cells, (int(i) + 1) * n // cells) for i, n, cells in zip(where, axes, grid, strict=True)]
    return f", at [{', '.join(f'{first}:{last}' for first, last in spans)}]"
