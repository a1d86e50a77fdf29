"""What moved between two pictures at hand, pixel by pixel: finer than any fingerprint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..threads import WORTH_PIXELS, each
from .lattice import Grid, grid_between
from .maps import Floats
from .motion import Motion, motion_between
from .profiles import planes_of

LUMA_BLOCK = 8
CHROMA_BLOCK = 16
"""Pixels of the blocks whose mean is judged: small enough for an eye, large enough for noise to cancel out."""
MOTION_SIDE = 256
"""Pixels that the shorter side keeps at least where the move of a picture is looked for."""
_BAND_PIXELS = 2**16
"""Pixels that are measured at once."""
LUMA_NOISE, LUMA_EDGES = 9.0, 0.08
CHROMA_NOISE, CHROMA_EDGES = 2.25, 0.2
"""What a block's mean squared difference is measured in: noise (squared levels), and a share of the mean squared
gradient, as edges move most when a picture is warped by a fraction of a pixel."""


@dataclass(frozen=True)
class PixelChange:
    """What only both pictures at hand can tell.

    cells  "pixels" and "pixels_chroma": the difference of each block, shape (rows, columns), no unit
    grid   the strongest even grid in what differs
    luma   of both pictures, reduced to at least MOTION_SIDE pixels: shape (rows, columns), levels
    size   of the pictures
    """

    cells: Mapping[str, Floats]
    grid: Grid
    luma: tuple[Floats, Floats]
    size: tuple[int, int]

    @cached_property
    def motion(self) -> Motion | None:
        """How the content moved as a whole."""
        return motion_between(*self.luma, self.size)

    @property
    def values(self) -> dict[str, float]:
        """The statistics by the names of `limits.IMAGE`."""
        return {**{name: float(blocks.max()) for name, blocks in self.cells.items()}, "pixels_grid": self.grid.strength}


def pixel_change(golden: Image.Image, actual: Image.Image) -> PixelChange:
    """Return what moved between two 8-bit RGB pictures of one size. The last blocks may be smaller."""
    factor = max(1, min(golden.size) // MOTION_SIDE)
    before, after = (np.asarray(picture.convert("L").reduce(factor), dtype=np.float32) for picture in (golden, actual))
    grid = grid_between(planes_of(golden), planes_of(actual))
    return PixelChange(_block_differences(golden, actual), grid, (before, after), golden.size)


def _block_differences(golden: Image.Image, actual: Image.Image) -> dict[str, Floats]:
    rows = max(1, _BAND_PIXELS // max(1, golden.width) // CHROMA_BLOCK) * CHROMA_BLOCK
    worth = golden.width * golden.height >= WORTH_PIXELS
    bands = each(lambda top: _band(golden, actual, top, rows), range(0, golden.height, rows), worth)
    return {
        "pixels": np.concatenate([luma for luma, _ in bands]),
        "pixels_chroma": np.concatenate([chroma for _, chroma in bands]),
    }


def _band(golden: Image.Image, actual: Image.Image, top: int, rows: int) -> tuple[Floats, Floats]:
    """Measure some rows of blocks: floats of all at once would take ten times what the pictures do."""
    # Two rows more, which are one of the colours: the last gradient of a band looks at the row below it.
    box = 0, top, golden.width, min(golden.height, top + rows + 2)
    before, after = golden.crop(box), actual.crop(box)
    grey, other_grey = (np.asarray(picture.convert("L"))[..., np.newaxis] for picture in (before, after))
    # At half the size, as codecs keep colours: what they take from hard edges no one sees.
    colours, others = (np.asarray(picture.reduce(2).convert("YCbCr"))[..., 1:] for picture in (before, after))
    return (
        _ratio(grey, other_grey, LUMA_BLOCK, LUMA_NOISE, LUMA_EDGES)[: rows // LUMA_BLOCK],
        _ratio(colours, others, CHROMA_BLOCK // 2, CHROMA_NOISE, CHROMA_EDGES)[: rows // CHROMA_BLOCK],
    )


def _ratio(
    before: npt.NDArray[np.uint8], after: npt.NDArray[np.uint8], block: int, noise: float, edges: float
) -> Floats:
    differences = np.zeros(before.shape[:2], dtype=np.float32)
    edges_before, edges_after = np.zeros_like(differences), np.zeros_like(differences)
    for channel in range(before.shape[2]):
        a, b = before[..., channel].astype(np.float32), after[..., channel].astype(np.float32)
        differences += np.square(b - a)
        edges_before += _squared_gradient(a)
        edges_after += _squared_gradient(b)
    # The smoother of the two: what was added must not excuse itself.
    gradients = np.minimum(_means(edges_before, block), _means(edges_after, block))
    ratio: Floats = np.sqrt(_means(differences, block) / (noise + edges * gradients))
    return ratio


def _squared_gradient(values: Floats) -> Floats:
    """Return the squared steps to the next pixel, across plus down; the last ones have none."""
    squares = np.zeros_like(values)
    squares[:, :-1] += np.square(values[:, 1:] - values[:, :-1])
    squares[:-1] += np.square(values[1:] - values[:-1])
    return squares


def _means(values: Floats, block: int) -> Floats:
    height, width = values.shape
    rows, columns = np.arange(0, height, block), np.arange(0, width, block)
    sums = np.add.reduceat(np.add.reduceat(values, columns, axis=1), rows, axis=0)
    counts = np.outer(np.minimum(rows + block, height) - rows, np.minimum(columns + block, width) - columns)
    means: Floats = (sums / counts).astype(np.float32)
    return means
