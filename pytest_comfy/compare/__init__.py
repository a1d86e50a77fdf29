"""Is an output the same as the golden one: bytes in, verdict out.

Importing this package is cheap. Pillow and numpy load when the first picture must be decoded, which is not
the case as long as bytes are equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .drawing import Drawing
from .kept import Kept
from .outputs import blank_word, compare_output, describe, draw_difference, is_current
from .result import CompareError, Comparison, MissingExtraError, Part, TooLargeError, UndecodableError, Verdict
from .rules import TextRule, parse_text_rule
from .tolerance import Tolerance, parse_tolerance

if TYPE_CHECKING:
    from .image.comparing import compare_fingerprints as compare
    from .image.comparing import compare_images
    from .image.fingerprints import fingerprint

__all__ = [
    "CompareError",
    "Comparison",
    "Drawing",
    "Kept",
    "MissingExtraError",
    "Part",
    "TextRule",
    "Tolerance",
    "TooLargeError",
    "UndecodableError",
    "Verdict",
    "blank_word",
    "compare",
    "compare_images",
    "compare_output",
    "describe",
    "draw_difference",
    "fingerprint",
    "is_current",
    "parse_text_rule",
    "parse_tolerance",
]


def __getattr__(name: str) -> Any:
    """Load what compares pictures at hand, and Pillow and numpy with it, when it is first asked for."""
    if name == "fingerprint":
        from .image.fingerprints import fingerprint

        return fingerprint
    if name in ("compare", "compare_images"):
        from .image import comparing

        return comparing.compare_fingerprints if name == "compare" else comparing.compare_images
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
