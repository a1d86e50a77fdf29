"""Draw two models as three views, near parts light, and where they differ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..drawing import Drawing
from ..drawing.map_sheet import map_sheet
from ..result import CompareError, Region
from .fingerprints import finite_part, frame_of
from .reading import FloatArray, read_model
from .surface import surface_of

SIDE = 96
"""Cells along each side of a view: about seven points of the surface each."""
FARTHEST = 0.2
"""Lightness of the part farthest away, so that it stands out from the empty background."""


def draw(
    golden: bytes, actual: bytes, masks: Sequence[Sequence[int]] = (), regions: Sequence[Region] = ()
) -> Drawing | None:
    """Return a PNG with a row for each axis, of golden, actual and heat map; None where either cannot be read.

    Both models stand in one cube. What is nearest to the eye is lightest; heat is the difference of depth.
    """
    try:
        models = [finite_part(read_model(data)) for data in (golden, actual)]
    except CompareError:
        return None
    both = [surface_of(model).points for model in models]
    if not sum(map(len, both)):
        return None
    every = np.concatenate(both)
    corner, side = frame_of(every.min(axis=0), every.max(axis=0))
    before, after = ((points - corner) / side for points in both)
    return Drawing(map_sheet([(depth_view(before, axis), depth_view(after, axis)) for axis in range(3)]))


def depth_view(places: FloatArray, axis: int) -> FloatArray:
    """Return lightness by depth along an axis, shape (SIDE, SIDE), the second of the other axes upwards."""
    cells = (np.delete(places, axis, axis=1) * (SIDE - 1)).astype(np.intp).clip(0, SIDE - 1)
    view = np.zeros((SIDE, SIDE))
    np.maximum.at(view, (SIDE - 1 - cells[:, 1], cells[:, 0]), FARTHEST + (1 - FARTHEST) * places[:, axis])
    return view
