"""Even grids: found at any period and offset, in light and dark and in colours, and named; nothing else is one."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from pytest_comfy.compare import compare, compare_images, fingerprint
from pytest_comfy.compare.result import Comparison
from pytest_comfy.compare.still.lattice import PERIODS, Grid, Lattice, grid_moved, lattice_of
from pytest_comfy.compare.still.profiles import planes_of

Pixels = np.ndarray[Any, np.dtype[np.float64]]
YELLOW = np.array([1.0, 1.0, -3.86])
"""A direction in which luma stays and colours move."""


def drawn(size: tuple[int, int], seed: int = 5) -> Image.Image:
    """A landscape: smooth sky, a rough foreground, round things, some noise."""
    random, (width, height) = np.random.default_rng(seed), size
    y, x = np.mgrid[0:height, 0:width]
    sky = np.stack([90 + 60 * y / height, 120 + 70 * x / width, 210 - 50 * y / height], axis=-1)
    picture = Image.fromarray(sky.astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for _ in range(60):
        cx, cy, r = random.uniform(0, width), random.uniform(height / 2, height), random.uniform(3, 25)
        colour = tuple(int(v) for v in random.integers(20, 220, 3))
        draw.ellipse((cx - r, cy - r / 2, cx + r, cy + r / 2), fill=colour)
    return image(pixels(picture.filter(ImageFilter.GaussianBlur(0.8))) + random.normal(0, 2, (height, width, 3)))


def pixels(picture: Image.Image) -> Pixels:
    return np.asarray(picture, dtype=np.float64)


def image(values: Pixels) -> Image.Image:
    return Image.fromarray(np.rint(values).clip(0, 255).astype(np.uint8))


def board(size: tuple[int, int], side: int, offset: tuple[int, int] = (0, 0)) -> Pixels:
    """Tiles of 1 and -1, which add up to nothing along every line."""
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    signs: Pixels = ((x + offset[0]) // side + (y + offset[1]) // side) % 2 * 2.0 - 1
    return signs[..., np.newaxis]


def both(golden: Image.Image, actual: Image.Image) -> list[Comparison]:
    """Compare by fingerprints alone, and at hand."""
    return [compare(fingerprint(golden), fingerprint(actual)), compare_images(golden, actual)]


SIZE = (480, 360)
SCENE = drawn(SIZE)


@settings(max_examples=40)
@example(16, (0, 0), 4.0, True)  # whose lines lie on those of a codec's blocks
@given(
    st.integers(9, 80),
    st.tuples(st.integers(0, 79), st.integers(0, 79)),
    st.sampled_from([1.5, 2.5, 4.0]),
    st.booleans(),
)
def test_grids_of_any_period_and_offset_are_named(
    side: int, offset: tuple[int, int], levels: float, coloured: bool
) -> None:
    weights = YELLOW if coloured else np.ones(3)
    actual = image(pixels(SCENE) + levels * weights * board(SIZE, side, offset))
    for comparison, tolerated in zip(both(SCENE, actual), (max(2, side // 6), 0), strict=True):
        assert not comparison.passed and "grid" in comparison.kinds, comparison.message
        words = comparison.message.partition("a grid of ")[2]
        assert abs(int(words.split()[0]) - side) <= tolerated, comparison.message
        assert words.split()[1].strip(",") == "pixels" and ("colours" in words) is coloured


@pytest.mark.parametrize("side", [16, 32, 64])
def test_the_sides_that_tiles_have_are_named_exactly_by_the_fingerprint_too(side: int) -> None:
    actual = image(pixels(SCENE) + 2 * board(SIZE, side, (7, 3)))
    for comparison in both(SCENE, actual):
        assert comparison.message.startswith(f"a grid of {side} pixels"), comparison.message
    for comparison in both(actual, SCENE):
        assert comparison.message.startswith(f"a grid of {side} pixels is gone"), comparison.message


@pytest.mark.parametrize("side", [24, 50])
def test_tiles_of_which_each_has_a_level_of_its_own_are_a_grid(side: int) -> None:
    random = np.random.default_rng(2)
    tiles = np.kron(random.uniform(-3, 3, (SIZE[1] // side + 1, SIZE[0] // side + 1)), np.ones((side, side)))
    for comparison in both(SCENE, image(pixels(SCENE) + tiles[: SIZE[1], : SIZE[0], np.newaxis])):
        assert "grid" in comparison.kinds and f"a grid of {side} pixels" in comparison.message


def test_a_grid_in_a_part_of_the_picture_is_found_with_the_golden_file() -> None:
    where = (np.arange(SIZE[1]) < SIZE[1] // 4)[:, np.newaxis, np.newaxis]
    comparison = compare_images(SCENE, image(pixels(SCENE) + 2.5 * board(SIZE, 32) * where))
    assert comparison.message.startswith("a grid of 32 pixels")


def webp(picture: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    picture.save(stream, "WEBP", quality=quality)
    return Image.open(stream).convert("RGB")


def test_what_has_no_grid_is_given_none() -> None:
    random, values = np.random.default_rng(7), pixels(SCENE)
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
    wave = 2 * np.sin(x / 40 + y / 31)[..., np.newaxis]
    line = np.zeros((SIZE[1], SIZE[0], 1))
    line[:, 200] = 12
    for name, actual in {
        "noise": image(values + random.normal(0, 1.5, values.shape)),
        "webp": webp(SCENE, 95),
        "drift": image(values + wave),
        "a line": image(values + line),
        "shifted": image(np.roll(values, 3, axis=1)),
        "another": drawn(SIZE, 6),
        "softer": SCENE.filter(ImageFilter.GaussianBlur(1)),
    }.items():
        for comparison in both(SCENE, actual):
            assert "grid" not in comparison.message, (name, comparison.message)


def test_blocks_of_a_codec_are_blocking_and_no_grid() -> None:
    stream = io.BytesIO()
    SCENE.save(stream, "JPEG", quality=20)
    for comparison in both(SCENE, Image.open(stream).convert("RGB")):
        assert "blocking" in comparison.kinds and "grid" not in comparison.kinds, comparison.message


def test_stripes_of_the_picture_itself_are_no_change() -> None:
    y, x = np.mgrid[0:256, 0:256]
    striped = image(np.repeat((128 + 60 * ((x // 16) % 2))[..., np.newaxis] + 0 * y[..., np.newaxis], 3, axis=2) * 1.0)
    noisy = image(pixels(striped) + np.random.default_rng(1).normal(0, 1.5, (256, 256, 3)))
    assert all(comparison.passed for comparison in both(striped, noisy))
    assert lattice_of(planes_of(striped)).periods[0] == 16


@given(st.integers(1, 70), st.integers(1, 70))
def test_pictures_of_any_size_have_a_lattice(width: int, height: int) -> None:
    flat = lattice_of(planes_of(Image.new("RGB", (width, height), (9, 90, 200))))
    assert flat.periods == (0, 0) and not flat.strengths.any()
    assert grid_moved(flat, flat) == Grid(0.0, 0)


def test_a_period_that_is_not_known_exactly_is_the_middle_of_its_group() -> None:
    none = Lattice(np.zeros((2, len(PERIODS) - 1), np.float32), (0, 0))
    some = Lattice(none.strengths.copy(), (7, 0))
    some.strengths[0, 8] = 3  # 25 to 31
    assert grid_moved(none, some) == Grid(3.0, 28)
