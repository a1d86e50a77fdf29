"""Loudness by ITU-R BS.1770-4: K-weighting, mean squares, gating."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .decoding import Audio, Samples
from .grid import HOP, Array, Complex

ABSOLUTE_GATE = -70.0
"""LUFS below which a block counts as silence (BS.1770-4, annex 1)."""
RELATIVE_GATE = -10.0
"""LU below the loudness of what passed the absolute gate from which on blocks do not count."""
BLOCK = 20
"""Hops of a gating block: 400 ms; they start every 100 ms."""
STEP = 5

_OFFSET = -0.691  # makes a 997 Hz sine at 0 dBFS in one channel -3.01 LUFS
_SETTLE = 0.1  # seconds in which what went before has died away (by e**-24) in the 38 Hz high-pass
_CHUNK = 2**16  # samples filtered at once, more at high rates
_SURROUND = {5: (1, 1, 1, 1.41, 1.41), 6: (1, 1, 1, 0, 1.41, 1.41), 8: (1, 1, 1, 0, 1.41, 1.41, 1.41, 1.41)}


def weighted_power(audio: Audio) -> Array:
    """Return the K-weighted mean square of each hop (20 ms), weighted and added over the channels."""
    count = max(1, round(audio.seconds / HOP))
    edges = np.minimum(np.rint(np.arange(count + 1) * HOP * audio.rate), audio.samples.shape[1]).astype(np.int64)
    edges[-1] = audio.samples.shape[1]
    channels = audio.samples.shape[0]
    total = np.zeros(count)
    for channel, weight in zip(audio.samples, _SURROUND.get(channels, (1,) * channels), strict=True):
        if weight:
            total += weight * _mean_squares(channel, audio.rate, edges)
    return total


def integrated(power: Array) -> float | None:
    """Return the loudness in LUFS of the power of each hop; None when no block passes the absolute gate."""
    width = min(BLOCK, len(power))
    sums = np.concatenate([[0.0], np.cumsum(power)])
    blocks = ((sums[width:] - sums[:-width]) / width)[::STEP]
    loud = blocks[_lufs(blocks) > ABSOLUTE_GATE]
    if not len(loud):
        return None
    gate = max(ABSOLUTE_GATE, float(_lufs(loud.mean())) + RELATIVE_GATE)
    return float(_lufs(loud[_lufs(loud) > gate].mean()))


def _lufs(power: Array) -> Array:
    return np.asarray(_OFFSET + 10 * np.log10(np.maximum(power, 1e-20)))


def _mean_squares(channel: Samples, rate: int, edges: npt.NDArray[np.int64]) -> Array:
    """Filter in pieces by the transform, each with what went before it, and average between the edges."""
    before = int(_SETTLE * rate)
    chunk = max(_CHUNK, 4 * before)
    size = 1 << (2 * before + chunk - 1).bit_length()
    response = k_weighting(np.arange(size // 2 + 1, dtype=np.float64) * (rate / size), rate)
    out = np.zeros(len(edges) - 1)
    hop = 0
    while hop < len(out):
        last = max(hop + 1, int(np.searchsorted(edges, edges[hop] + chunk, side="right")) - 1)
        start = max(0, int(edges[hop]) - before)
        piece = channel[start : edges[last]].astype(np.float64)
        filtered = np.fft.irfft(np.fft.rfft(piece, size) * response, size)[: len(piece)] ** 2
        at = edges[hop:last] - start
        lengths = np.maximum(np.diff(edges[hop : last + 1]), 1)
        out[hop:last] = np.add.reduceat(filtered, at) / lengths
        hop = last
    return out


def k_weighting(frequency: Array, rate: int) -> Complex:
    """Return the response of the K-weighting at frequencies in Hz, for the bilinear filters at this rate.

    A shelf of +4 dB above 1.7 kHz for the head, then a high-pass at 38 Hz. The centre frequencies, gain and
    qualities are those that give the coefficients that BS.1770-4 prints for 48 kHz.
    """
    z = np.exp(-2j * np.pi * frequency / rate)
    k = np.tan(np.pi * min(1681.974450955533 / rate, 0.49))
    q, high = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    middle = high**0.4996667741545416
    shelf = ((high + middle * k / q + k * k) + 2 * (k * k - high) * z + (high - middle * k / q + k * k) * z * z) / (
        (1 + k / q + k * k) + 2 * (k * k - 1) * z + (1 - k / q + k * k) * z * z
    )
    k = np.tan(np.pi * 38.13547087602444 / rate)
    q = 0.5003270373238773
    norm = 1 + k / q + k * k
    high_pass = (1 - 2 * z + z * z) / (1 + 2 * (k * k - 1) / norm * z + (1 - k / q + k * k) / norm * z * z)
    return np.asarray(shelf * high_pass)
