"""Compare pictures and animations, by their fingerprints or at hand, and explain what moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image

from ..moving.animations import compare_animations
from ..result import DAMAGED, Comparison, Region, damaged, hard_failure, identical, require_version
from ..still.comparing import compare_stills
from ..still.decoding import frame_count, guard
from ..still.pixels import canonical, check_masks, paint_masks, pixels_sha256, visible
from ..still.pixelwise import PixelChange, pixel_change
from ..tolerance import Tolerance, parse_tolerance
from .fingerprints import VERSION, fingerprint


def compare_fingerprints(
    golden: Mapping[str, Any],
    actual: Mapping[str, Any],
    tolerance: Tolerance | str | Mapping[str, float | str] = "normal",
) -> Comparison:
    """Compare two fingerprints.

    The verdict is "within tolerance" at best, since equal fingerprints do not prove equal pixels; with
    `exact` it means that no part moved. Raises CompareError for fingerprints of another version and for
    damaged ones.
    """
    return _compare(golden, actual, parse_tolerance(tolerance))


def _compare(
    golden: Mapping[str, Any],
    actual: Mapping[str, Any],
    limits: Tolerance,
    finer: PixelChange | None = None,
) -> Comparison:
    require_version(VERSION, golden, actual)
    try:
        if "frames" in golden or "frames" in actual:
            return compare_animations(golden, actual, limits)
        return compare_stills(golden, actual, limits, finer)
    except DAMAGED as error:
        raise damaged(error) from error


def compare_images(
    golden: Image.Image,
    actual: Image.Image,
    tolerance: Tolerance | str | Mapping[str, float | str] = "normal",
    masks: Sequence[Sequence[int]] = (),
) -> Comparison:
    """Compare two pictures at hand, outside the masks. Raises UndecodableError."""
    limits = parse_tolerance(tolerance)
    regions = check_masks(masks)
    if pixels_sha256(golden, regions) == pixels_sha256(actual, regions):
        told = "pixels outside the masks are identical" if regions else "pixels are identical"
        return identical(told, limits.name)
    before, after = fingerprint(golden, regions), fingerprint(actual, regions)
    return differing_pixels(before, after, limits, finer(golden, actual, regions))


def finer(golden: Image.Image, actual: Image.Image, masks: tuple[Region, ...]) -> PixelChange | None:
    """Return what only both pictures at hand can tell; None for pictures of another size and for animations."""
    with guard():
        animated = max(frame_count(golden), frame_count(actual)) > 1
    if animated or golden.size != actual.size:
        return None
    before, after = (visible(paint_masks(canonical(picture), masks)) for picture in (golden, actual))
    return pixel_change(before, after)


def differing_pixels(
    golden: Mapping[str, Any] | None,
    actual: Mapping[str, Any],
    tolerance: Tolerance,
    finer: PixelChange | None = None,
) -> Comparison:
    """Judge pictures whose pixels are known to differ, by their fingerprints and, where both are at hand, by pixels.

    With `exact` they never pass and the fingerprints only say what moved; golden may then be None.
    """
    moved = _compare(golden, actual, tolerance, finer) if golden is not None else None
    if moved is not None and not (tolerance.exact and moved.passed):
        return moved
    told = "pixels differ by less than the fingerprint shows" if moved else "pixels differ"
    parts = moved.parts if moved else {}
    return hard_failure(("bytes",), f"{told} ({tolerance.name} allows none)", tolerance.name, parts)
