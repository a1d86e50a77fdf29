"""Is an output the same as the golden one: bytes in, verdict out.

Importing this package is cheap. Pillow and numpy load when the first picture must be decoded, which is not
the case as long as bytes are equal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from .drawing import Drawing, draw_difference
from .kept import Kept
from .kinds import comparator, compare_kind, is_of_today
from .media import essence, kind_of
from .result import (
    CompareError,
    Comparison,
    MissingExtraError,
    Part,
    UndecodableError,
    Verdict,
    hard_failure,
    identical,
)
from .rules import TextRule, parse_text_rule
from .text.comparing import compare_kept, match_pattern
from .tolerance import Tolerance, parse_tolerance

__all__ = [
    "CompareError",
    "Comparison",
    "Drawing",
    "Kept",
    "MissingExtraError",
    "Part",
    "TextRule",
    "Tolerance",
    "UndecodableError",
    "Verdict",
    "compare_output",
    "describe",
    "draw_difference",
    "is_current",
    "parse_text_rule",
    "parse_tolerance",
]


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
    kind = kind_of(media_type)
    judge = comparator(kind)
    if kind == "image":
        from .image.outputs import describe_picture

        described.update(describe_picture(data, masks))
    elif judge is not None:
        with suppress(*([MissingExtraError] if file_kept else [])):
            described["fingerprint"] = judge.fingerprint(data)
    return described


def is_current(fingerprint: Mapping[str, Any] | None, media_type: str) -> bool:
    """Whether a kept fingerprint is one that is made today, or none is made of such outputs."""
    kind = kind_of(media_type)
    if kind == "image":
        from .image.comparing import usable

        return usable(fingerprint)
    judge = comparator(kind)
    return judge is None or is_of_today(judge, fingerprint)


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
    kind = kind_of(media_type)
    if text is not None and text.mode == "regex" and kind == "text":
        matched = match_pattern(actual, text, limits.name)
        if not matched.passed:
            return matched
    if hashlib.sha256(actual).hexdigest() == golden.sha256:
        return identical("bytes are identical", limits.name)
    if kind != kind_of(golden.media_type):
        told = f"media type is {essence(media_type)}, was {essence(golden.media_type)}"
        return hard_failure(("bytes",), told, limits.name)
    if kind == "image":
        from .image.outputs import compare_picture

        return compare_picture(golden, actual, limits, masks)
    if kind == "svg" and golden.read is not None:
        return _compare_drawings(golden, actual, limits)
    judge = comparator(kind)
    if judge is not None:
        return compare_kind(judge, golden, actual, limits)
    if kind == "text":
        return compare_kept(golden, actual, media_type, limits, text)
    return _compare_bytes(golden, actual, media_type, limits)


def _compare_drawings(golden: Kept, actual: bytes, tolerance: Tolerance) -> Comparison:
    """Compare SVG with the golden file, which tells more than the fingerprint."""
    from .svg import compare_documents

    return compare_documents(golden.data("the drawing differs"), actual, tolerance)


def _compare_bytes(golden: Kept, actual: bytes, media_type: str, tolerance: Tolerance) -> Comparison:
    was = ""
    if golden.read is not None:
        was = f", was {len(golden.data('the bytes differ'))}"
    told = f"bytes differ, and of {essence(media_type)} only bytes can be compared: {len(actual)} bytes{was}"
    return hard_failure(("bytes",), told, tolerance.name)
