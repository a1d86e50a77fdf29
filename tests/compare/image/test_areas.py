"""Masks and areas, as rectangles and as pictures."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from pytest_comfy.compare import CompareError, UndecodableError, compare_images
from pytest_comfy.compare.image.areas import drawn, outside
from pytest_comfy.compare.kept_masks import pack_masks, unpack_masks

SIZE = (40, 30)
rectangle = st.tuples(st.integers(0, 45), st.integers(0, 35), st.integers(1, 30), st.integers(1, 30))


def painted(masks: object) -> np.ndarray:
    """What the rectangles cover of a picture of SIZE."""
    canvas = np.zeros(SIZE[::-1], dtype=int)
    for x, y, width, height in masks:  # type: ignore[attr-defined]
        canvas[y : y + height, x : x + width] += 1
    return canvas


def png_of(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


@given(st.lists(rectangle, max_size=6))
def test_outside_leaves_nothing_but_the_areas(areas: list[tuple[int, int, int, int]]) -> None:
    covered = painted(outside(areas))
    assert ((painted(areas) > 0) == (covered == 0)).all()
    assert covered.max(initial=0) <= 1


@given(st.integers(0, 2**32), st.booleans())
def test_mask_pictures_come_to_rectangles_that_cover_them(seed: int, inside: bool) -> None:
    white = np.random.default_rng(seed).random(SIZE[::-1]) < 0.3
    masks = drawn(png_of(Image.fromarray(white)), SIZE, inside=inside)
    assert (painted(masks) == (white if inside else ~white)).all()


def test_rows_alike_become_one_rectangle() -> None:
    mask = Image.new("L", SIZE)
    ImageDraw.Draw(mask).rectangle((5, 6, 20, 25), fill="white")
    assert drawn(png_of(mask), SIZE, inside=True) == ((5, 6, 16, 20),)


def test_transparent_parts_of_a_mask_are_not_white() -> None:
    mask = Image.new("RGBA", SIZE, (255, 255, 255, 0))
    mask.paste((255, 255, 255, 255), (0, 0, 10, 10))
    assert drawn(png_of(mask), SIZE, inside=True) == ((0, 0, 10, 10),)


def test_mask_of_another_size_is_refused() -> None:
    with pytest.raises(CompareError, match="the mask picture is 20x30, and the output 40x30: draw it in that size"):
        drawn(png_of(Image.new("L", (20, 30))), SIZE, inside=True)
    with pytest.raises(UndecodableError):
        drawn(b"no picture", SIZE, inside=True)


def test_mask_of_dust_is_refused() -> None:
    dust = Image.fromarray(np.random.default_rng(0).random((400, 400)) < 0.5)
    with pytest.raises(CompareError, match="rectangles, more than 20000 are refused"):
        drawn(png_of(dust), (400, 400), inside=True)


@given(st.lists(rectangle, max_size=120).map(tuple))
def test_masks_are_kept_and_come_back(masks: tuple[tuple[int, int, int, int], ...]) -> None:
    written = json.dumps(pack_masks(masks))
    assert unpack_masks(json.loads(written)) == masks
    assert len(written) < 2000 or isinstance(pack_masks(masks), str)


@pytest.mark.parametrize("damaged", [5, None, {"x": 1}, "no,base85", "0000000000", [[1, 2, 3]], [5], ["abcd"]])
def test_damaged_masks_are_refused(damaged: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        unpack_masks(damaged)


def test_only_an_area_is_compared(scene: Image.Image, boxed: Callable[..., Image.Image]) -> None:
    masks = outside([(40, 40, 80, 60)])
    assert compare_images(scene, boxed(scene, (200, 100, 40, 40)), masks=masks).verdict == "identical"
    inside = compare_images(scene, boxed(scene, (60, 60, 20, 20)), masks=masks)
    assert inside.verdict == "different"
    x, y, width, height = inside.regions[0]
    assert x >= 32 and y >= 32 and x + width <= 128 and y + height <= 104
