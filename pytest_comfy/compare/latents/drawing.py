"""Draw the first channels of two latents and where they differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..drawing import Drawing
from ..drawing.map_sheet import map_sheet
from ..result import Region, UndecodableError
from .fingerprints import axes_of
from .reading import FloatArray, Tensor, read_tensors, usable_values

SHOWN_CHANNELS = 4
"""Channels drawn, as many as the first latents had."""
MOST_SIDE = 2048
"""Most values along the sides of a map that are drawn."""


def draw(
    golden: bytes, actual: bytes, masks: Sequence[Sequence[int]] = (), regions: Sequence[Region] = ()
) -> Drawing | None:
    """Return a PNG of the largest tensor: a row for each of the first channels, with golden, actual and heat map.

    Of batches the first item is shown, of videos the middle frame, of sound one row of values. The greys of both
    are on one scale, from the lowest to the highest value of the channel in either. None where either cannot be
    read or no tensor with values has one name and shape in both.
    """
    try:
        before, after = ({one.name: one for one in read_tensors(data)} for data in (golden, actual))
    except UndecodableError:
        return None
    both = [name for name in before if name in after and before[name].shape == after[name].shape]
    largest = max(both, key=lambda name: math.prod(before[name].shape), default=None)
    if largest is None or not math.prod(before[largest].shape):
        return None
    channels = zip(_channels(before[largest]), _channels(after[largest]), strict=True)
    return Drawing(map_sheet([_scaled(*pair) for pair in channels]))


def _channels(tensor: Tensor) -> list[FloatArray]:
    stored: npt.NDArray[Any] = tensor.stored().reshape(axes_of(tensor.shape))[0, :SHOWN_CHANNELS]
    while stored.ndim > 3:
        stored = stored[:, stored.shape[1] // 2]
    if stored.ndim == 2:
        stored = stored[:, np.newaxis]
    values, _, _ = usable_values(np.ascontiguousarray(stored[:, :MOST_SIDE, :MOST_SIDE]), tensor.dtype)
    return list(values)


def _scaled(before: FloatArray, after: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Bring both to 0 to 1 by one scale; what is not finite is 0 in one and so hot where the other is finite."""
    finite = np.concatenate([values[np.isfinite(values)] for values in (before, after)])
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    span = (high - low) or 1.0
    first, second = (np.nan_to_num((values - low) / span, nan=0.0) for values in (before, after))
    return first, second
