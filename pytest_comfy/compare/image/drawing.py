"""Draw what differs between two pictures: golden, actual and a heat map side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from ..drawing.sheets import BACKGROUND, GAP, OUTSIDE, Heat, glow, png
from ..result import Region, UndecodableError
from ..still.decoding import decode, frame_count
from ..still.pixels import canonical, check_masks, paint_masks, value_range, visible

_FRAME = (0, 230, 255)  # cyan, which heat has not either


def difference_picture(
    golden: bytes,
    actual: bytes,
    masks: Sequence[Sequence[int]] = (),
    regions: Sequence[Region] = (),
) -> bytes | None:
    """Return a PNG of golden, actual and heat map, or None when either does not decode as a picture.

    Heat is the largest absolute difference of the channels, alpha included, on a fixed scale: black is equal,
    then red, yellow and white. Pictures of different size keep their scale, and where they do not overlap the
    map is violet. Masks are painted over, and the regions framed. Of animations the frames that differ most are
    drawn, see moving.strip, and the first where none does.
    """
    try:
        pair = decode(golden), decode(actual)
        strip = _animation_strip(*pair) if max(frame_count(image) for image in pair) > 1 else None
        if strip:
            return strip
        rectangles = check_masks(masks)
        before, after = (paint_masks(canonical(image), rectangles) for image in pair)
    except UndecodableError:
        return None
    shown = [visible(picture) for picture in (before, after)]
    width, height = max(before.width, after.width), max(before.height, after.height)
    sheet = Image.new("RGB", (3 * width + 2 * GAP, height), BACKGROUND)
    sheet.paste(shown[0], (0, 0))
    sheet.paste(shown[1], (width + GAP, 0))
    sheet.paste(heat_map(before, after), (2 * (width + GAP), 0))
    draw = ImageDraw.Draw(sheet)
    for x, y, wide, high in regions:
        for left in (0, width + GAP, 2 * (width + GAP)):
            draw.rectangle((left + x - 1, y - 1, left + x + wide, y + high), outline=_FRAME)
    return png(sheet)


def heat_map(before: Image.Image, after: Image.Image) -> Image.Image:
    """Return the heat map of two canonical pictures, as large as both; violet where only one of them is."""
    heat = Image.new("RGB", (max(before.width, after.width), max(before.height, after.height)), OUTSIDE)
    overlap = min(before.width, after.width), min(before.height, after.height)
    box = (0, 0, *overlap)
    if all(overlap):
        heat.paste(glow(_differences(before.crop(box), after.crop(box))), (0, 0))
    return heat


def _animation_strip(golden: Image.Image, actual: Image.Image) -> bytes | None:
    from ..moving.animations import timed_pictures
    from ..moving.drawing import frame_strip  # which needs this module for its heat

    longer = max(golden, actual, key=frame_count)
    return frame_strip(
        lambda: (picture for picture, _ in timed_pictures(golden)),
        lambda: (picture for picture, _ in timed_pictures(actual)),
        lambda: [shown for _, shown in timed_pictures(longer)],
    )


def _differences(before: Image.Image, after: Image.Image) -> Heat:
    """Return the difference of every pixel, shape (height, width), 0 to 1 of the range of values."""
    if before.mode != after.mode or before.mode in ("RGB", "RGBA"):
        a, b = (np.asarray(_with_alpha(picture), dtype=np.int16) for picture in (before, after))
        levels: Heat = np.abs(a - b).max(axis=2).astype(np.float32) / 255
        return levels
    span = 65535.0
    if before.mode != "I;16":
        (low0, high0), (low1, high1) = value_range(before), value_range(after)
        span = max(high0, high1) - min(low0, low1) or 1.0
    x, y = (np.asarray(picture).astype(np.float64) for picture in (before, after))
    same = (x == y) | (np.isnan(x) & np.isnan(y))
    apart = np.nan_to_num(np.abs(x - y) / span, nan=1.0, posinf=1.0)
    heat: Heat = np.where(same, 0.0, apart).clip(0, 1).astype(np.float32)
    return heat


def _with_alpha(picture: Image.Image) -> Image.Image:
    return picture if picture.mode == "RGBA" else visible(picture).convert("RGBA")
