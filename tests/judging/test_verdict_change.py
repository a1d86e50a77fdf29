"""What kind of change a sentence tells, in the words that group it with others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_comfy.compare import Comparison
from pytest_comfy.compare.result import Part
from pytest_comfy.judging.verdict import CaseVerdict, OutputVerdict


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


@pytest.mark.parametrize(
    ("message", "kinds", "parts", "change"),
    [
        ("frame 1 of 12 (0 s): colour moved 72.4 levels", ["colour"], ["frame_chroma"], "colour moved"),
        ("frames 3-9 of 49 (0.1-0.4 s): frozen", ["motion"], ["motion"], "frozen"),
        ("frame 2 of 4: softer at the left (energy 2, normal allows 0.3)", ["sharpness"], ["energy"], "softer"),
        ("the 49 frames run backwards", ["order"], ["order"], "order changed"),
        ("frame 1 of 4 is shown 100 ms, was 250 ms (normal allows 1)", ["duration"], ["duration"], "duration changed"),
        ("16 frames, was 17: frame 3 is missing", ["frames"], ["frames"], "number of frames changed"),
        ("sound: quieter as a whole: -10.5 LU (normal allows 0.7)", ["sound"], ["loudness"], "quieter as a whole"),
        ("drops out from 0.5 to 0.7 s: -40 dB", ["gap"], ["gap"], "drops out"),
        ("image 2 is now third: darker by 20 levels", ["brightness"], ["luma"], "darker"),
        ("size is 64x64, was 32x32", ["size"], ["size"], "size changed"),
        ("mine, channel 3: mean moved +1.2 sigmas", ["brightness"], ["latent_shift"], "brightness changed"),
        ("mine has 3 % of its values NaN, was none", ["blank"], ["blank"], "blank changed"),
        ("the model has 3 meshes, was 2", ["counts"], ["counts"], "counts changed"),
        ("moved by 3 pixels to the left", ["structure"], ["luma"], "moved"),
    ],
)  # fmt: skip
def test_not_by_names_and_figures_which_no_other_output_has(message, kinds, parts, change):
    comparison = Comparison("different", message, "normal", tuple(kinds), parts={name: Part(1, 0) for name in parts})
    assert OutputVerdict("9.images.0", "Save", "different", message, comparison).change == change


@given(st.integers(1, 999), st.integers(1, 999), st.floats(0, 1e4), st.text("abc ", min_size=1))
def test_the_same_of_any_frame(first, count, seconds, words):
    told = f"frame {first} of {count} ({seconds:.1f} s): softer, {words}"
    assert OutputVerdict("9.images.0", "Save", "different", told).change == "softer"


@pytest.mark.parametrize(
    ("message", "headline"),
    [
        ("softer (energy 2, normal allows 0.3)", "softer: node 9 'Save' images 0"),
        ("frame 1 of 12 (0.5 s): colour moved 7 levels (normal allows 1)",
         "frame 1 of 12: colour moved 7 levels: node 9 'Save' images 0"),
    ],
)  # fmt: skip
def test_headlines_tell_what_changed_of_a_frame(message, headline):
    assert CaseVerdict((OutputVerdict("9.images.0", "Save", "different", message),)).headline == headline
