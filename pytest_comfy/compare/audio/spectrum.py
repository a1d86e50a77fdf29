"""What a sound is made of: its mel spectrogram, the image between its channels, and its pitches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .decoding import Audio
from .grid import CELLS_PER_BLOCK, HOP, Array, Grid, block_means, frequencies, spectra

BANDS = 32
"""Mel bands of the spectrogram."""
LOWEST, HIGHEST = 40.0, 16_000.0
"""Hz. Below, and above, hearing is poor; encoders cut off what is above and centre speakers what is below."""
HIGHEST_SHARE = 0.43
"""Part of the sampling rate above which nothing counts: there filters of encoders and of resampling end."""
WINDOW = 0.046
"""Seconds of one spectrum: 2048 samples at 44.1 kHz."""
IMAGE_BANDS = 8
"""Bands of the stereo image: four mel bands each."""
CHROMA = 24
"""Quarter-tones of an octave."""

PITCH_HOP = 0.15
"""Seconds from one spectrum to the next in which pitches are measured."""

_PITCH_WINDOW = 0.3  # seconds: 3.3 Hz apart, where a quarter-tone is 7 Hz or more
_PITCH_RANGE = 250.0, 5000.0
_INAUDIBLE = 1e-7  # -70 dBFS: below, there is no image and no pitch
_FAINT = 1e-3  # nor where a band has less than -30 dB of what all bands have at that time


@dataclass(frozen=True)
class Spectrogram:
    """Power in cells and bands.

    power    shape (cells, BANDS), mean squares added over the channels
    balance  shape (blocks, IMAGE_BANDS, channels - 1): level of each channel but the last against the mean of
             the others, dB, 0 where nothing is to be heard
    phase    the same shape: correlation of each channel but the first with the first one, -1 to 1, 0 where
             nothing is to be heard
    """

    power: Array
    balance: Array
    phase: Array


def band_edges() -> Array:
    """Return the BANDS + 2 corner frequencies in Hz of the triangular bands, equally spaced in mel."""
    low, high = (2595 * np.log10(1 + f / 700) for f in (LOWEST, HIGHEST))
    return np.asarray(700 * (10 ** (np.linspace(low, high, BANDS + 2) / 2595) - 1))


def spectrogram(audio: Audio, grid: Grid) -> Spectrogram:
    """Measure a sound of finite samples."""
    bands = _triangles(frequencies(WINDOW, audio.rate), band_edges())
    powers, crosses = [], []
    for piece in spectra(audio.samples, audio.rate, WINDOW, HOP):
        powers.append((piece.real**2 + piece.imag**2) @ bands.T)
        crosses.append((piece[1:] * piece[:1].conj()).real @ bands.T)
    power = np.concatenate(powers, axis=1).transpose(1, 2, 0)
    cross = np.concatenate(crosses, axis=1).transpose(1, 2, 0)
    cells = grid.spread(power)
    wide = block_means(_joined(cells))
    return Spectrogram(cells.sum(axis=2), _balance(wide), _phase(wide, block_means(_joined(grid.spread(cross)))))


def _triangles(frequency: Array, edges: Array) -> Array:
    """Return the weights, shape (bands, bins), that are 1 in the middle of a band and 0 at its neighbours'."""
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (frequency - low) / (middle - low), (high - frequency) / (high - middle)
    return np.asarray(np.minimum(rising, falling).clip(0) * (frequency < HIGHEST_SHARE * 2 * frequency[-1]))


def _joined(cells: Array) -> Array:
    """Add up the mel bands of each band of the image: (cells, BANDS, channels) to (cells, IMAGE_BANDS, channels)."""
    return np.asarray(cells.reshape(cells.shape[0], IMAGE_BANDS, BANDS // IMAGE_BANDS, cells.shape[2]).sum(axis=2))


def _faint(power: Array) -> Array:
    """Return the power of each block and band, last axis 1, that is too little to be heard beside the rest."""
    return np.asarray(_INAUDIBLE + _FAINT * power.sum(axis=(1, 2), keepdims=True))


def _balance(power: Array) -> Array:
    others = (power.sum(axis=2, keepdims=True) - power) / max(1, power.shape[2] - 1)
    faint = _faint(power)
    return np.asarray(10 * np.log10((power + faint) / (others + faint))[:, :, :-1])


def _phase(power: Array, cross: Array) -> Array:
    together = np.sqrt(power[:, :, :1] * power[:, :, 1:])
    return np.asarray(cross / (together + _faint(power)))


def pitches(audio: Audio, grid: Grid) -> Array:
    """Return the share of each quarter-tone, octaves folded, in each block: shape (blocks, CHROMA), adding up to 1.

    Where nothing is to be heard all shares are equal.
    """
    frequency = frequencies(_PITCH_WINDOW, audio.rate)
    inside = (frequency >= _PITCH_RANGE[0]) & (frequency <= min(_PITCH_RANGE[1], HIGHEST_SHARE * audio.rate))
    tones = CHROMA * np.log2(frequency[inside] / 440)
    lower = np.floor(tones)
    weights = np.zeros((len(tones), CHROMA))
    for tone, share in ((lower, 1 - (tones - lower)), (lower + 1, tones - lower)):
        weights[np.arange(len(tones)), (tone % CHROMA).astype(np.int64)] += share
    parts = []
    for piece in spectra(audio.samples, audio.rate, _PITCH_WINDOW, PITCH_HOP):
        heard = piece[:, :, inside]
        parts.append((heard.real**2 + heard.imag**2).sum(axis=0) @ weights)
    slots = np.concatenate(parts)
    starts = np.rint(np.arange(grid.blocks) * CELLS_PER_BLOCK * grid.seconds / PITCH_HOP).astype(np.int64)
    starts = np.minimum(starts, len(slots) - 1)
    power = np.add.reduceat(slots, starts) / np.diff([*starts, len(slots)])[:, None] + _INAUDIBLE / CHROMA
    return np.asarray(power / power.sum(axis=1, keepdims=True))
