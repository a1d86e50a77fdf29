"""How a sound is cut into cells in time and bands in frequency, whatever its length and rate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

HOP = 0.02
"""Seconds from one spectrum to the next."""
SHORTEST_CELL = 2
"""Hops of the shortest cell: 40 ms, about what hearing takes for one event."""
SHORT_CELLS, LONG_CELLS, LONG_FROM = 64, 160, 8
"""Most cells of a sound; the larger number for those whose cells would be more than LONG_FROM hops (160 ms)."""
CELLS_PER_BLOCK = 8
"""Cells of one block, the coarser unit of time in which pitch and stereo image are kept."""

Array = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]

_CHUNK = 2**20  # values transformed at once: 16 MiB as complex numbers


@dataclass(frozen=True)
class Grid:
    """The cells of a sound in time.

    hops    length of a cell in hops, SHORTEST_CELL times a power of two: two sounds of nearly the same
            length have the same, or one has twice the other's and can be reduced to it
    cells   number of cells; the last one ends with the sound and is half to one and a half cells long
    """

    hops: int
    cells: int

    @property
    def seconds(self) -> float:
        """Return the length of a cell."""
        return self.hops * HOP

    @property
    def blocks(self) -> int:
        """Return the number of blocks; the last one is half to one and a half blocks long."""
        return blocks_of(self.cells)

    def spread(self, values: Array) -> Array:
        """Return weighted means, shape (cells, ...), of values at each hop, shape (hops, ...).

        Neighbouring cells overlap by half, so that a sound moved by a few milliseconds moves them a little.
        """
        length = values.shape[0]
        out = np.empty((self.cells, *values.shape[1:]))
        for cell in range(self.cells):
            first = max(0, min((cell - 1) * self.hops + self.hops // 2, length - 1))
            last = length if cell == self.cells - 1 else min(length, first + 2 * self.hops)
            at = np.arange(first, max(last, first + 1)) + 0.5
            weights = np.maximum(1 - np.abs(at - (cell + 0.5) * self.hops) / self.hops, 1e-9)
            out[cell] = np.tensordot(weights / weights.sum(), values[first : first + len(at)], axes=1)
        return out


def block_means(values: Array) -> Array:
    """Return the mean of each block, shape (blocks, ...), of values at each cell, shape (cells, ...)."""
    ends = [*range(CELLS_PER_BLOCK, blocks_of(len(values)) * CELLS_PER_BLOCK, CELLS_PER_BLOCK), len(values)]
    return np.stack([values[a:b].mean(axis=0) for a, b in zip([0, *ends[:-1]], ends, strict=True)])


def blocks_of(cells: int) -> int:
    """Return the number of blocks of so many cells."""
    return max(1, (cells + CELLS_PER_BLOCK // 2) // CELLS_PER_BLOCK)


def grid_of(seconds: float) -> Grid:
    """Return the grid of a sound of this length."""
    hops = SHORTEST_CELL
    while round(seconds / (hops * HOP)) > (SHORT_CELLS if hops <= LONG_FROM else LONG_CELLS):
        hops *= 2
    return Grid(hops, max(1, round(seconds / (hops * HOP))))


def spectra(samples: npt.NDArray[np.float32], rate: int, window: float, hop: float) -> Iterator[Complex]:
    """Yield the spectra of windows of `window` seconds every `hop` seconds, shape (channels, windows, bins).

    Hann windows, scaled so that the squared magnitudes of one spectrum add up to the mean square of the
    samples in it. A few windows at a time, with silence before and after the sound.
    """
    width = max(4, round(window * rate))
    size = fft_size(window, rate)
    shape = np.hanning(width + 1)[:-1]
    scale = np.sqrt(2 / (size * (shape**2).sum()))
    length = samples.shape[1]
    count = max(1, int(np.ceil(length / (hop * rate))))
    centres = ((np.arange(count) + 0.5) * hop * rate).astype(np.int64)
    chunk = max(1, _CHUNK // (size * samples.shape[0]))
    for first in range(0, count, chunk):
        starts = centres[first : first + chunk] - width // 2
        low, high = int(starts[0]), int(starts[-1]) + width
        piece = samples[:, max(0, low) : min(length, high)]
        piece = np.pad(piece, ((0, 0), (max(0, -low), max(0, high - max(length, low)))))
        windows = piece[:, (starts - low)[:, None] + np.arange(width)]
        yield np.fft.rfft(windows * shape, size, axis=2) * scale


def fft_size(window: float, rate: int) -> int:
    """Return the number of points of the transforms that `spectra` makes."""
    return 1 << (max(4, round(window * rate)) - 1).bit_length()


def frequencies(window: float, rate: int) -> Array:
    """Return the frequency in Hz of each bin that `spectra` gives."""
    return np.asarray(np.fft.rfftfreq(fft_size(window, rate), 1 / rate), dtype=np.float64)
