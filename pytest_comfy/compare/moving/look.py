"""One frame reduced to a few numbers: enough to tell it from its neighbours and to see it go dark."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..still.pixels import visible

GRID = 4
"""Cells along each side of the map of mean luma."""
SIDE = 32
"""Side in pixels of the reduced frame that is measured; fine enough that small things are seen to move."""
LUMA = GRID * GRID
SIGNATURE = LUMA + 3
"""Numbers of a signature: the luma cells by rows, mean Cb, mean Cr, contrast."""

FloatArray = npt.NDArray[np.float32]

# ITU-R BT.601, as Pillow's conversion to "YCbCr": rows are Y, Cb, Cr; Cb and Cr without their offset of 128.
_YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], dtype=np.float32)


@dataclass(frozen=True)
class Look:
    """A frame as measured: levels are 0-255.

    signature  SIGNATURE levels; Cb and Cr are 0 for grey, contrast is the standard deviation of luma
    luma       the reduced frame, shape (SIDE, SIDE)
    """

    signature: FloatArray
    luma: FloatArray

    def change(self, other: Look) -> float:
        """Return the root of the mean squared difference of the reduced frames, in levels."""
        difference = self.luma - other.luma
        return float(np.sqrt((difference * difference).mean()))


def look_at(picture: Image.Image) -> Look:
    """Measure a canonical picture; transparency over mid-grey."""
    reduced = visible(picture).resize((SIDE, SIDE), Image.Resampling.BOX)
    planes = np.asarray(reduced, dtype=np.float32) @ _YCBCR.T
    luma = np.ascontiguousarray(planes[:, :, 0])
    step = SIDE // GRID
    cells = luma.reshape(GRID, step, GRID, step).mean(axis=(1, 3)).ravel()
    chroma = planes[:, :, 1:].mean(axis=(0, 1))
    return Look(np.concatenate([cells, chroma, [luma.std()]]).astype(np.float32), luma)
