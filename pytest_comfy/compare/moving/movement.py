"""How far the traces of two moving pictures of equally many frames lie apart, point by point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..result import Part
from ..tolerance import Tolerance
from .look import LUMA, FloatArray
from .trace import MOTION_FLOOR, Trace


@dataclass(frozen=True)
class Moved:
    """What moved at each point: all arrays of shape (points,).

    luma    largest difference of the cells of the luma map, in levels
    chroma  length of the difference of mean Cb and Cr, in levels
    motion  by how many octaves the change from frame to frame is larger or smaller
    order   by how many octaves things move on or go back more than they did, see Trace.onward
    """

    luma: FloatArray
    chroma: FloatArray
    motion: FloatArray
    order: FloatArray

    def parts(self, tolerance: Tolerance) -> dict[str, Part]:
        """Return the largest of each with its limit."""
        return {
            name: Part(round(float(values.max(initial=0)), 6), tolerance.limit(name))
            for name, values in self.by_name().items()
        }

    def by_name(self) -> dict[str, FloatArray]:
        """Return the arrays under the names that tolerances use."""
        return {"frame_luma": self.luma, "frame_chroma": self.chroma, "motion": self.motion, "order": self.order}


def moved(golden: Trace, actual: Trace) -> Moved:
    """Compare two traces of the same number of points."""
    luma, chroma = signatures_moved(golden.signature, actual.signature)
    motion = np.maximum(octaves(golden.motion, actual.motion), octaves(golden.least, actual.least))
    return Moved(luma, chroma, motion, np.abs(actual.onward - golden.onward))


def signatures_moved(golden: FloatArray, actual: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return luma and chroma as in Moved, of signatures along the last axis; the other axes broadcast."""
    difference = actual - golden
    luma = np.abs(difference[..., :LUMA]).max(axis=-1)
    chroma = np.hypot(difference[..., LUMA], difference[..., LUMA + 1])
    return luma, chroma


def octaves(golden: FloatArray, actual: FloatArray) -> FloatArray:
    """Return how far two motions lie apart, as the absolute base-2 logarithm of their ratio."""
    ratio: FloatArray = np.abs(np.log2((actual + MOTION_FLOOR) / (golden + MOTION_FLOOR)))
    return ratio
