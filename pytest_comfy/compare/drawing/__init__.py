"""Show what differs between two outputs: a picture for each kind that has one, a diff for texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..kinds import comparator
from ..media import kind_of
from ..result import CompareError, Region


@dataclass(frozen=True)
class Drawing:
    """A file to be looked at: its bytes, and the ending of its name, ".png" or ".diff"."""

    data: bytes = field(repr=False)
    suffix: str


def draw_difference(
    golden: bytes,
    actual: bytes,
    media_type: str,
    *,
    masks: Sequence[Sequence[int]] = (),
    regions: Sequence[Region] = (),
) -> Drawing | None:
    """Draw what differs between two outputs of one kind; None where nothing can be shown.

    Pictures: golden, actual and heat map, with the regions framed and the masks painted over; animations and video:
    the frames that differ most; sound: both spectrograms; latents and models: their maps; texts and SVG: a diff.
    """
    kind = kind_of(media_type)
    if kind in ("text", "svg"):
        from ..text.drawing import text_difference

        told = text_difference(golden, actual)
        return Drawing(told.encode("utf-8", "replace"), ".diff") if told else None
    try:
        if kind == "image":
            from ..image.drawing import difference_picture

            picture = difference_picture(golden, actual, masks, regions)
        else:
            judge = comparator(kind)
            picture = judge.difference(golden, actual) if judge else None
    except CompareError:
        return None
    return Drawing(picture, ".png") if picture else None
