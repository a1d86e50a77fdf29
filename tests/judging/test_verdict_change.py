"""What kind of change a sentence tells, in the words that group it with others."""

from __future__ import annotations

import pytest

from pytest_comfy.compare import Comparison
from pytest_comfy.judging.verdict import OutputVerdict


@pytest.mark.parametrize(
    ("message", "change"),
    [
        ("softer at the left, content changed (sharpness 3.1, normal allows 1)", "softer"),
        ("softer (sharpness 3.1, normal allows 1)", "softer"),
        ("sharper in the centre", "sharper"),
        ("a line is gone near x = 192, softer", "a line is gone"),
        ("zoomed out by 6.1 %, turned by 0.8 degrees", "zoomed out"),
        ("a grid of 6 pixels is gone", "a grid"),
        ("saturation -60% (chroma_gain 5, normal allows 1.6)", "saturation down"),
        ("saturation +12%", "saturation up"),
        ("another picture", "another picture"),
    ],
)
def test_without_how_much_and_where(message, change):
    assert OutputVerdict("9.images.0", "Save", "different", message).change == change


def test_of_texts_and_of_what_is_not_there():
    comparison = Comparison("different", "line 1: 'a' became 'b'", "normal", ("text",))
    assert OutputVerdict("9.text.0", "Show", "different", comparison.message, comparison).change == "text changed"
    assert OutputVerdict("9.images.0", "Save", "missing", "the run made nothing").change == "missing"
    assert OutputVerdict("9.images.0", "Save", "identical").change is None
