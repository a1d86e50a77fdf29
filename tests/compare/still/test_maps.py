"""What is measured of a picture, and how it is written down."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from pytest_comfy.compare.base85 import pack, unpack
from pytest_comfy.compare.still.banding import roughness, shares_of_levels
from pytest_comfy.compare.still.maps import _factor, cell_means, grids_of, measure

sides = st.integers(1, 400)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 30), st.integers(1, 30), st.integers(0, 2**32))
def test_cells_hold_the_mean_of_their_pixels(columns: int, rows: int, wide: int, high: int, seed: int) -> None:
    assume(high % _factor((columns * wide, rows * high)) == 0)  # else lines that are taken together lie in two cells
    values = np.random.default_rng(seed).integers(0, 256, (rows * high, columns * wide), dtype=np.uint8)
    expected = values.reshape(rows, high, columns, wide).mean(axis=(1, 3))
    assert np.allclose(cell_means(values, (columns, rows)), expected, atol=0.01)


@given(st.integers(16, 700), st.integers(16, 700), st.integers(0, 2**32))
@example(16, 107, 0)
def test_every_pixel_counts_in_one_cell_near_it(width: int, height: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    x, y = int(random.integers(width)), int(random.integers(height))
    values = np.zeros((height, width), dtype=np.uint16)
    values[y, x] = 60_000
    columns, rows = grids_of((width, height)).coarse
    means = cell_means(values, (columns, rows))
    row, column = np.unravel_index(means.argmax(), means.shape)
    assert np.count_nonzero(means > 1e-3) == 1
    assert abs((column + 0.5) * width / columns - x) <= 0.75 * width / columns
    assert abs((row + 0.5) * height / rows - y) <= 0.75 * height / rows


@settings(max_examples=30)
@given(st.integers(8, 300), st.integers(8, 300))
@example(16, 107)
@example(107, 16)
@example(300, 259)
def test_every_row_and_every_column_lies_in_some_cell(width: int, height: int) -> None:
    grids = grids_of((width, height))
    for axis, length in enumerate((width, height)):
        for at in range(length):
            values = np.zeros((height, width), dtype=np.uint8)
            values.swapaxes(0, 1 - axis)[at] = 255
            seen = Image.fromarray(values)
            maps = measure(seen.convert("RGB"), np.asarray(seen), seen, grids)
            assert maps.luma.any() and maps.alpha is not None and maps.alpha.any(), (axis, at)


@given(sides, sides, st.booleans())
def test_cells_are_never_too_small_nor_more_than_there_are_pixels(width: int, height: int, compact: bool) -> None:
    grids = grids_of((width, height), compact)
    for (columns, rows), least in ((grids.luma, 8), (grids.coarse, 16), (grids.seams, 2)):
        assert 1 <= columns <= max(1, width // least) and 1 <= rows <= max(1, height // least)


@given(sides, sides, st.booleans())
def test_every_size_can_be_measured_and_a_flat_picture_has_nothing(width: int, height: int, compact: bool) -> None:
    flat = Image.new("RGB", (width, height), (60, 120, 200))
    maps = measure(flat, np.asarray(flat.convert("L")), None, grids_of(flat.size, compact))
    assert np.allclose(maps.luma, 0.299 * 60 + 0.587 * 120 + 0.114 * 200, atol=0.01)
    assert not (maps.energy.any() or maps.phase.any() or maps.seams[0].any() or maps.seams[1].any())
    assert shares_of_levels(flat).sum(axis=1) == pytest.approx(1)


def test_a_line_is_a_step_in_its_own_bin_only() -> None:
    picture = Image.new("L", (128, 64), 100)
    picture.paste(140, (64, 0, 128, 64))
    maps = measure(picture.convert("RGB"), np.asarray(picture), None, grids_of(picture.size))
    assert np.flatnonzero(maps.seams[0]).tolist() == [32] and maps.seams[0].max() == 40
    assert not maps.seams[1].any()


def test_posterized_pictures_are_rough_and_noise_does_not_hide_it() -> None:
    def rough(values: np.ndarray) -> float:
        picture = Image.fromarray(np.rint(values).clip(0, 255).astype(np.uint8))
        counts = np.array(picture.histogram(), dtype=np.float32).reshape(3, 256) / values[..., 0].size
        return float(roughness(counts, values[..., 0].size).max())

    random = np.random.default_rng(3)
    soft = Image.fromarray(random.integers(0, 256, (5, 6, 3), dtype=np.uint8))
    smooth = np.asarray(soft.resize((320, 240), Image.Resampling.BICUBIC)).astype(float)
    noise = random.normal(0, 1, smooth.shape)
    combed = np.rint(smooth / 8.226) * 8.226
    assert abs(rough(smooth + noise) - rough(smooth)) < 0.15
    assert rough(combed) - rough(smooth) > 0.6
    assert rough(combed + noise) - rough(smooth) > 0.6


@given(st.lists(st.lists(st.integers(0, 255), min_size=1, max_size=40), min_size=1, max_size=4))
def test_packing_is_base85_and_comes_back(rows: list[list[int]]) -> None:
    packed = [(pack(np.array(row, dtype=np.float32)), (len(row),)) for row in rows]
    assert [list(base64.b85decode(text)) for text, _ in packed] == rows
    assert [values.tolist() for values in unpack(packed)] == rows


@given(st.text(max_size=30), st.integers(1, 20))
def test_what_was_not_packed_is_refused(text: str, length: int) -> None:
    try:
        expected = list(base64.b85decode(text.encode()))
    except (ValueError, UnicodeError):
        expected = []
    if len(expected) == length:
        assert unpack([(text, (length,))])[0].tolist() == expected
    else:
        with pytest.raises(ValueError):  # noqa: PT011
            unpack([(text, (length,))])
