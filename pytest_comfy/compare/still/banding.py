"""Tell posterized pictures by their histograms, whatever noise came before or after."""

from __future__ import annotations

import numpy as np
from PIL import Image

from .maps import Floats

SMOOTHING = 1.2
"""Standard deviation, in levels, of the kernel that histograms are smoothed with.

It fills what a picture of few values leaves empty as noise would, so noise changes little; the gaps of 32
evenly spaced levels, 8 apart, stay.
"""
NEIGHBOURHOOD = 6
"""Levels to each side that a level is measured against."""
SCARCE = 1 / 256 / 32
"""Share of all pixels that counts as none: a 32nd of what an even histogram has at each level."""
SCARCE_PIXELS = 4.0
"""The same in pixels, for pictures so small that single pixels make the histogram rough."""

_REACH = 6
_KERNEL = np.exp(-(np.arange(-_REACH, _REACH + 1) ** 2) / (2 * SMOOTHING**2))


def shares_of_levels(seen: Image.Image) -> Floats:
    """Return the share of all pixels of an 8-bit RGB picture that have each value of R, G and B: shape (3, 256)."""
    counts = np.array(seen.histogram(), dtype=np.float32).reshape(3, 256)
    return counts / np.float32(max(1, seen.width * seen.height))


def roughness(counts: Floats, pixels: int) -> Floats:
    """Return how rough each histogram is, in octaves, of `counts` (channels, 256), shares of `pixels`.

    It is the mean distance of the logarithm from its own local mean: near 0 for photographs, 1 to 2 for combs.
    """
    logs = np.log2(_smoothed(counts) + max(SCARCE, SCARCE_PIXELS / max(1, pixels)))
    width = 2 * NEIGHBOURHOOD + 1
    padded = np.pad(logs, ((0, 0), (NEIGHBOURHOOD + 1, NEIGHBOURHOOD)), mode="edge")
    padded[:, 0] = 0
    sums = padded.cumsum(axis=1)
    local = (sums[:, width:] - sums[:, :-width]) / width
    rough: Floats = np.abs(logs - local).mean(axis=1)
    return rough


def _smoothed(counts: Floats) -> Floats:
    """Smooth; at both ends the kernel is cut off and scaled up, since no value lies beyond."""
    weight = np.convolve(np.ones(counts.shape[1]), _KERNEL, "same")
    return np.stack([np.convolve(row, _KERNEL, "same") / weight for row in counts])
