"""What spectra do not show: gaps and clicks shorter than a cell, and how far peaks stand out."""

from __future__ import annotations

import numpy as np

from .decoding import Audio
from .grid import Array, Grid

CLICK_FRAME = 0.002
"""Seconds over which a click is measured; hearing adds up over about that."""
GAP_FRAMES = 5
"""Such frames, in a row, over which the quietest moment is measured: gaps of 12 ms hold 10 ms for sure."""
PEAK_SHARE = 0.001
"""Share of the samples that are above the peak level: 1 ms in a second, which one click cannot be."""

_CHUNK = 2**20
_STEP = 0.05  # dB of the classes in which sample levels are counted
_CLASSES = 4000  # down to -200 dB


def quietest_and_sharpest(audio: Audio, grid: Grid) -> tuple[Array, Array]:
    """Return for each cell the mean square of its quietest 10 ms, and of the treble of its sharpest 2 ms.

    Treble is the second difference: it passes the highest frequency whole, half of that at -6 dB, and less
    below with the square of the frequency. Both are added over the channels.
    """
    samples, rate = audio.samples, audio.rate
    frame = max(1, round(CLICK_FRAME * rate))
    step = max(1, _CHUNK // (frame * samples.shape[0])) * frame
    offset = _offset(audio)
    means, peaks = [], []
    for first in range(0, samples.shape[1], step):
        piece = samples[:, max(0, first - 2) : first + step].astype(np.float64) - offset
        treble = np.diff(piece, 2, axis=1, prepend=piece[:, :1].repeat(0 if first else 2, axis=1)) / 4
        means.append(_means((piece[:, min(2, first) :] ** 2).sum(axis=0), frame))
        peaks.append(_means((treble**2).sum(axis=0), frame))
    each = np.concatenate(means)
    width = min(GAP_FRAMES, len(each))
    quiet = np.convolve(each, np.ones(width) / width, mode="valid")
    return (
        _by_cell(quiet.clip(0), frame / rate, grid, np.minimum),
        _by_cell(np.concatenate(peaks), frame / rate, grid, np.maximum),
    )


def _offset(audio: Audio) -> Array:
    """Return the mean of each channel, shape (channels, 1): a constant is not heard."""
    return np.asarray(audio.samples.mean(axis=1, keepdims=True, dtype=np.float64))


def crest(audio: Audio) -> float:
    """Return by how many dB the level that PEAK_SHARE of the samples exceed is above the root mean square.

    0.0 of silence. Clipping and limiting lower it, clicks and bursts raise it, gain does not move it.
    """
    counts = np.zeros(_CLASSES, dtype=np.int64)
    squares = 0.0
    for channel, offset in zip(audio.samples, _offset(audio), strict=True):
        for first in range(0, len(channel), _CHUNK):
            power = (channel[first : first + _CHUNK].astype(np.float64) - offset) ** 2
            squares += float(power.sum())
            below = -10 * np.log10(np.maximum(power, 1e-20)) / _STEP
            counts += np.bincount((below + _CLASSES // 5).clip(0, _CLASSES - 1).astype(np.int64), minlength=_CLASSES)
    mean = squares / audio.samples.size
    if mean < 1e-18:
        return 0.0
    loudest = np.searchsorted(np.cumsum(counts), audio.samples.size * PEAK_SHARE)
    peak = -(float(loudest) - _CLASSES // 5) * _STEP
    return peak - 10 * float(np.log10(mean))


def _means(power: Array, width: int) -> Array:
    """Return the mean of each frame of `width`; what is left over at the end counts with the last one."""
    starts = np.arange(0, max(1, len(power) - width + 1), width)
    lengths = np.diff([*starts, len(power)])
    return np.asarray(np.add.reduceat(power, starts) / lengths)


def _by_cell(frames: Array, seconds: float, grid: Grid, pick: np.ufunc) -> Array:
    """Return the picked frame of each cell, frames being `seconds` long."""
    edges = np.rint(np.arange(grid.cells) * grid.seconds / seconds).astype(np.int64)
    return np.asarray(pick.reduceat(frames, np.minimum(edges, len(frames) - 1)))
