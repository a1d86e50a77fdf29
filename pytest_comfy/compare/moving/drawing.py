"""A picture of the frames that differ most: golden, actual and heat map of each, one below the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest

from PIL import Image, ImageDraw, ImageFont

from ..drawing.sheets import BACKGROUND, GAP, png
from ..still.heat import heat_map
from ..still.pixels import raw_bytes, visible
from .frames import frame_name
from .look import look_at

SHOWN = 5
"""Most frames that are drawn."""
WIDEST = 320
"""Pixels that a frame is drawn wide and high at most; larger ones are reduced."""
LABEL = 20
"""Pixels of the line above each frame that names it."""

_INK = (230, 230, 230)

Frames = Callable[[], Iterator[Image.Image]]
Pair = tuple[Image.Image | None, Image.Image | None]


def frame_strip(golden: Frames, actual: Frames, durations: Callable[[], Sequence[float]]) -> bytes | None:
    """Return a PNG of up to SHOWN frames that differ most, in order of time; None when all are equal.

    golden, actual  give the canonical frames from the start; each is read twice
    durations       gives the milliseconds of the frames of the longer one, once both were read
    Rows are golden, actual and heat map (see `still.heat`); frames that only one of them has
    come with an empty place for the other. Of neighbours that differ, the worst stands for all.
    """
    scores = [_score(*pair) for pair in zip_longest(golden(), actual())]
    chosen = _worst(scores)
    if not chosen:
        return None
    shown = durations()
    panels: list[Image.Image] = []
    for index, pair in enumerate(zip_longest(golden(), actual())):
        if index in chosen:
            panels.append(_panel(pair, frame_name(index, len(scores), shown)))
        if index == max(chosen):
            break
    sheet = Image.new(
        "RGB",
        (sum(panel.width for panel in panels) + GAP * (len(panels) - 1), max(panel.height for panel in panels)),
        BACKGROUND,
    )
    left = 0
    for panel in panels:
        sheet.paste(panel, (left, 0))
        left += panel.width + GAP
    return png(sheet)


def _score(before: Image.Image | None, after: Image.Image | None) -> float:
    """Return how much two frames differ, 0 when they are equal."""
    if before is None or after is None:
        return math.inf
    if _equal(before, after):
        return 0.0
    # Pictures that differ by less than the reduced ones show come after all others.
    return 1e-6 + look_at(before).change(look_at(after))


def _equal(before: Image.Image, after: Image.Image) -> bool:
    return (before.mode, before.size) == (after.mode, after.size) and raw_bytes(before) == raw_bytes(after)


def _worst(scores: list[float]) -> set[int]:
    """Return the indices of the worst frames, no two of them closer than a tenth of all frames if it can be."""
    ranked = sorted((i for i, score in enumerate(scores) if score > 0), key=lambda i: (-scores[i], i))
    chosen: set[int] = set()
    for distance in (len(scores) // 10, 0):
        for index in ranked:
            if len(chosen) < SHOWN and all(abs(index - other) > distance for other in chosen):
                chosen.add(index)
    return chosen


def _panel(pair: Pair, name: str) -> Image.Image:
    before, after = (_reduced(picture) for picture in pair)
    rows = [visible(before), visible(after), heat_map(before, after)]
    font = ImageFont.load_default()
    width = max(*(row.width for row in rows), math.ceil(font.getlength(name)) + 4)
    height = max(row.height for row in rows) + GAP
    panel = Image.new("RGB", (width, LABEL + height * len(rows) - GAP), BACKGROUND)
    for place, row in enumerate(rows):
        panel.paste(row, (0, LABEL + height * place))
    ImageDraw.Draw(panel).text((2, 4), name, fill=_INK, font=font)
    return panel


def _reduced(picture: Image.Image | None) -> Image.Image:
    if picture is None:
        return Image.new("RGB", (0, 0))
    factor = -(-max(picture.size) // WIDEST)
    return picture.reduce(factor) if factor > 1 and picture.mode in ("RGB", "RGBA") else picture
