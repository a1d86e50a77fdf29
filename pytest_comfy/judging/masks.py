"""From what a sidecar says of an output to the masks that its comparison takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from ..cases.options import Masks, OutputRule
from ..compare import CompareError

Size = tuple[int, int]


def masks_of(rules: Iterable[OutputRule], size: Callable[[], Size]) -> Masks:
    """Return all that the rules leave out, as rectangles (x, y, width, height) in pixels.

    `size` gives (width, height) of the output, and is asked only where a mask is a picture.
    Raises CompareError for a mask picture that cannot be read or does not fit, naming it.
    """
    masks: list[tuple[int, int, int, int]] = []
    for rule in rules:
        masks += rule.masks if not isinstance(rule.masks, Path) else _drawn(rule.masks, size(), inside=True)
        if isinstance(rule.only, Path):
            masks += _drawn(rule.only, size(), inside=False)
        elif rule.only is not None:
            from ..compare.image.areas import outside

            masks += outside(rule.only)
    return tuple(masks)


def refuse_whole(masks: Masks, size: Size) -> None:
    """Raise CompareError where masks leave nothing of a picture of this size."""
    from ..compare.image.areas import cover

    if cover(masks, size):
        raise CompareError(
            f"masks, or `only`, leave nothing of its {size[0]}x{size[1]} pixels to compare: ignore it, or let some be "
            "compared"
        )


def size_of(data: bytes) -> Size:
    """Return (width, height) of an output in pixels; raises CompareError for what is no picture."""
    from ..compare.still.decoding import decode

    return decode(data).size


def _drawn(picture: Path, size: Size, *, inside: bool) -> Masks:
    from ..compare.image.areas import drawn

    try:
        return drawn(picture.read_bytes(), size, inside=inside)
    except OSError as error:
        raise CompareError(f"mask picture {picture} cannot be read ({error.strerror})") from error
    except CompareError as error:
        raise CompareError(f"mask picture {picture}: {error}") from error
