"""Describe and compare outputs that are pictures or animations, from their bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from PIL import Image

from ..fingerprinting import Fingerprints
from ..kept import Kept, Made
from ..moving.summary import blank_frames
from ..result import CompareError, Comparison, Region, UndecodableError, hard_failure, identical
from ..rules import Rules
from ..still.blank import blank_word as blank_still
from ..still.decoding import decode
from ..still.fingerprints import unpack_still
from ..still.pixels import check_masks, pixels_sha256
from ..tolerance import Tolerance
from .comparing import compare_fingerprints, compare_images, differing_pixels, finer
from .fingerprints import VERSION, fingerprint

FINGERPRINTS = Fingerprints(VERSION, lambda data: fingerprint(decode(data)), compare_fingerprints)


def describe(data: bytes, masks: Sequence[Sequence[int]] = (), *, file_kept: bool = True) -> dict[str, Any]:
    """Return size, pixels_sha256, fingerprint and, where there are any, masks. Raises UndecodableError."""
    regions = check_masks(masks)
    image = decode(data)
    return _described(image, pixels_sha256(image), fingerprint(image, regions), regions)


def _described(image: Image.Image, pixels: str, made: dict[str, Any], regions: tuple[Region, ...]) -> dict[str, Any]:
    masks = {"masks": [list(mask) for mask in regions]} if regions else {}
    return {"size": list(image.size), "pixels_sha256": pixels, "fingerprint": made, **masks}


def blank(data: bytes, made: Mapping[str, Any] | None = None) -> str | None:
    """Tell a picture of one tone, or one that is transparent, and an animation of such, or in which nothing moves."""
    made = made or fingerprint(decode(data))
    return blank_frames(made) if "frames" in made else blank_still(unpack_still(made))


def compare(golden: Kept, actual: Made, rules: Rules) -> Comparison:
    """Compare a picture with what was kept of the golden one, reading the golden file only where it must.

    Raises CompareError when the golden file is needed and not to be had.
    """
    regions, tolerance = check_masks(rules.masks), rules.tolerance
    try:
        picture = decode(actual.data)
        made = pixels_sha256(picture)
    except UndecodableError as error:
        return hard_failure(("undecodable",), str(error), tolerance.name)
    if golden.pixels_sha256 == made:
        return identical("pixels are identical", tolerance.name)
    usable = FINGERPRINTS.is_current(golden.fingerprint)
    if tolerance.exact and golden.pixels_sha256 is not None and not regions:
        unmasked = golden.fingerprint if usable and not golden.masks else None
        return differing_pixels(unmasked, fingerprint(picture), tolerance)
    if not tolerance.exact and golden.fingerprint is not None and usable and check_masks(golden.masks) == regions:
        made_of = fingerprint(picture, regions)
        kept = _picture_at_hand(golden)
        if kept is None:
            found = compare_fingerprints(golden.fingerprint, made_of, tolerance)
        else:
            found = differing_pixels(golden.fingerprint, made_of, tolerance, finer(kept, picture, regions))
        return replace(found, described=_described(picture, made, made_of, regions))
    purpose = _why_the_file_is_needed(golden, tolerance, regions)
    return compare_images(_golden_picture(golden, purpose), picture, tolerance, regions)


def _why_the_file_is_needed(golden: Kept, tolerance: Tolerance, masks: tuple[Region, ...]) -> str:
    if tolerance.exact:
        return "exact with masks needs the golden picture" if masks else "exact needs the golden picture"
    if golden.fingerprint is None:
        return "no fingerprint was kept"
    if not FINGERPRINTS.is_current(golden.fingerprint):
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
