"""The one way from a frame to its fingerprint and back to a judgement, and how frames are spoken of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image

from ..figures import figure
from ..result import Comparison
from ..still.comparing import compare_stills
from ..still.fingerprints import still_fingerprint
from ..tolerance import Tolerance


def frame_fingerprint(picture: Image.Image) -> dict[str, Any]:
    """Describe one canonical frame, masks painted over, for comparison without it."""
    return still_fingerprint(picture, (), compact=True)


def compare_frames(golden: Mapping[str, Any], actual: Mapping[str, Any], tolerance: Tolerance) -> Comparison:
    """Compare two that frame_fingerprint made."""
    return compare_stills(golden, actual, tolerance)


def frame_name(first: int, count: int, durations: Sequence[float], last: int | None = None) -> str:
    """Name a frame, or frames, by number from 1 and time: "frame 37 of 49 (1.5 s)", "frames 3-9 of 49 (0.1-0.4 s)".

    first, last  indices from 0, last included
    durations    milliseconds of each frame; the time is when the frame appears
    """
    last = first if last is None else last
    start = sum(durations[:first]) / 1000
    if last <= first:
        return f"frame {first + 1} of {count} ({figure(start, 2)} s)" if start < 0.1 else _single(first, count, start)
    end = sum(durations[: last + 1]) / 1000
    return f"frames {first + 1}-{last + 1} of {count} ({start:.1f}-{end:.1f} s)"


def _single(index: int, count: int, start: float) -> str:
    return f"frame {index + 1} of {count} ({start:.1f} s)"
