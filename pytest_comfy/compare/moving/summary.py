"""One pass over moving pictures: sampled frames, the trace of all of them, durations. Memory does not grow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image

from ..memory import fits
from ..still.blank import blank_word
from ..still.fingerprints import unpack_still
from ..threads import each
from .frames import frame_fingerprint
from .look import look_at
from .trace import MOST_POINTS, Tracer, unpack

SAMPLES = 8
"""Most frames that are kept as fingerprints, evenly spaced from the first on; the last is kept besides."""


MOST_KEPT = 2**24
"""Bytes of sampled frames that are kept until the end: 9 of 682x682."""
STILL = 0.4
"""Levels of change between frames, root mean square of reduced ones, up to which nothing moves: encoders' rounding."""


class Summary:
    """Takes canonical pictures in order; each may be changed by its owner once the next was added."""

    def __init__(self) -> None:
        self.count = 0
        self._stride = 1
        self._samples: dict[int, Image.Image | dict[str, Any]] = {}
        self._trace = Tracer()
        self._last: Image.Image | None = None

    def add(self, picture: Image.Image) -> None:
        """Take the next frame, in canonical form, masks painted over."""
        self._trace.add(look_at(picture))
        if self.count % self._stride == 0:
            if len(self._samples) == SAMPLES:
                self._stride *= 2
                self._samples = {i: kept for i, kept in self._samples.items() if i % self._stride == 0}
            if self.count % self._stride == 0:
                self._samples[self.count] = self._sampled(picture)
        self._last = picture
        self.count += 1

    def _sampled(self, picture: Image.Image) -> Image.Image | dict[str, Any]:
        """Return a small frame itself, as half of the samples are dropped again, and the fingerprint of a large one."""
        size = 4 * picture.width * picture.height * (SAMPLES + 1)
        return picture.copy() if size <= MOST_KEPT and fits(size) else frame_fingerprint(picture)

    def described(self, durations: Sequence[float]) -> dict[str, Any]:
        """Return the summary, JSON-able; durations are each frame's milliseconds.

        frames, durations as [[milliseconds, how many frames in a row], ...] (means over some frames where there
        are more than MOST_POINTS), samples (of the frames sample_indices names), trace.
        """
        if self._last is not None and self.count - 1 not in self._samples:
            self._samples[self.count - 1] = self._last
        return {
            "frames": self.count,
            "durations": run_lengths(durations),
            "samples": each(_fingerprint, self._samples.values()),
            "trace": self._trace.packed(),
        }


def _fingerprint(sample: Image.Image | dict[str, Any]) -> dict[str, Any]:
    return sample if isinstance(sample, dict) else frame_fingerprint(sample)


def sample_indices(count: int) -> tuple[int, ...]:
    """Return the indices, from 0, of the frames kept of `count`: every first, second, fourth, ... and the last."""
    stride = 1
    while -(-count // stride) > SAMPLES:
        stride *= 2
    return tuple(sorted({*range(0, count, stride), count - 1}))


def run_lengths(durations: Sequence[float]) -> list[list[float]]:
    """Return runs of equal durations as [milliseconds, frames], means of neighbours where there are very many."""
    step = 1
    while -(-len(durations) // step) > MOST_POINTS:
        step *= 2
    runs: list[list[float]] = []
    for at in range(0, len(durations), step):
        group = durations[at : at + step]
        mean = round(sum(group) / len(group), 3)
        if runs and runs[-1][0] == mean:
            runs[-1][1] += len(group)
        else:
            runs.append([mean, len(group)])
    return runs


def read_durations(described: Mapping[str, Any]) -> list[float]:
    """Return each frame's milliseconds. Raises ValueError when they do not add up to the number of frames."""
    runs = described["durations"]
    if sum(count for _, count in runs) != described["frames"]:
        raise ValueError("durations do not add up to the number of frames")
    return [shown for shown, count in runs for _ in range(count)]


def blank_frames(described: Mapping[str, Any]) -> str | None:
    """Return how moving pictures look that show nothing, by what `Summary.described` told of them; None for others."""
    words = {blank_word(unpack_still(sample)) for sample in described["samples"]}
    if words and None not in words:
        return words.pop() if len(words) == 1 else "blank"
    still = float(unpack(described["trace"], described["frames"]).motion.max(initial=0)) <= STILL
    return "one still picture throughout" if still and described["frames"] > 1 else None
