"""What moved between two fingerprints of sounds on the same rate and channels, statistic by statistic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .grid import CELLS_PER_BLOCK, HOP, Array
from .packing import FLOOR
from .spectrum import PITCH_HOP, band_edges
from .unpacking import QUIET, Pair

Mask = npt.NDArray[np.bool_]

LARGEST_SHIFT = 0.03
"""Seconds that one sound may start after the other: encoders' delay is up to 26 ms where it is not cut off, and
nobody hears less than 40 ms between picture and sound."""
MASKED_ABOVE, MASKED_BELOW, MASKED_IN_TIME = 15.0, 25.0, 20.0
"""dB below the next lower band, the next higher band, and the cell before or after from which on a cell is not
heard beside it; the slopes of simultaneous masking are about 10 and 25 dB a critical band, of 0.8 bands here."""
FAINTEST = 50.0
"""dB below all bands together from which on a band is not heard at the same time."""
STEEPEST = 2.0
"""How much more than the difference between neighbouring cells a shift by one cell may move."""
AUDIBLE = 6.0
"""dB above the floor at which a band is heard at all."""
BACKGROUND_SHARES = 0.05, 0.15, 0.25
"""Share of the time that is quieter than the background, in the middle, and how far it may be off."""
ONE_WAY = 0.8
"""Part of what moved that must have gone up, or down, to say so."""
GAP_DEPTH, CLICK_HEIGHT = 30.0, 30.0
"""Gaps count down to this many dB below the sound's own loudness, clicks from this many below on."""
MOMENT = 0.4
"""Seconds of momentary loudness (EBU Tech 3341)."""

_ENDS = 0.1  # seconds at both ends in which padding makes gaps


@dataclass(frozen=True)
class Moved:
    """One statistic.

    value   as it is judged, 0 or more, in the unit that limits.AUDIO gives
    signed  the same with the direction of the actual sound, where it has one
    span    seconds from and to, where it is a matter of time
    band    Hz from and to, where it is a matter of frequency; 0 and inf for open ends
    swapped whether the two channels changed places, where it is a matter of balance
    """

    value: float
    signed: float = 0.0
    span: tuple[float, float] | None = None
    band: tuple[float, float] | None = None
    swapped: bool = False


def measure(pair: Pair) -> dict[str, Moved]:
    """Return every statistic but length, by name of its limit."""
    found = {
        "loudness": _loudness(pair),
        "momentary": _momentary(pair),
        "spectrum": _spectrum(pair),
        "background": _background(pair),
        "spectrogram": _spectrogram(pair),
        "pitch": _pitch(pair),
        "gap": _gap(pair),
        "click": _click(pair),
        "crest": _crest(pair),
    }
    if pair.arrays["balance"][0].size:
        found["balance"] = _image(pair, "balance")
        found["phase"] = _image(pair, "phase")
    return found


def _levels(pair: Pair, name: str) -> tuple[Array, Array]:
    """Return both levels, each moved by half of the gain towards the other, above one floor."""
    golden, actual = pair.arrays[name]
    floor = _floor(pair)
    return np.maximum(golden + pair.gain / 2, floor), np.maximum(actual - pair.gain / 2, floor)


def _floor(pair: Pair) -> float:
    return FLOOR + abs(pair.gain) / 2


def _beyond(golden: Array, actual: Array, cells: float, masked: Callable[[Array], Array]) -> Array:
    """Return by how much the actual level is above, or below, what a shift of up to so many cells explains.

    The mean of how far each is outside of the range that the other may go through, in dB.
    """
    (low, high), (lowest, highest) = (_reach(one, cells, masked) for one in (golden, actual))
    golden, actual = masked(golden), masked(actual)
    return np.asarray((actual - actual.clip(low, high) + golden.clip(lowest, highest) - golden) / 2)


def _reach(levels: Array, cells: float, masked: Callable[[Array], Array]) -> tuple[Array, Array]:
    """Return lowest and highest level that each cell may have when the sound is shifted either way.

    What a shift can bring or take is in proportion to it and to the difference from the neighbours, as cells
    overlap by half: nothing of a steady sound, all of a beat.
    """
    power = 10 ** (np.pad(levels, [(1, 1), *[(0, 0)] * (levels.ndim - 1)], mode="edge") / 10)
    slope = np.abs(np.diff(power, axis=0))
    moves = STEEPEST * min(1.0, cells) * np.maximum(slope[:-1], slope[1:])
    least = np.maximum(power[1:-1] - moves, 10 ** (FLOOR / 10))
    low, high = 10 * np.log10(least), 10 * np.log10(power[1:-1] + moves)
    return masked(np.minimum(levels, low)), masked(np.maximum(levels, high))


def _unmasked(levels: Array) -> Array:
    """Raise cells to where a louder neighbour would cover them."""
    total = 10 * np.log10((10 ** (levels / 10)).sum(axis=1, keepdims=True))
    raised = np.maximum(levels, total - FAINTEST)
    for band in range(1, raised.shape[1]):
        own, upward = raised[:, band], raised[:, band - 1] - MASKED_ABOVE
        np.maximum(own, upward, out=own)
    for band in range(raised.shape[1] - 2, -1, -1):
        own, downward = raised[:, band], raised[:, band + 1] - MASKED_BELOW
        np.maximum(own, downward, out=own)
    wide = np.pad(raised, [(1, 1), (0, 0)], mode="edge") - MASKED_IN_TIME
    return np.asarray(np.maximum(raised, np.maximum(wide[:-2], wide[2:])))


def _loudness(pair: Pair) -> Moved:
    change = pair.loudness[1] - pair.loudness[0]
    return Moved(abs(change), change)


def _momentary(pair: Pair) -> Moved:
    width = max(1, round(MOMENT / (pair.hops * HOP)))
    golden, actual = (_running(levels, width) for levels in _levels(pair, "level"))
    change = _beyond(
        golden, actual, (LARGEST_SHIFT + HOP) / (pair.hops * HOP), lambda levels: np.maximum(levels, QUIET)
    )
    at = int(np.abs(change).argmax())
    first, last = _stretch(np.abs(change), at)
    return Moved(abs(float(change[at])), float(change[at]), pair.span(first, last + min(width, len(change)) - 1))


def _running(levels: Array, width: int) -> Array:
    width = min(width, len(levels))
    return np.asarray(10 * np.log10(np.convolve(10 ** (levels / 10), np.ones(width) / width, mode="valid")))


def _stretch(amounts: Array, at: int) -> tuple[int, int]:
    """Return the first and last index around `at` where the amounts stay above half of that there."""
    over = amounts >= amounts[at] / 2
    first = last = at
    while first > 0 and over[first - 1]:
        first -= 1
    while last < len(over) - 1 and over[last + 1]:
        last += 1
    return first, last


def _spectrum(pair: Pair) -> Moved:
    """The mean power over time of each band with its neighbours."""
    golden, actual = (_unmasked(levels) for levels in _levels(pair, "mel"))
    means = [10 * np.log10(np.mean(10 ** (levels / 10), axis=0)) for levels in (golden, actual)]
    return _worst_bands(pair, golden, actual, means[1] - means[0])


def _background(pair: Pair) -> Moved:
    """What each band and its neighbours have at the quiet times, where noise and hum are heard.

    Beyond the range of what the other has in a smaller and in a larger share of the time, as there may be cliffs.
    """
    golden, actual = (_unmasked(levels) for levels in _levels(pair, "mel"))
    (low, before, high), (lowest, after, highest) = (
        np.quantile(levels, BACKGROUND_SHARES, axis=0) for levels in (golden, actual)
    )
    change = (after - after.clip(low, high) + before.clip(lowest, highest) - before) / 2
    return _worst_bands(pair, golden, actual, change)


def _worst_bands(pair: Pair, golden: Array, actual: Array, change: Array) -> Moved:
    smooth = np.convolve(np.pad(change, 1, mode="edge"), np.ones(3) / 3, mode="valid")
    at = int(np.abs(smooth).argmax())
    same = np.where(np.sign(smooth) == np.sign(smooth[at]), np.abs(smooth), 0)
    heard = np.maximum(golden, actual).max(axis=0) > _floor(pair) + AUDIBLE
    return Moved(abs(float(smooth[at])), float(smooth[at]), band=_band(*_stretch(same, at), heard))


def _band(first: int, last: int, heard: Mask) -> tuple[float, float]:
    edges = band_edges()
    audible = np.flatnonzero(heard)
    low = 0.0 if not len(audible) or first <= audible[0] else float(edges[first])
    high = float("inf") if not len(audible) or last >= audible[-1] else float(edges[last + 2])
    return low, high


def _spectrogram(pair: Pair) -> Moved:
    """The mean amount in three by three cells; signed where nearly all of them moved the same way."""
    difference = _beyond(*_levels(pair, "mel"), (LARGEST_SHIFT + HOP) / (pair.hops * HOP), _unmasked)
    near, signed = _means_of_nine(np.abs(difference)), _means_of_nine(difference)
    row, column = (int(i) for i in np.unravel_index(int(near.argmax()), near.shape))
    one_way = abs(signed[row, column]) > ONE_WAY * near[row, column]
    return Moved(
        float(near[row, column]),
        float(signed[row, column]) if one_way else 0.0,
        span=pair.span(*_stretch(near[:, column], row)),
        band=_band(*_stretch(near[row], column), np.ones(near.shape[1], dtype=bool)),
    )


def _means_of_nine(cells: Array) -> Array:
    wide = np.pad(cells, 1, mode="edge")
    rows, columns = cells.shape
    return np.asarray(np.mean([wide[i : i + rows, j : j + columns] for i in range(3) for j in range(3)], axis=0))


def _pitch(pair: Pair) -> Moved:
    """Per cent of the sound that lies on other quarter-tones, in the block where it is most."""
    golden, actual = (one / np.maximum(one.sum(axis=1, keepdims=True), 1e-9) for one in pair.arrays["pitch"])
    share = min(1.0, (LARGEST_SHIFT + PITCH_HOP / 2) / (pair.hops * HOP * CELLS_PER_BLOCK))
    (low, high), (lowest, highest) = (_shares_reach(one, share) for one in (golden, actual))
    outside = np.abs(actual - actual.clip(low, high)), np.abs(golden - golden.clip(lowest, highest))
    apart = 25 * (outside[0] + outside[1]).sum(axis=1)
    at = int(apart.argmax())
    return Moved(float(apart[at]), span=pair.span(*_stretch(apart, at), CELLS_PER_BLOCK))


def _shares_reach(shares: Array, part: float) -> tuple[Array, Array]:
    """Return lowest and highest share of each pitch when the sound is shifted by a part of a block either way."""
    wide = np.pad(shares, [(1, 1), (0, 0)], mode="edge")
    earlier, later = ((1 - part) * shares + part * beside for beside in (wide[2:], wide[:-2]))
    return np.minimum(shares, np.minimum(earlier, later)), np.maximum(shares, np.maximum(earlier, later))


def _gap(pair: Pair) -> Moved:
    """How far one sound's quietest moments are below all that the other has there and beside it."""
    golden, actual = pair.arrays["quietest"]
    golden, actual = golden + pair.gain / 2, actual - pair.gain / 2
    floor = max(FLOOR, sum(pair.loudness) / 2 - GAP_DEPTH)
    deeper = _least_beside(np.maximum(golden, floor)) - np.maximum(actual, floor)
    filled = _least_beside(np.maximum(actual, floor)) - np.maximum(golden, floor)
    ends = min(int(np.ceil(_ENDS / (pair.hops * HOP))), (len(golden) - 1) // 2)
    return _larger(pair, filled, deeper, slice(ends, len(golden) - ends))


def _click(pair: Pair) -> Moved:
    """How far one sound's sharpest moments are above all that the other has there and beside it."""
    golden, actual = pair.arrays["sharpest"]
    golden, actual = golden + pair.gain / 2, actual - pair.gain / 2
    floor = max(FLOOR, sum(pair.loudness) / 2 - CLICK_HEIGHT)
    added = np.maximum(actual, floor) + _least_beside(-np.maximum(golden, floor))
    lost = np.maximum(golden, floor) + _least_beside(-np.maximum(actual, floor))
    return _larger(pair, added, lost, slice(0, len(golden)))


def _least_beside(values: Array) -> Array:
    wide = np.pad(values, 1, mode="edge")
    return np.asarray(np.minimum(np.minimum(wide[:-2], wide[2:]), values))


def _larger(pair: Pair, more: Array, less: Array, where: slice) -> Moved:
    """Take the largest of two rows of amounts; that of `less` has the negative sign."""
    amounts = np.maximum(more, less)[where].clip(0)
    at = int(amounts.argmax())
    sign = 1 if more[where][at] >= less[where][at] else -1
    first, last = _stretch(amounts, at)
    return Moved(float(amounts[at]), sign * float(amounts[at]), pair.span(first + where.start, last + where.start))


def _crest(pair: Pair) -> Moved:
    change = pair.crest[1] - pair.crest[0]
    return Moved(abs(change), change)


def _image(pair: Pair, name: str) -> Moved:
    golden, actual = pair.arrays[name]
    change = actual - golden
    largest = np.abs(change).max(axis=(1, 2))
    at = int(largest.argmax())
    flat = int(np.abs(change[at]).argmax())
    mirrored = name == "balance" and 4 * np.abs(actual + golden).mean() < np.abs(change).mean()
    return Moved(
        float(largest[at]),
        float(change[at].flat[flat]),
        pair.span(*_stretch(largest, at), CELLS_PER_BLOCK),
        swapped=bool(mirrored) and change.shape[2] == 1,
    )
