"""Compare the fingerprints of two videos: size, number and times of frames, what they show, and the sound track."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..audio.comparing import compare_fingerprints as compare_sound
from ..figures import figure
from ..limits import VIDEO_FRAMES
from ..moving.comparing import compare_counts, compare_summaries
from ..moving.summary import read_durations
from ..result import Comparison, form_failure, hard_failure, identical
from ..tolerance import Tolerance

RATE_SLACK = 0.005
"""Share by which rates may differ: a container that rounds times to milliseconds moves that of a second by 0.1 %."""


def compare_fingerprints(golden: Mapping[str, Any], actual: Mapping[str, Any], tolerance: Tolerance) -> Comparison:
    """Compare two fingerprints: hard failures first, then frames and sound, of which the worse speaks."""
    if golden["content_sha256"] == actual["content_sha256"]:
        return identical("decoded frames, timing and sound are identical", tolerance.name)
    judged = _compare_form(golden, actual, tolerance) or _compare_content(golden, actual, tolerance)
    if tolerance.exact and judged.passed:
        told = "frames, timing or sound differ by less than the fingerprint shows"
        return hard_failure(("bytes",), f"{told} ({tolerance.name} allows none)", tolerance.name, judged.parts)
    return judged


def _compare_form(golden: Mapping[str, Any], actual: Mapping[str, Any], tolerance: Tolerance) -> Comparison | None:
    """Compare what no tolerance covers; only frames of one size and number can be compared one by one."""
    failed: list[tuple[str, str]] = []
    counts = compare_counts(golden, actual, tolerance)
    if counts is not None:
        failed.append(("frames", counts.message))
    if list(golden["size"]) != list(actual["size"]):
        (w1, h1), (w0, h0) = actual["size"], golden["size"]
        failed.append(("size", f"size is {w1}x{h1}, was {w0}x{h0}"))
    rates = golden["rate"], actual["rate"]
    if abs(rates[1] - rates[0]) > RATE_SLACK * max(rates):
        failed.append(("rate", f"{figure(rates[1], 5)} frames a second, was {figure(rates[0], 5)}"))
    before, after = sum(read_durations(golden)) / 1000, sum(read_durations(actual)) / 1000
    if abs(after - before) > RATE_SLACK * max(before, after):
        failed.append(("duration", f"lasts {figure(after)} s, was {figure(before)} s"))
    if (golden["sound"] is None) != (actual["sound"] is None):
        failed.append(("sound", f"the sound track was {'lost' if actual['sound'] is None else 'gained'}"))
    return form_failure(failed, tolerance.name, parts=counts.parts if counts else None)


def _for_frames(tolerance: Tolerance) -> Tolerance:
    """Widen the limits of what lossy compression moves, where none was set."""
    wider = {name: tolerance.limit(name) * by for name, by in VIDEO_FRAMES.items()}
    return replace(tolerance, limits={**wider, **tolerance.limits})


def _compare_content(golden: Mapping[str, Any], actual: Mapping[str, Any], tolerance: Tolerance) -> Comparison:
    frames = compare_summaries(golden, actual, tolerance, _for_frames(tolerance))
    if golden["sound"] is None:
        return frames
    sound = compare_sound(golden["sound"], actual["sound"], tolerance)
    parts = {**frames.parts, **sound.parts}
    heard = sound.distance > frames.distance
    verdict = frames.verdict if sound.passed else sound.verdict
    kinds = frames.kinds if sound.passed else (*frames.kinds, "sound", *sound.kinds)
    if heard and not sound.passed:
        kinds = ("sound", *sound.kinds, *frames.kinds)
    message = f"sound: {sound.message}" if heard else frames.message
    distance = max(frames.distance, sound.distance)
    return Comparison(verdict, message, tolerance.name, tuple(dict.fromkeys(kinds)), distance, frames.regions, parts)
