"""Make the fingerprint of a latent: statistics of every tensor, and a coarse map of the largest ones."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ..lines import shorten
from ..memory import require
from ..packing import pack_halves, pack_signed, rounded, unpack_halves
from .reading import FloatArray, Tensor, read_tensors, usable_values

VERSION = 1
"""Version of the fingerprint; others cannot be compared with it and are made anew from the file."""
MAPPED = 2
"""How many tensors, the largest ones, have a map and statistics by channel."""
CELLS = 1024
"""Most cells of all maps, a byte each."""
CHANNELS = 128
"""Most channels that have statistics of their own; where there are more, neighbours are taken together."""
_BYTES = 48
"""Bytes a value that is looked at takes: as 64-bit floats, and what is made of them."""
SIDE = 8
"""Most cells along an axis that is not the channels', but for sound, which has only one such axis."""


def fingerprint(data: bytes) -> dict[str, Any]:
    """Describe a latent for comparison without it.

    version, content_sha256 (of names, types, shapes and values; metadata do not count) and tensors, by name:
    name, dtype, shape, nan and inf (shares of the values, 0 to 1); of the finite values mean, std, low, high and
    detail (root mean square of the steps along the last axis). The MAPPED largest have as well: grid (cells along
    each axis of `axes_of`), channels (three rows: means, standard deviations and spans of the map, as half
    precision of `largest`) and map (means of the cells less their channel's mean, 127 steps a span).
    Raises UndecodableError.
    """
    tensors = read_tensors(data)
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(f"{tensor.name!r} {tensor.dtype} {tensor.shape}\n".encode())
        digest.update(tensor.raw)
    by_size = sorted((one for one in tensors if math.prod(one.shape)), key=lambda one: -math.prod(one.shape))
    mapped = {one.name for one in by_size[:MAPPED]}
    described = [_describe(one, CELLS // len(mapped) if one.name in mapped else 0) for one in tensors]
    return {"version": VERSION, "content_sha256": digest.hexdigest(), "tensors": described}


def axes_of(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape as batch, channels, and the rest: what has fewer than three axes is one of one channel."""
    return shape if len(shape) >= 3 else (1, 1, *(shape or (1,)))


def channels_of(shape: tuple[int, ...]) -> int:
    """Return how many channels, or groups of them, have statistics of their own."""
    return min(axes_of(shape)[1], CHANNELS)


def grid_of(shape: tuple[int, ...], most: int = CELLS) -> tuple[int, ...]:
    """Return the cells of a map along each axis: all channels, or their groups, and the rest so that it fits."""
    axes = axes_of(shape)
    side = 8 * SIDE if len(axes) == 3 else SIDE
    grid = [min(axes[0], SIDE), channels_of(shape), *(min(length, side) for length in axes[2:])]
    others = [0, *range(2, len(axes))]
    while math.prod(grid) > most:
        largest = max(others, key=lambda axis: grid[axis])
        grid[largest] = (grid[largest] + 1) // 2
    return tuple(grid)


class _Sums:
    """What is gathered over the channels of a tensor."""

    def __init__(self, groups: int) -> None:
        self.means, self.variances, self.counts = np.zeros(groups), np.zeros(groups), np.zeros(groups)
        self.nan = self.inf = self.steps = 0
        self.low, self.high, self.squares = math.inf, -math.inf, 0.0

    def add(self, group: int, values: FloatArray, nan: int, inf: int) -> FloatArray:
        """Take in the values of one group of channels; return them with its mean for what is not finite."""
        finite = values[np.isfinite(values)] if nan or inf else values
        self.nan += nan
        self.inf += inf
        self.counts[group] = finite.size
        if finite.size:
            self.means[group], self.variances[group] = finite.mean(), finite.var()
            self.low, self.high = min(self.low, float(finite.min())), max(self.high, float(finite.max()))
        if nan or inf:
            values = np.where(np.isfinite(values), values, self.means[group])
        steps = np.diff(values, axis=-1)
        self.squares += float(np.square(steps).sum())
        self.steps += steps.size
        return values

    def described(self, count: int) -> dict[str, float]:
        """Return the statistics of the whole tensor, of so many values."""
        known = bool(self.counts.any())
        mean = float(np.average(self.means, weights=self.counts)) if known else 0.0
        spread = (self.means - mean) ** 2 + self.variances
        variance = float(np.average(spread, weights=self.counts)) if known else 0.0
        described = {
            "nan": self.nan / count,
            "inf": self.inf / count,
            "mean": mean,
            "std": math.sqrt(variance),
            "low": self.low if known else 0.0,
            "high": self.high if known else 0.0,
            "detail": math.sqrt(self.squares / max(self.steps, 1)),
        }
        return {name: rounded(value) for name, value in described.items()}


def _describe(tensor: Tensor, cells: int) -> dict[str, Any]:
    """Describe a tensor, with a map of up to so many cells if there are any."""
    described: dict[str, Any] = {"name": tensor.name, "dtype": tensor.dtype, "shape": list(tensor.shape)}
    count = math.prod(tensor.shape)
    if not count:
        return described
    groups, grid = channels_of(tensor.shape), grid_of(tensor.shape, cells or CELLS)
    axes = tensor.stored().reshape(axes_of(tensor.shape))
    largest_group = -(-axes.shape[1] // groups) * (count // axes.shape[1])
    require(largest_group * _BYTES, f'tensor "{shorten(tensor.name)}" has {count} values, and to compare them')
    edges = np.append(_starts(axes.shape[1], groups), axes.shape[1])
    sums = _Sums(groups)
    rows = np.zeros(grid)
    for group in range(groups):
        # One group at a time bounds the memory that float64 takes.
        values = sums.add(group, *usable_values(axes[:, edges[group] : edges[group + 1]], tensor.dtype))
        rows[:, group] = _cell_means(values, grid) - sums.means[group]
    described.update(sums.described(count))
    if cells:
        spans = np.abs(rows).max(axis=tuple(axis for axis in range(rows.ndim) if axis != 1))
        table = [sums.means, np.sqrt(sums.variances), spans]
        channels, largest = pack_halves(table)
        spans = unpack_halves(channels, largest, (3, groups))[2]
        packed = pack_signed(rows, along_channels(spans, rows.ndim))
        described.update(grid=list(grid), channels=channels, largest=largest, map=packed)
    return described


def along_channels(values: FloatArray, axes: int) -> FloatArray:
    """Shape one value a channel so that numpy applies it along the second of so many axes."""
    return values.reshape(1, -1, *[1] * (axes - 2))


def _cell_means(values: FloatArray, grid: tuple[int, ...]) -> FloatArray:
    """Return the mean of each cell of a group of channels: of the grid's shape without the channels' axis."""
    values = values.mean(axis=1)
    for axis, cells in enumerate((grid[0], *grid[2:])):
        starts = _starts(values.shape[axis], cells)
        lengths = np.diff(np.append(starts, values.shape[axis]))
        sums = np.add.reduceat(values, starts, axis=axis)
        values = sums / lengths.reshape(-1, *[1] * (values.ndim - axis - 1))
    return values


def _starts(length: int, cells: int) -> npt.NDArray[np.intp]:
    """Return where each of the cells along an axis begins; they are equally long to within one."""
    return np.arange(cells) * length // cells
