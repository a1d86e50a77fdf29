"""Describe and compare outputs that are pictures or animations, from their bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PIL import Image

from ..kept import Kept
from ..result import CompareError, Comparison, Region, UndecodableError, hard_failure, identical
from ..still.decoding import decode
from ..still.pixels import check_masks
from ..tolerance import Tolerance
from .comparing import compare, compare_images, differing_pixels, finer, fingerprint, pixels_sha256, usable


def describe_picture(data: bytes, masks: Sequence[Sequence[int]]) -> dict[str, Any]:
    """Return size, pixels_sha256, fingerprint and, where there are any, masks. Raises UndecodableError."""
    regions = check_masks(masks)
    image = decode(data)
    described: dict[str, Any] = {
        "size": list(image.size),
        "pixels_sha256": pixels_sha256(image),
        "fingerprint": fingerprint(image, regions),
    }
    if regions:
        described["masks"] = [list(mask) for mask in regions]
    return described


def compare_picture(golden: Kept, data: bytes, tolerance: Tolerance, masks: Sequence[Sequence[int]]) -> Comparison:
    """Compare a picture with what was kept of the golden one, reading the golden file only where it must.

    Raises CompareError when the golden file is needed and not to be had.
    """
    regions = check_masks(masks)
    try:
        actual = decode(data)
        made = pixels_sha256(actual)
    except UndecodableError as error:
        return hard_failure(("undecodable",), str(error), tolerance.name)
    if golden.pixels_sha256 == made:
        return identical("pixels are identical", tolerance.name)
    if tolerance.exact and golden.pixels_sha256 is not None and not regions:
        unmasked = golden.fingerprint if usable(golden.fingerprint) and not golden.masks else None
        return differing_pixels(unmasked, fingerprint(actual), tolerance)
    if not tolerance.exact and golden.fingerprint is not None and _made_with(golden, regions):
        made_of = fingerprint(actual, regions)
        compared = compare(golden.fingerprint, made_of, tolerance)
        kept = _picture_at_hand(golden) if compared.passed else None
        if kept is None:
            return compared
        return differing_pixels(golden.fingerprint, made_of, tolerance, finer(kept, actual, regions))
    purpose = _why_the_file_is_needed(golden, tolerance, regions)
    return compare_images(_golden_picture(golden, purpose), actual, tolerance, regions)


def _made_with(golden: Kept, masks: tuple[Region, ...]) -> bool:
    return usable(golden.fingerprint) and check_masks(golden.masks) == masks


def _why_the_file_is_needed(golden: Kept, tolerance: Tolerance, masks: tuple[Region, ...]) -> str:
    if tolerance.exact:
        return "exact with masks needs the golden picture" if masks else "exact needs the golden picture"
    if golden.fingerprint is None:
        return "no fingerprint was kept"
    if not usable(golden.fingerprint):
        return f"the kept fingerprint is of version {golden.fingerprint.get('version')}"
    return "the kept fingerprint was made with other masks"


def _picture_at_hand(golden: Kept) -> Image.Image | None:
    """Return the golden picture where there is one: the fingerprint can stand for it, but sees less."""
    try:
        return _golden_picture(golden, "")
    except CompareError:
        return None


def _golden_picture(golden: Kept, purpose: str) -> Image.Image:
    data = golden.data(purpose)
    try:
        return decode(data)
    except UndecodableError as error:
        raise UndecodableError(
            f"{purpose}, and the golden file does not decode ({error}): restore it or approve the run again"
        ) from error
