"""Compare the fingerprints of two animations: number of frames, their durations, then the sampled frames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .fingerprints import sample_indices
from .result import Comparison, Part, hard_failure
from .stills import compare_stills
from .tolerance import Tolerance


def compare_animations(golden: Mapping[str, Any], actual: Mapping[str, Any], tolerance: Tolerance) -> Comparison:
    """Compare two fingerprints of which one at least is an animation's.

    The sampled frame that moved most speaks for all; each part shows its largest movement in any of them.
    """
    before, after = golden.get("frames", 1), actual.get("frames", 1)
    if before != after:
        told = f"{_name(after)}, was {_name(before)}"
        return hard_failure(("frames",), told, tolerance.name, {"frames": Part(abs(after - before), 0)})
    frames = sample_indices(before)
    pairs = zip(golden["samples"], actual["samples"], strict=True)
    judged = [compare_stills(kept, made, tolerance) for kept, made in pairs]
    worst = max(range(len(judged)), key=lambda i: judged[i].distance)
    timing, at, change = _duration_part(golden, actual, tolerance)
    message = f"frame {frames[worst] + 1} of {before}: {judged[worst].message}"
    if judged[worst].distance == 0:
        message = judged[worst].message
    if timing.distance > judged[worst].distance:
        message = f"frame {at + 1} of {before} is shown {change} ({tolerance.name} allows {timing.limit:.3g})"
    distance = max(timing.distance, judged[worst].distance)
    parts = {"duration": timing, **_largest(judged)}
    if distance <= 1:
        return Comparison("within tolerance", message, tolerance.name, distance=distance, parts=parts)
    kinds = [kind for one in sorted(judged, key=lambda one: -one.distance) for kind in one.kinds]
    if timing.distance > 1:
        kinds.insert(0 if timing.distance > judged[worst].distance else len(kinds), "duration")
    regions = judged[worst].regions
    return Comparison("different", message, tolerance.name, tuple(dict.fromkeys(kinds)), distance, regions, parts)


def _name(frames: int) -> str:
    return "a still picture" if frames == 1 else f"an animation of {frames} frames"


def _duration_part(golden: Mapping[str, Any], actual: Mapping[str, Any], tolerance: Tolerance) -> tuple[Part, int, str]:
    before, after = _durations(golden), _durations(actual)
    moved = [abs(new - old) for old, new in zip(before, after, strict=True)]
    at = max(range(len(moved)), key=moved.__getitem__)
    part = Part(moved[at], tolerance.limit("duration"))
    return part, at, f"{after[at]:g} ms, was {before[at]:g} ms"


def _durations(fingerprint: Mapping[str, Any]) -> list[float]:
    runs = fingerprint["durations"]
    if sum(count for _, count in runs) != fingerprint["frames"]:
        raise ValueError("durations do not add up to the number of frames")
    return [shown for shown, count in runs for _ in range(count)]


def _largest(judged: list[Comparison]) -> dict[str, Part]:
    largest: dict[str, Part] = {}
    for one in judged:
        for name, part in one.parts.items():
            if name not in largest or part.distance > largest[name].distance:
                largest[name] = part
    return largest
