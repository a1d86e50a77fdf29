from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pytest_comfy.compare.image.drawing import GAP, draw
from pytest_comfy.compare.moving.drawing import LABEL

Encode = Callable[..., bytes]
Panels = tuple[Any, Any, Any]


def panels(golden: bytes, actual: bytes) -> Panels:
    """Return golden, actual and heat map as arrays of shape (height, width, 3)."""
    drawn = draw(golden, actual)
    assert drawn is not None
    sheet = Image.open(io.BytesIO(drawn.data))
    assert (sheet.format, sheet.mode) == ("PNG", "RGB")
    values = np.asarray(sheet).astype(int)
    width = (sheet.width - 2 * GAP) // 3
    return tuple(values[:, i * (width + GAP) : i * (width + GAP) + width] for i in range(3))  # type: ignore[return-value]


def test_one_level_in_one_pixel_is_visible_and_more_is_hotter(scene: Image.Image, encode: Encode) -> None:
    values = np.array(scene)
    values[20, 30, 1] += 1
    values[100, 200, 2] += 80
    golden, actual, heat = panels(encode(scene), encode(Image.fromarray(values), "BMP"))
    assert np.array_equal(golden, np.asarray(scene))
    assert np.array_equal(actual, values)
    assert 150 < heat[20, 30].sum() < heat[100, 200].sum()
    assert np.count_nonzero(heat.sum(axis=2)) == 2


def test_equal_pictures_have_a_black_map(scene: Image.Image, encode: Encode) -> None:
    assert panels(encode(scene), encode(scene, "BMP"))[2].max() == 0


def test_other_size_is_padded_not_scaled(scene: Image.Image, encode: Encode) -> None:
    cut = scene.crop((0, 0, 100, 192))
    golden, actual, heat = panels(encode(cut), encode(scene.crop((0, 0, 256, 90))))
    assert heat.shape == (192, 256, 3)
    assert np.array_equal(golden[:, :100], np.asarray(cut))
    assert len(np.unique(golden[:, 100:].reshape(-1, 3), axis=0)) == 1
    assert np.array_equal(actual[:90], np.asarray(scene)[:90])
    assert heat[:90, :100].max() == 0
    assert heat[95:, 105:].min(axis=(0, 1)).tolist() == [96, 0, 160]


def test_alpha_alone_shows(encode: Encode) -> None:
    solid, clear = (
        Image.new("RGBA", (9, 9), (128,) * 3 + (255,)),
        Image.new("RGBA", (9, 9), (128,) * 3 + (0,)),
    )
    golden, actual, heat = panels(encode(solid), encode(clear))
    assert np.array_equal(golden, actual)
    assert heat.min() == 255


def test_deep_greys_show_what_8_bits_hide(encode: Encode) -> None:
    values = np.full((9, 9), 30000, "<u2")
    changed = values.copy()
    changed[4, 4] += 1
    heat = panels(encode(Image.fromarray(values)), encode(Image.fromarray(changed)))[2]
    assert np.argwhere(heat.sum(axis=2) > 150).tolist() == [[4, 4]]


def test_float_pictures_show_lost_values(encode: Encode) -> None:
    values = np.linspace(0, 5, 81, dtype="<f4").reshape(9, 9)
    values[0, 0] = np.nan
    changed = values.copy()
    changed[4, 4] = np.nan
    heat = panels(encode(Image.fromarray(values), "TIFF"), encode(Image.fromarray(changed), "TIFF"))[2]
    assert np.argwhere(heat.sum(axis=2)).tolist() == [[4, 4]]


def rows(golden: bytes, actual: bytes, size: tuple[int, int], at: int = 0) -> list[Any]:
    """Cut the strip of an animation: golden, actual and heat map of the frame drawn `at` pixels from the left."""
    drawn = draw(golden, actual)
    assert drawn is not None
    sheet = np.asarray(Image.open(io.BytesIO(drawn.data)))
    tops = [LABEL + i * (size[1] + GAP) for i in range(3)]
    return [sheet[top : top + size[1], at : at + size[0]] for top in tops]


def test_frames_that_differ_most_are_drawn_in_order_of_time(
    scene: Image.Image, encode: Encode, boxed: Callable[..., Image.Image]
) -> None:
    clip = [boxed(scene, (i * 4, 0, 3, 3)) for i in range(6)]
    changed = [*clip[:2], boxed(clip[2], (20, 20, 9, 9)), clip[3], boxed(clip[4], (0, 0, 200, 150)), clip[5]]
    data = encode(clip, "PNG", duration=50), encode(changed, "PNG", duration=50)
    first, second = (rows(*data, scene.size, at) for at in (0, scene.width + GAP))
    assert np.array_equal(first[0], np.asarray(clip[2])) and np.array_equal(first[1], np.asarray(changed[2]))
    assert {(20, 20), (28, 28)} <= {(int(y), int(x)) for y, x in np.argwhere(first[2].sum(axis=2))}
    assert np.array_equal(second[0], np.asarray(clip[4])) and np.array_equal(second[1], np.asarray(changed[4]))
    drawn = draw(*data)
    assert drawn is not None
    assert Image.open(io.BytesIO(drawn.data)).size == (2 * scene.width + GAP, LABEL + 3 * scene.height + 2 * GAP)


def test_frame_that_is_missing_is_drawn_as_nothing(
    scene: Image.Image, encode: Encode, boxed: Callable[..., Image.Image]
) -> None:
    small = scene.resize((40, 30))
    clip = [boxed(small, (i * 4, 0, 3, 3)) for i in range(3)]
    golden, actual, heat = rows(encode(clip, "PNG", duration=50), encode(clip[:2], "PNG", duration=50), small.size)
    assert np.array_equal(golden, np.asarray(clip[2]))
    assert np.unique(actual).size == 1
    assert np.unique(heat.reshape(-1, 3), axis=0).tolist() == [[96, 0, 160]]


def test_animations_of_other_durations_show_their_first_frame(scene: Image.Image, encode: Encode) -> None:
    clip = [scene, scene.rotate(180)]
    golden, actual, heat = panels(encode(clip, "PNG", duration=50), encode(clip, "PNG", duration=90))
    assert np.array_equal(golden, np.asarray(scene)) and np.array_equal(actual, golden)
    assert not heat.any()


@pytest.mark.parametrize("broken", [b"", b"text", b"\x89PNG\r\n\x1a\n"])
def test_no_picture_no_drawing(broken: bytes, scene: Image.Image, encode: Encode) -> None:
    assert draw(broken, encode(scene)) is None
    assert draw(encode(scene), broken) is None
