"""Pictures that moved as a whole are told as moved: to which side, by how much, zoomed, turned."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pytest_comfy.compare import compare, compare_images, fingerprint
from pytest_comfy.compare.figures import figure, signed
from pytest_comfy.compare.still.motion import motion_between

from .test_lattice import drawn

SIZE = (480, 360)
LARGE = drawn((600, 480), 8)
GOLDEN = LARGE.crop((60, 60, 540, 420))


def moved(right: float = 0, down: float = 0, zoom: float = 1, turn: float = 0) -> Image.Image:
    """GOLDEN moved about its middle; what comes in at the border is what lies there in LARGE."""
    angle = math.radians(turn)
    cos, sin = math.cos(angle) / zoom, math.sin(angle) / zoom
    x, y = SIZE[0] / 2 + right, SIZE[1] / 2 + down
    across = (cos, sin, 300 - cos * x - sin * y)
    along = (-sin, cos, 240 + sin * x - cos * y)
    return LARGE.transform(SIZE, Image.Transform.AFFINE, (*across, *along), Image.Resampling.BICUBIC)


def told(actual: Image.Image) -> str:
    comparison = compare_images(GOLDEN, actual)
    assert comparison.verdict == "different" and comparison.kinds[0] == "structure", comparison.message
    return comparison.message.partition(" (")[0]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"right": 1}, "moved by 1 pixel to the right"),
        ({"right": -3, "down": -2}, "moved by 3 pixels to the left and 2 pixels up"),
        ({"down": 8}, "moved by 8 pixels down"),
        ({"right": 2.5}, "moved by 2.5 pixels to the right"),
        ({"right": 40, "down": -25}, "moved by 40 pixels to the right and 25 pixels up"),
        ({"zoom": 1.01}, "zoomed in by 1 %"),
        ({"zoom": 0.97}, "zoomed out by 3 %"),
        ({"turn": 1}, "turned by 1 degrees clockwise"),
        ({"turn": -2.5}, "turned by 2.5 degrees counter-clockwise"),
    ],
)
def test_a_move_is_told_with_its_amount(how: dict[str, float], words: str) -> None:
    assert told(moved(**how)) == words


@settings(max_examples=25)
@given(st.floats(-12, 12), st.floats(-12, 12), st.floats(0.97, 1.03), st.floats(-2, 2))
def test_moves_are_measured_to_a_fraction_of_a_pixel(right: float, down: float, zoom: float, turn: float) -> None:
    border = abs(zoom - 1) * 180 + abs(math.radians(turn)) * 180 + math.hypot(right, down)
    if border < 2:
        return
    planes = (np.asarray(picture.convert("L"), np.float32) for picture in (GOLDEN, moved(right, down, zoom, turn)))
    found = motion_between(*planes, SIZE)
    assert found is not None
    assert math.hypot(found.right - right, found.down - down) < 0.15
    assert found.zoom == pytest.approx(zoom, abs=1e-3) and found.turn == pytest.approx(turn, abs=0.05)


def test_fingerprints_alone_tell_it_roughly() -> None:
    message = compare(fingerprint(GOLDEN), fingerprint(moved(12, -7))).message
    assert re.match(r"moved by about 1[123] pixels to the right and about [678] pixels up", message), message


def test_what_changed_besides_is_told_with_its_place() -> None:
    actual = moved(5, 0)
    actual.paste((250, 240, 10), (380, 20, 440, 70))
    assert told(actual) == "moved by 5 pixels to the right, content changed in the upper right"


def test_a_local_change_is_no_move_and_has_its_place_first() -> None:
    darker = Image.eval(GOLDEN, lambda value: max(0, value - 9))
    darker.paste((20, 20, 20), (10, 20, 50, 50))
    assert compare_images(GOLDEN, darker).message.startswith("content changed in the upper left")


def test_other_pictures_and_other_changes_did_not_move() -> None:
    random = np.random.default_rng(3)
    noisy = np.asarray(GOLDEN, np.float64) + random.normal(0, 12, (360, 480, 3))
    for actual in (
        drawn(SIZE, 9),
        Image.eval(GOLDEN, lambda value: min(255, value + 20)),
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)),
        GOLDEN.convert("L").convert("RGB"),
    ):
        for comparison in (compare_images(GOLDEN, actual), compare(fingerprint(GOLDEN), fingerprint(actual))):
            assert not comparison.passed
            assert not re.search("moved by|zoomed|turned by", comparison.message), comparison.message


def test_a_picture_on_its_side_is_told() -> None:
    square = GOLDEN.crop((0, 0, 360, 360))
    for way, words in (
        (Image.Transpose.ROTATE_270, "turned by 90 degrees clockwise"),
        (Image.Transpose.ROTATE_90, "turned by 90 degrees counter-clockwise"),
    ):
        assert compare_images(square, square.transpose(way)).message.startswith(words)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 2**32))
def test_planes_of_any_size_and_content_can_be_aligned(rows: int, columns: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    golden, actual = (random.uniform(0, 255, (rows, columns)).astype(np.float32) for _ in range(2))
    motion_between(golden, actual, (columns * 8, rows * 8))
    motion_between(golden * 0, actual * 0, (columns, rows), rounded=True)


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(1, 8))
def test_figures_are_plain_and_near(value: float, digits: int) -> None:
    written = figure(value, digits)
    assert "e" not in written and float(written) == pytest.approx(value, rel=0.6 * 10 ** (1 - digits), abs=0)
    assert signed(value, digits).lstrip("+") == written


def test_figures_of_people() -> None:
    assert [figure(110, 2), figure(0.31), figure(1e-5, 2), figure(12345.6), figure(-0.0), figure(math.inf)] == [
        "110", "0.31", "0.00001", "12346", "0", "inf",
    ]  # fmt: skip
    assert [signed(3), signed(-3), signed(0)] == ["+3", "-3", "+0"]
