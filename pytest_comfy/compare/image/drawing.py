"""Draw what differs between two pictures: golden, actual and a heat map side by side."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from ..drawing import Drawing
from ..drawing.sheets import BACKGROUND, GAP, png
from ..memory import require
from ..moving.animations import timed_pictures
from ..moving.drawing import frame_strip
from ..result import Region, UndecodableError
from ..still.costs import bytes_a_pixel
from ..still.decoding import decode, frame_count
from ..still.heat import heat_map
from ..still.pixels import canonical, check_masks, paint_masks, visible

_FRAME = (0, 230, 255)  # cyan, which heat has not either


def draw(
    golden: bytes, actual: bytes, masks: Sequence[Sequence[int]] = (), regions: Sequence[Region] = ()
) -> Drawing | None:
    """Return a PNG of golden, actual and heat map, or None when either does not decode as a picture.

    Heat is the largest absolute difference of the channels, alpha included, on a fixed scale: black is equal,
    then red, yellow and white. Pictures of different size keep their scale, and where they do not overlap the
    map is violet. Masks are painted over, and the regions framed. Of animations the frames that differ most are
    drawn, see moving.drawing, and the first where none does.
    """
    try:
        pair = decode(golden), decode(actual)
        _require_memory(pair)
        strip = _animation_strip(*pair) if max(frame_count(image) for image in pair) > 1 else None
        if strip:
            return Drawing(strip)
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
    pen = ImageDraw.Draw(sheet)
    for x, y, wide, high in regions:
        for left in (0, width + GAP, 2 * (width + GAP)):
            pen.rectangle((left + x - 1, y - 1, left + x + wide, y + high), outline=_FRAME)
    return Drawing(png(sheet))


def _require_memory(pair: tuple[Image.Image, Image.Image]) -> None:
    """Raise TooLargeError where the sheet would take more than there is."""
    width, height = (max(sides) for sides in zip(*(image.size for image in pair), strict=True))
    cost = max(bytes_a_pixel(image, frame_count(image)) for image in pair)
    require(width * height * cost, f"the picture of what differs is of {width}x{height}, and to draw it")


def _animation_strip(golden: Image.Image, actual: Image.Image) -> bytes | None:
    longer = max(golden, actual, key=frame_count)
    return frame_strip(
        lambda: (picture for picture, _ in timed_pictures(golden)),
        lambda: (picture for picture, _ in timed_pictures(actual)),
        lambda: [shown for _, shown in timed_pictures(longer)],
    )
