"""Describe animations, and compare them: number of frames, their durations, sampled frames, the trace of all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from PIL import Image

from ..result import Comparison, Part, Region, hard_failure
from ..still.decoding import frames
from ..still.pixels import canonical, duration, paint_masks
from ..tolerance import Tolerance
from .comparing import compare_counts, compare_summaries
from .summary import Summary


def describe_animation(image: Image.Image, masks: Sequence[Region]) -> dict[str, Any]:
    """Return what is kept of an animation of two frames or more, without a version. Raises UndecodableError."""
    summary = Summary()
    durations: list[float] = []
    for picture, shown in timed_pictures(image, masks):
        summary.add(picture)
        durations.append(shown)
    return summary.described(durations)


def timed_pictures(image: Image.Image, masks: Sequence[Region] = ()) -> Iterator[tuple[Image.Image, float]]:
    """Yield each frame in canonical form, masks painted over, and its milliseconds."""
    for frame in frames(image):
        picture = paint_masks(canonical(frame), masks)
        yield (picture.copy() if picture is frame else picture), duration(frame)


def compare_animations(golden: Mapping[str, Any], actual: Mapping[str, Any], tolerance: Tolerance) -> Comparison:
    """Compare two fingerprints of which one at least is an animation's."""
    before, after = golden.get("frames", 1), actual.get("frames", 1)
    if 1 in (before, after):
        told = f"{_name(after)}, was {_name(before)}"
        return hard_failure(("frames",), told, tolerance.name, {"frames": Part(abs(after - before), 0)})
    return compare_counts(golden, actual, tolerance) or compare_summaries(golden, actual, tolerance)


def _name(frames: int) -> str:
    return "a still picture" if frames == 1 else f"an animation of {frames} frames"
