"""Draw splats as three views, near parts light, and where they differ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..drawing import Drawing
from ..drawing.map_sheet import map_sheet
from ..models.drawing import depth_view
from ..models.fingerprints import frame_of
from ..packing import FloatArray
from ..result import CompareError, Region
from .fingerprints import bounds_of, seen
from .reading import Splats, read_splats

_FAINT = 0.1
"""Opacity below which a splat is not drawn."""


def draw(
    golden: bytes, actual: bytes, masks: Sequence[Sequence[int]] = (), regions: Sequence[Region] = ()
) -> Drawing | None:
    """Return a PNG with a row for each axis, of golden, actual and heat map; None where either cannot be read.

    Both stand in one cube. What is nearest to the eye is lightest; heat is the difference of depth.
    """
    try:
        both = [_drawn(read_splats(data)) for data in (golden, actual)]
    except CompareError:
        return None
    found = [bounds_of(one.places, one.opacities) for one in both if len(one.places)]
    if not found:
        return None
    corner, side = frame_of(np.min([low for low, _ in found], axis=0), np.max([high for _, high in found], axis=0))
    before, after = (_inside((one.places - corner) / side) for one in both)
    return Drawing(map_sheet([(depth_view(before, axis), depth_view(after, axis)) for axis in range(3)]))


def _drawn(splats: Splats) -> Splats:
    finite = seen(splats)
    return finite.only(finite.opacities >= _FAINT)


def _inside(places: FloatArray) -> FloatArray:
    found: FloatArray = places[((places >= 0) & (places <= 1)).all(axis=1)]
    return found
