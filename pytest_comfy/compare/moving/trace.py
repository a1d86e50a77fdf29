"""The trace of moving pictures: a few numbers of every frame, thinned where there are very many."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import base85
from .look import LUMA, SIGNATURE, FloatArray, Look

MOST_POINTS = 512
"""Most points of a trace; longer ones have two, four, ... frames a point: 21 seconds at 24 frames a second."""
MOTION_SCALE = 16.0
"""Stored motion is this times the square root of levels: 0 to 255 levels in 8 bits, finest where little moves."""
MOTION_FLOOR = 1.0
"""Levels added to changes before two are compared by their ratio: compression alone moves as much."""
ONWARD_SCALE = 16.0
"""Steps an octave; 8 octaves either way are the most that 8-bit levels can make."""

# Mean Cb and Cr are stored in half levels: they hardly ever leave the middle half of their range.
_SIGNATURE_SCALE = np.array([1] * LUMA + [2, 2, 1], dtype=np.float32)
_SIGNATURE_OFFSET = np.array([0] * LUMA + [128, 128, 0], dtype=np.float32)


@dataclass(frozen=True)
class Trace:
    """What is known of each point, a run of `step` frames of which the last may be shorter.

    step       frames a point
    signature  mean of the frames, shape (points, SIGNATURE), in levels
    motion     largest change to the frame before of any of the frames, shape (points,), in levels
    least      smallest such change, likewise
    onward     smallest ratio of the change to the frame two before to that, likewise, in octaves: about 1 where things
               move on, below 0 where they go back, as they do about frames in the wrong order
    """

    step: int
    signature: FloatArray
    motion: FloatArray
    least: FloatArray
    onward: FloatArray

    def __len__(self) -> int:
        return len(self.signature)


@dataclass
class _Point:
    frames: int
    sums: FloatArray
    motion: float = 0.0
    least: float = math.inf
    onward: float = math.inf

    def join(self, other: _Point) -> None:
        self.frames += other.frames
        self.sums = self.sums + other.sums
        self.motion = max(self.motion, other.motion)
        self.least = min(self.least, other.least)
        self.onward = min(self.onward, other.onward)


class Tracer:
    """Takes the looks of frames in order and keeps at most MOST_POINTS points, whatever their number."""

    def __init__(self) -> None:
        self.step = 1
        self._points: list[_Point] = []
        self._before: Look | None = None
        self._two_before: Look | None = None

    def add(self, look: Look) -> None:
        """Take the next frame."""
        point = _Point(1, look.signature)
        if self._before is not None:
            point.motion = point.least = look.change(self._before)
            if self._two_before is not None:
                change = look.change(self._two_before)
                point.onward = math.log2((change + MOTION_FLOOR) / (point.motion + MOTION_FLOOR))
        self._before, self._two_before = look, self._before
        if self._points and self._points[-1].frames < self.step:
            self._points[-1].join(point)
            return
        if len(self._points) == MOST_POINTS:
            self._halve()
        self._points.append(point)

    def _halve(self) -> None:
        self.step *= 2
        for even, odd in zip(self._points[::2], self._points[1::2], strict=True):
            even.join(odd)
        self._points = self._points[::2]

    def packed(self) -> dict[str, Any]:
        """Return the trace JSON-able: step, and signature, motion, onward and (of steps above 1) least in base85."""
        points = self._points
        signature = np.stack([point.sums / point.frames for point in points])
        packed: dict[str, Any] = {
            "step": self.step,
            "signature": base85.pack(signature * _SIGNATURE_SCALE + _SIGNATURE_OFFSET),
            "motion": base85.pack(_squeezed([point.motion for point in points])),
            "onward": base85.pack(_finite([point.onward for point in points]) * ONWARD_SCALE + 128),
        }
        if self.step > 1:
            packed["least"] = base85.pack(_squeezed([point.least for point in points]))
        return packed


def unpack(packed: Mapping[str, Any], frames: int) -> Trace:
    """Read what Tracer.packed gave for this number of frames. Raises KeyError, TypeError, ValueError."""
    step = packed["step"]
    if not isinstance(step, int) or step < 1:
        raise ValueError("the trace has no step")
    points = -(-frames // step)
    names = ["motion", "onward", *(["least"] if step > 1 else [])]
    shapes = [(packed["signature"], (points, SIGNATURE)), *((packed[name], (points,)) for name in names)]
    signature, motion, onward, *least = base85.unpack(shapes)
    return Trace(
        step,
        (signature - _SIGNATURE_OFFSET) / _SIGNATURE_SCALE,
        _changes(motion),
        _changes(least[0] if least else motion),
        (onward - 128) / np.float32(ONWARD_SCALE),
    )


def _squeezed(changes: list[float]) -> FloatArray:
    return np.sqrt(_finite(changes)) * np.float32(MOTION_SCALE)


def _finite(values: list[float]) -> FloatArray:
    """Return the values, 0 for the points without: the first frame has none before it."""
    return np.nan_to_num(np.asarray(values, dtype=np.float32), posinf=0.0)


def _changes(squeezed: FloatArray) -> FloatArray:
    return (squeezed / np.float32(MOTION_SCALE)) ** 2
