"""SVG: compared as the document it is, without a renderer, and drawn as a diff of its text.

`reading` parses, `values` takes attributes apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..fingerprinting import Fingerprints
from ..kept import Kept, Made
from ..result import Comparison
from ..rules import Rules
from ..text.drawing import draw
from .comparing import compare_documents, compare_fingerprints
from .fingerprints import VERSION, fingerprint
from .reading import read_svg

__all__ = ["FINGERPRINTS", "blank", "compare", "describe", "draw"]

FINGERPRINTS = Fingerprints(VERSION, fingerprint, compare_fingerprints)
describe = FINGERPRINTS.describe


def compare(golden: Kept, actual: Made, rules: Rules) -> Comparison:
    """Compare with the golden file, which tells more than the fingerprint, where it is kept."""
    if golden.read is None:
        return FINGERPRINTS.judge(golden, actual, rules)
    return compare_documents(golden.data("the drawing differs"), actual.data, rules.tolerance)


def blank(data: bytes, made: Mapping[str, Any] | None = None) -> str | None:
    """Tell a drawing that has nothing but its frame."""
    return "without an element" if len(read_svg(data).elements) <= 1 else None
