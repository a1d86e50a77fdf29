"""Compare two moving pictures by their summaries: number of frames, durations, sampled frames, trace."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..figures import figure, signed
from ..result import Comparison, Part, Region, hard_failure
from ..still.regions import pixels_of
from ..tolerance import Tolerance
from .count import told_apart
from .faults import Fault, Frames, find_fault
from .frames import compare_frames, frame_name
from .look import GRID, LUMA
from .movement import Moved, moved
from .summary import read_durations, sample_indices
from .trace import Trace, unpack

Described = Mapping[str, Any]


def compare_counts(golden: Described, actual: Described, tolerance: Tolerance) -> Comparison | None:
    """Return the failure of summaries of different numbers of frames, saying which are missing or new."""
    before, after = golden["frames"], actual["frames"]
    if before == after:
        return None
    durations = read_durations(golden if before > after else actual)
    where = told_apart(_trace(golden), _trace(actual), durations, (before, after))
    told = f"{after} frames, was {before}" + (f": {where}" if where else "")
    return hard_failure(("frames",), told, tolerance.name, {"frames": Part(abs(after - before), 0)})


def compare_summaries(
    golden: Described, actual: Described, tolerance: Tolerance, frames: Tolerance | None = None
) -> Comparison:
    """Compare two summaries of the same number of frames.

    The sampled frame that moved most speaks, unless the trace shows more or can name what happened. `frames` is
    the tolerance of the sampled frames, where it is another.
    """
    count, durations = golden["frames"], read_durations(golden)
    samples = _compare_samples(golden, actual, frames or tolerance)
    worst = max(range(len(samples)), key=lambda i: samples[i].distance)
    timing, timing_told = _compare_durations(durations, read_durations(actual), tolerance)
    before, after = _trace(golden), _trace(actual)
    trace = moved(before, after)
    trace_parts = trace.parts(tolerance)
    trace_distance = max(part.distance for part in trace_parts.values())
    sampled = samples[worst].distance
    distance = max(timing.distance, sampled, trace_distance)
    parts = {"duration": timing, **_largest(samples), **trace_parts}
    where = frame_name(sample_indices(count)[worst], count, durations)
    message = f"{where}: {samples[worst].message}" if sampled > 0 else "no part of the fingerprint moved"
    regions = samples[worst].regions
    fault = _fault(before, after, trace, durations, tolerance) if distance > 1 else None
    if trace_distance > sampled:
        name = max(trace_parts, key=lambda name: trace_parts[name].distance)
        at = int(trace.by_name()[name].argmax())
        message = (
            f"{_points(before, at, durations)}: {_sentence(name, before, after, at, trace_parts[name], tolerance)}"
        )
        regions = _regions(before, after, at, _size(golden), tolerance)
    if fault is not None:
        message = fault.message
    elif timing.distance > max(sampled, trace_distance):
        message = timing_told
    if distance <= 1:
        return Comparison("within tolerance", message, tolerance.name, distance=distance, parts=parts)
    kinds = [(timing.distance, "duration")] if timing.distance > 1 else []
    kinds += [(one.distance, kind) for one in samples for kind in one.kinds]
    kinds += [
        (part.distance, _kind(name, before, after, trace)) for name, part in trace_parts.items() if part.distance > 1
    ]
    kinds.sort(key=lambda kind: -kind[0])
    named = [*([fault.kind] if fault else []), *(kind for _, kind in kinds)]
    return Comparison("different", message, tolerance.name, tuple(dict.fromkeys(named)), distance, regions, parts)


def _trace(described: Described) -> Trace:
    return unpack(described["trace"], described["frames"])


def _size(described: Described) -> tuple[int, int]:
    width, height = described["samples"][0]["size"]
    return width, height


def _compare_samples(golden: Described, actual: Described, tolerance: Tolerance) -> list[Comparison]:
    pairs = zip(golden["samples"], actual["samples"], strict=True)
    return [compare_frames(kept, made, tolerance) for kept, made in pairs]


def _fault(
    golden: Trace, actual: Trace, trace: Moved, durations: Sequence[float], tolerance: Tolerance
) -> Fault | None:
    return find_fault(Frames(golden, actual, trace, durations, tolerance))


def _points(trace: Trace, at: int, durations: Sequence[float]) -> str:
    first = at * trace.step
    return frame_name(first, len(durations), durations, min(first + trace.step, len(durations)) - 1)


def _sentence(name: str, golden: Trace, actual: Trace, at: int, part: Part, tolerance: Tolerance) -> str:
    allowed = f"({tolerance.name} allows {figure(part.limit)})"
    if name == "motion":
        larger = actual.motion[at] > golden.motion[at]
        how = f"{'more' if larger else 'less'} change from the frame before by a factor of {figure(2**part.value)}"
        return f"{how} ({tolerance.name} allows {figure(2**part.limit)})" if math.isfinite(part.limit) else how
    if name == "order":
        how = "moves on" if actual.onward[at] > golden.onward[at] else "goes back"
        return f"{how} more from frame to frame, by {figure(part.value, 2)} octaves {allowed}"
    if name == "frame_chroma":
        return f"colour moved {figure(part.value)} levels {allowed}"
    lighter = float((actual.signature[at] - golden.signature[at])[:LUMA].mean())
    most = f"brightness moved {figure(part.value)} levels where it moved most"
    return f"{most}, {signed(lighter)} in all {allowed}"


def _kind(name: str, golden: Trace, actual: Trace, trace: Moved) -> str:
    """Say what a trace's statistic means.

    Luma means brightness where one gain and bias for all cells of the frame leave less than half unexplained.
    """
    if name != "frame_luma":
        return {"frame_chroma": "colour", "motion": "motion", "order": "order"}[name]
    at = int(trace.luma.argmax())
    cells = golden.signature[at, :LUMA]
    shift = actual.signature[at, :LUMA] - cells
    tone = np.stack([cells, np.ones_like(cells)], axis=1)
    left = shift - tone @ np.linalg.lstsq(tone, shift, rcond=None)[0]
    return "brightness" if np.linalg.norm(left) < np.linalg.norm(shift) / 2 else "structure"


def _regions(golden: Trace, actual: Trace, at: int, size: tuple[int, int], tolerance: Tolerance) -> tuple[Region, ...]:
    """Return the cells of the luma map that moved beyond the limit at a point, worst first."""
    cells = np.abs(actual.signature[at] - golden.signature[at])[:LUMA]
    beyond = [int(cell) for cell in np.argsort(-cells, kind="stable") if cells[cell] > tolerance.limit("frame_luma")]
    places = (divmod(cell, GRID) for cell in beyond)
    return tuple(
        pixels_of(slice(row, row + 1), slice(column, column + 1), (GRID, GRID), size) for row, column in places
    )


def _compare_durations(before: list[float], after: list[float], tolerance: Tolerance) -> tuple[Part, str]:
    apart = [abs(new - old) for old, new in zip(before, after, strict=True)]
    at = max(range(len(apart)), key=apart.__getitem__)
    part = Part(round(apart[at], 6), tolerance.limit("duration"))
    allowed = f"({tolerance.name} allows {figure(part.limit)})"
    return part, f"frame {at + 1} of {len(apart)} is shown {after[at]:g} ms, was {before[at]:g} ms {allowed}"


def _largest(judged: list[Comparison]) -> dict[str, Part]:
    largest: dict[str, Part] = {}
    for one in judged:
        for name, part in one.parts.items():
            if name not in largest or part.distance > largest[name].distance:
                largest[name] = part
    return largest
