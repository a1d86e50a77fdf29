"""Where frames are missing or were added, when two moving pictures have not the same number of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .frames import frame_name
from .look import FloatArray
from .movement import octaves, signatures_moved
from .trace import Trace

_SAME = 1.5
"""Mean distance, in levels, up to which two runs of frames show the same."""
_WEIGHT = 8.0
"""Levels that an octave of change from frame to frame counts for: it tells neighbours apart that look alike."""


def told_apart(golden: Trace, actual: Trace, durations: Sequence[float], counts: tuple[int, int]) -> str:
    """Say which frames are missing or new, as a clause after the numbers of frames; "" when it cannot be said.

    durations  milliseconds of the frames of the longer of the two
    counts     frames of golden and of actual
    """
    if golden.step > 1 or actual.step > 1:
        return ""
    before, after = counts
    longer, shorter = (golden, actual) if before > after else (actual, golden)
    if len(shorter) < 2:
        return ""
    gap = len(longer) - len(shorter)
    shown = _sums(_cost(longer, shorter, 0), _cost(longer, shorter, gap))
    changes = _sums(_change(longer, shorter, 0), _change(longer, shorter, gap))
    # The first frame after the cut has another one before it.
    changes[:-1] -= _change(longer, shorter, gap)
    at = int((shown + _WEIGHT * changes).argmin())
    if shown[at] <= _SAME * len(shorter):
        where = frame_name(at, len(longer), durations, at + gap - 1)
        return f"{where} {'is' if gap == 1 else 'are'} {'missing' if before > after else 'new'}"
    here = np.arange(len(shorter))
    for last in (len(longer) - 1, len(longer) - gap // len(shorter) - 1):
        there = np.rint(here * (last / (len(shorter) - 1))).astype(int)
        if _apart(longer.signature[there], shorter.signature).mean() <= 2 * _SAME:
            return f"the same is shown in {'fewer' if before > after else 'more'} frames"
    return ""


def _sums(head: FloatArray, tail: FloatArray) -> FloatArray:
    """Return, for each place of the cut, the sum of what stands before it and of what stands from there on."""
    sums: FloatArray = np.concatenate([[0], np.cumsum(head)]) + np.append(np.cumsum(tail[::-1])[::-1], 0)
    return sums


def _cost(longer: Trace, shorter: Trace, late: int) -> FloatArray:
    return _apart(longer.signature[late : late + len(shorter)], shorter.signature)


def _change(longer: Trace, shorter: Trace, late: int) -> FloatArray:
    return octaves(longer.motion[late : late + len(shorter)], shorter.motion)


def _apart(golden: FloatArray, actual: FloatArray) -> FloatArray:
    luma, chroma = signatures_moved(golden, actual)
    apart: FloatArray = luma + chroma
    return apart
