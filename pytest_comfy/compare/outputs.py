"""Describe, compare and draw outputs of any kind: the way from a media type to the folder that knows it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .drawing import Drawing
from .kept import Kept, Made
from .kinds import kind_named
from .media import essence, kind_of
from .result import CompareError, Comparison, Region, TooLargeError, hard_failure, identical
from .rules import Rules, TextRule
from .tolerance import Tolerance, parse_tolerance


def describe(
    data: bytes, media_type: str, masks: Sequence[Sequence[int]] = (), *, file_kept: bool = True
) -> dict[str, Any]:
    """Return what a golden run keeps of an output, JSON-able.

    size [width, height] in pixels, sha256 of the bytes, pixels_sha256 of the whole picture, fingerprint of
    the picture outside the masks, and masks, (x, y, width, height) in pixels, when there are any. Size and
    pixels_sha256 are null for what is no picture, and masks have no meaning there; texts have no fingerprint.
    Where a package is missing for the fingerprint there is none, as the golden file will do once it is installed;
    unless that is not kept: then it is a MissingExtraError.
    Raises UndecodableError for what cannot be decoded, CompareError for malformed masks.
    """
    described: dict[str, Any] = {
        "size": None,
        "sha256": hashlib.sha256(data).hexdigest(),
        "pixels_sha256": None,
        "fingerprint": None,
    }
    kind = kind_named(kind_of(media_type))
    return {**described, **kind.describe(data, masks, file_kept=file_kept)} if kind else described


def blank_word(data: bytes, media_type: str, described: Mapping[str, Any] | None = None) -> str | None:
    """Return how an output looks that shows nothing, such as "black" or "silent"; None for any other.

    described  what `describe` told of this very output today, where that is known: it need not be measured again

    Raises UndecodableError, and MissingExtraError where a package is needed to tell.
    """
    kind = kind_named(kind_of(media_type))
    made = described.get("fingerprint") if described and not described.get("masks") else None
    return kind.blank(data, made) if kind else None if data else "empty"


def is_current(fingerprint: Mapping[str, Any] | None, media_type: str) -> bool:
    """Whether a kept fingerprint is one that is made today, or none is made of such outputs."""
    kind = kind_named(kind_of(media_type))
    return kind is None or kind.FINGERPRINTS is None or kind.FINGERPRINTS.is_current(fingerprint)


def compare_output(
    golden: Kept,
    actual: bytes,
    media_type: str,
    *,
    tolerance: Tolerance | str | Mapping[str, float | str] = "normal",
    masks: Sequence[Sequence[int]] = (),
    text: TextRule | None = None,
) -> Comparison:
    """Compare an output with what was kept of the golden one.

    Equal bytes are identical whatever they hold, but for text that a rule wants to match a pattern. Pictures are
    compared outside the masks within the tolerance; text by the rule, which says nothing to other kinds, or else
    JSON by value and text exactly; of all else only the bytes are known.
    Raises CompareError when it cannot be judged and ValueError for an unknown tolerance.
    """
    limits = parse_tolerance(tolerance)
    name = kind_of(media_type)
    if text is not None and text.mode == "regex" and name == "text":
        from .text.comparing import match_pattern  # not at the top: few texts are to match a pattern

        matched = match_pattern(actual, text, limits.name)
        if not matched.passed:
            return matched
    # Bytes are compared ten times as fast as they are hashed.
    sha256 = golden.sha256 if actual == golden.at_hand else hashlib.sha256(actual).hexdigest()
    if sha256 == golden.sha256:
        return identical("bytes are identical", limits.name)
    if name != kind_of(golden.media_type):
        told = f"media type is {essence(media_type)}, was {essence(golden.media_type)}"
        return hard_failure(("bytes",), told, limits.name)
    kind = kind_named(name)
    if kind is None:
        return _compare_bytes(golden, actual, media_type, limits)
    found = kind.compare(golden, Made(actual, media_type), Rules(limits, masks, text))
    return replace(found, described={"sha256": sha256, **found.described}) if found.described else found


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
    Raises TooLargeError where there is no memory for it.
    """
    kind = kind_named(kind_of(media_type))
    try:
        return kind.draw(golden, actual, masks, regions) if kind else None
    except TooLargeError:
        raise
    except CompareError:
        return None


def _compare_bytes(golden: Kept, actual: bytes, media_type: str, tolerance: Tolerance) -> Comparison:
    was = ""
    if golden.read is not None:
        was = f", was {len(golden.data('the bytes differ'))}"
    told = f"bytes differ, and of {essence(media_type)} only bytes can be compared: {len(actual)} bytes{was}"
    return hard_failure(("bytes",), told, tolerance.name)
