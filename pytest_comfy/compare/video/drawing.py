"""Draw what differs between two videos: the frames that differ most, or the sound."""

from __future__ import annotations

from collections.abc import Sequence

from ..audio.drawing import draw as draw_sound
from ..drawing import Drawing
from ..moving.drawing import frame_strip
from ..result import Region, UndecodableError
from .decoding import VideoReader


def draw(
    golden: bytes, actual: bytes, masks: Sequence[Sequence[int]] = (), regions: Sequence[Region] = ()
) -> Drawing | None:
    """Draw the frames that differ most, or the sound where only that differs; None when either cannot be read."""
    before, after = VideoReader(golden), VideoReader(actual)
    try:
        strip = frame_strip(
            before.pictures,
            after.pictures,
            lambda: max(before.timing.durations, after.timing.durations, key=len),
        )
    except UndecodableError:
        return None
    return draw_sound(golden, actual) if strip is None else Drawing(strip)
