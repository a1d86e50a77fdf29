"""What happened to the frames of moving pictures, in words: black, frozen, repeated, swapped, reversed, missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..figures import figure
from ..tolerance import Tolerance
from .frames import frame_name
from .look import LUMA, FloatArray
from .movement import Moved, octaves, signatures_moved
from .trace import MOTION_FLOOR, Trace

BLACK, WHITE = 10.0, 245.0
"""Levels of which no cell of a black frame is above and none of a white one below; compression moves some five."""
FLAT = 1.5
"""Largest contrast of a frame of one tone, in levels; the golden frame has twice as much at least."""
EXPLAINED = 0.4
"""Share of the difference that another order of the frames may leave for it to be what happened."""
EXPLAINED_BY_SPEED = 0.2
"""The same for another speed: half the speed leaves half of what anything does that stands still."""
QUIET = 0.5
"""Levels of change, root mean square, that compression makes of frames that are the same."""
SPEEDS = (0.5, 2 / 3, 0.75, 0.8, 1.25, 4 / 3, 1.5, 2.0)
"""Speeds that are looked for: those between the rates in use (12, 15, 16, 20, 24, 25, 30)."""
FARTHEST = 48
"""Most frames by which one is looked for earlier or later than it was."""

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Fault:
    """What happened: the kind for the report, the sentence without limits."""

    kind: str
    message: str


class Frames:
    """Two traces of equally many frames and their durations, for those who look for one fault each."""

    def __init__(self, golden: Trace, actual: Trace, moved: Moved, durations: Sequence[float], limits: Tolerance):
        self.golden, self.actual, self.moved = golden, actual, moved
        self.durations, self.count = durations, len(durations)
        self.limits = limits
        self.direct = self.apart(golden.signature, actual.signature)
        self.unlike = np.flatnonzero(self.direct > 1)

    def apart(self, golden: FloatArray, actual: FloatArray) -> FloatArray:
        """Return how far signatures lie apart, 1 at the limits of `normal` or the looser ones in force."""
        luma, chroma = signatures_moved(golden, actual)
        normal: FloatArray = np.maximum(
            luma / max(_limit(self.limits, "frame_luma"), 1.0), chroma / max(_limit(self.limits, "frame_chroma"), 0.5)
        )
        return normal

    def name(self, first: int, last: int | None = None) -> str:
        """Name the frames of the points first to last."""
        if first == 0 and last == len(self.golden) - 1:
            return f"all {self.count} frames"
        step = self.golden.step
        end = min(((first if last is None else last) + 1) * step, self.count) - 1
        return frame_name(first * step, self.count, self.durations, end)


def _limit(limits: Tolerance, name: str) -> float:
    limit = limits.limit(name)
    return limit if np.isfinite(limit) else 1e6


def find_fault(frames: Frames) -> Fault | None:
    """Return what happened, the most telling first, or None when it has no name."""
    for look_for in (_blank, _reversed, _swapped, _neighbours_swapped, _speed, _frozen, _shifted):
        found = look_for(frames)
        if found:
            return found
    return None


def blank_tone(golden: FloatArray, actual: FloatArray) -> str:
    """Name the one tone that a signature has and the golden one has not: black, white or flat; else ""."""
    cells = actual[:LUMA]
    flat = actual[-1] <= FLAT < golden[-1] / 2
    if cells.max() <= BLACK and (flat or golden[:LUMA].max() > 2 * BLACK):
        return "black"
    if cells.min() >= WHITE and (flat or golden[:LUMA].min() < WHITE - BLACK):
        return "white"
    return "of one tone" if flat else ""


def _blank(frames: Frames) -> Fault | None:
    tones = {int(i): blank_tone(frames.golden.signature[i], frames.actual.signature[i]) for i in frames.unlike}
    blank = [i for i, tone in tones.items() if tone]
    if not blank:
        return None
    first, last = _first_run(np.asarray(blank))
    several = "" if len(blank) == last - first + 1 else f", and {len(blank) - (last - first + 1)} others likewise"
    return Fault("blank", f"{frames.name(first, last)}: {tones[first]}{several}")


def _reversed(frames: Frames) -> Fault | None:
    backwards = frames.apart(frames.golden.signature[::-1], frames.actual.signature)
    if len(frames.unlike) and backwards.mean() <= EXPLAINED * frames.direct.mean():
        return Fault("order", f"the {frames.count} frames run backwards")
    return None


def _swapped(frames: Frames) -> Fault | None:
    if len(frames.unlike) != 2:
        return None
    one, other = (int(i) for i in frames.unlike)
    crossed = frames.apart(frames.golden.signature[[other, one]], frames.actual.signature[[one, other]])
    if crossed.max() > EXPLAINED * frames.direct[[one, other]].min() or frames.golden.step > 1:
        return None
    return Fault("order", f"frames {one + 1} and {other + 1} of {frames.count} changed places")


def _neighbours_swapped(frames: Frames) -> Fault | None:
    """Look for a frame before its predecessor, by the changes about it, as the two often look alike."""
    if frames.golden.step > 1 or frames.moved.order.max(initial=0) <= _limit(frames.limits, "order"):
        return None
    golden, actual = frames.golden, frames.actual
    at = int((golden.onward - actual.onward).argmax()) - 2
    if not 1 <= at < len(golden) - 2:
        return None
    # Each change of the actual frames is one that the golden ones have between the same two frames.
    over_two = (golden.motion + MOTION_FLOOR) * 2**golden.onward - MOTION_FLOOR
    expected = np.array([over_two[at + 1], golden.motion[at + 1], over_two[at + 2]])
    if octaves(expected, actual.motion[at : at + 3]).max() > _limit(frames.limits, "motion") / 2:
        return None
    return Fault("order", f"frames {at + 1} and {at + 2} of {frames.count} changed places")


def _frozen(frames: Frames) -> Fault | None:
    """Look for the longest run of frames without change among which there was some."""
    golden, actual = frames.golden.least, frames.actual.least
    stopped = (actual < golden) & (octaves(golden, actual) > _limit(frames.limits, "motion")) & (actual < 2 * QUIET)
    still = np.flatnonzero(stopped | ((actual < QUIET) & (np.arange(len(actual)) > 0)))
    runs = [run for run in _runs(still) if stopped[run[0] : run[1] + 1].any()]
    if not runs:
        return None
    first, last = max(runs, key=lambda run: (stopped[run[0] : run[1] + 1].sum(), -run[0]))
    if first == last and frames.golden.step == 1:
        more = f", as do {len(runs) - 1} others" if len(runs) > 1 else ""
        return Fault("motion", f"{frames.name(first)}: repeats the one before{more}")
    return Fault("motion", f"{frames.name(first, last)}: frozen")


def _shifted(frames: Frames) -> Fault | None:
    """Look for a run of frames that are shown earlier or later, by as many frames all along."""
    if len(frames.unlike) < 2:
        return None
    first, last = int(frames.unlike[0]), int(frames.unlike[-1])
    here = np.arange(first, last + 1)
    best, by = np.inf, 0
    for shift in range(-FARTHEST, FARTHEST + 1):
        there = here + shift
        inside = (there >= 0) & (there < len(frames.golden))
        if shift and inside.sum() * 2 > len(here):
            left = frames.apart(frames.golden.signature[there[inside]], frames.actual.signature[here[inside]]).mean()
            if left < best:
                best, by = float(left), shift
    if best > EXPLAINED * frames.direct[here].mean():
        return None
    shifted = abs(by) * frames.golden.step
    how = f"{shifted} frame{'s' if shifted > 1 else ''} {'early' if by > 0 else 'late'}"
    return Fault("order", f"{frames.name(first, last)}: {how}")


def _speed(frames: Frames) -> Fault | None:
    here = np.arange(len(frames.golden))
    best, at = np.inf, 1.0
    for speed in SPEEDS:
        there = np.rint(here * speed).astype(int)
        inside = there < len(frames.golden)
        left = frames.apart(frames.golden.signature[there[inside]], frames.actual.signature[here[inside]]).mean()
        if left < best:
            best, at = float(left), speed
    if not len(frames.unlike) or best > EXPLAINED_BY_SPEED * frames.direct.mean():
        return None
    return Fault("order", f"the {frames.count} frames show the same at {figure(at)} times the speed")


def _runs(indices: Indices) -> list[tuple[int, int]]:
    """Return the runs of neighbouring indices as (first, last)."""
    if not len(indices):
        return []
    breaks = np.flatnonzero(np.diff(indices) > 1) + 1
    return [(int(run[0]), int(run[-1])) for run in np.split(indices, breaks)]


def _first_run(indices: Indices) -> tuple[int, int]:
    return _runs(indices)[0]
