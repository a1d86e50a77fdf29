"""Make the fingerprint of a picture or animation: what is one frame is a still, whatever the file could hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PIL import Image

from ..moving.animations import describe_animation
from ..still.decoding import frame_count, frames, guard
from ..still.fingerprints import VERSION, still_fingerprint
from ..still.pixels import check_masks

__all__ = ["VERSION", "fingerprint"]


def fingerprint(image: Image.Image, masks: Sequence[Sequence[int]] = ()) -> dict[str, Any]:
    """Describe a picture for comparison without it.

    Of a still: what `still_fingerprint` returns. Of an animation: version and what moving.summary.Summary tells.
    Animations of one frame are stills.
    Masks, (x, y, width, height) in pixels, are painted over first. Raises UndecodableError.
    """
    regions = check_masks(masks)
    with guard():
        count = frame_count(image)
    if count == 1:
        return still_fingerprint(next(iter(frames(image))), regions)
    return {"version": VERSION, **describe_animation(image, regions)}
