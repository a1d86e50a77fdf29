"""Describe animations, and compare them: number of frames, their durations, sampled frames, the trace of all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from PIL import Image

from ..result import Comparison, Part, Region, form_failure, hard_failure
from ..still.colour_space import colour_space, space_changed
from ..still.decoding import frames
from ..still.pixels import FOREVER, canonical, duration, paint_masks, plays
from ..tolerance import Tolerance
from .comparing import compare_counts, compare_summaries
from .summary import Summary


def describe_animation(image: Image.Image, masks: Sequence[Region]) -> dict[str, Any]:
    """Return what is kept of an animation of two frames or more, without a version. Raises UndecodableError.

    What Summary tells, and colour_space and plays where they are not sRGB and without end.
    """
    summary = Summary()
    durations: list[float] = []
    for picture, shown in timed_pictures(image, masks):
        summary.add(picture)
        durations.append(shown)
    described = summary.described(durations)
    if (space := colour_space(image)) is not None:
        described["colour_space"] = space
    if (times := plays(image)) != FOREVER:
        described["plays"] = times
    return described


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
    counts = compare_counts(golden, actual, tolerance)
    return counts or _compare_form(golden, actual, tolerance) or compare_summaries(golden, actual, tolerance)


def _compare_form(golden: Mapping[str, Any], actual: Mapping[str, Any], tolerance: Tolerance) -> Comparison | None:
    failed = space_changed(golden, actual)
    before, after = (int(one.get("plays", FOREVER)) for one in (golden, actual))
    if before != after:
        failed.append(("loop", f"plays {_times(after)}, was {_times(before)}"))
    return form_failure(failed, tolerance.name)


def _times(plays: int) -> str:
    return "without end" if plays == FOREVER else "once" if plays == 1 else f"{plays} times"


def _name(frames: int) -> str:
    return "a still picture" if frames == 1 else f"an animation of {frames} frames"
