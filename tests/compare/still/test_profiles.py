"""Steps along lines, counted in whole numbers, are those that floats come to."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pytest_comfy.compare.still.profiles import CAP, PIECE, planes_of, profiles

SCALES = 3
NEAR, SHARE = 0.04, 0.001
"""Levels by which a line of few pieces may differ, of which fingerprints keep thirtieths, and of how far colours are
apart."""


def _drawn(width: int, height: int, spread: int, seed: int) -> Image.Image:
    random = np.random.default_rng(seed)
    levels = np.full((height, width, 3), random.integers(0, 256, 3)) + random.integers(-spread, spread + 1, 3)
    levels[:, ::2] += random.integers(-6, 7, 3)
    levels[::3] += random.integers(-6, 7, 3)
    levels += random.integers(-spread, spread + 1, levels.shape)
    return Image.fromarray(levels.clip(0, 255).astype(np.uint8))


def _in_floats(picture: Image.Image, down: bool) -> list[npt.NDArray[np.float64]]:
    """Return the profiles of the lines that run down, or across, as their definition has them."""
    joined = np.asarray(picture.reduce((1, PIECE) if down else (PIECE, 1)), dtype=np.float64)
    red, green, blue = np.moveaxis(joined if down else joined.swapaxes(0, 1), 2, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    planes = [luma, (blue - luma) / 1.772, (red - luma) / 1.402]
    found = []
    for _ in range(SCALES):
        luma, *chroma = (np.diff(plane, axis=1) for plane in planes)
        sizes = np.abs(luma), np.hypot(*chroma)
        found.append(np.stack([np.minimum(one, CAP).mean(axis=0) for one in sizes]))
        even = len(planes[0]) // 2 * 2
        planes = [(plane[0:even:2] + plane[1:even:2]) / 2 for plane in planes]
        if not even:
            break
    return found


def _hold(picture: Image.Image, apart: int) -> None:
    for planes, down in zip(planes_of(picture), (True, False), strict=True):
        for found, expected in zip(profiles(planes, SCALES), _in_floats(picture, down), strict=False):
            assert found.shape == expected.shape
            assert np.abs(found - expected).max(initial=0) < NEAR + SHARE * apart


@pytest.mark.parametrize("size", [(512, 512), (301, 203), (64, 1000)])
@pytest.mark.parametrize("spread", [0, 2, 255])
def test_large_pictures(size: tuple[int, int], spread: int) -> None:
    _hold(_drawn(*size, spread, seed=3), spread)


@pytest.mark.parametrize("colours", [((0, 0, 0), (255, 255, 255)), ((255, 0, 0), (0, 255, 255)), ((0, 255, 0),) * 2])
def test_the_hardest_edges_run_nothing_over(colours: tuple[tuple[int, int, int], ...]) -> None:
    board = np.array(colours, dtype=np.uint8)[np.add.outer(np.arange(64) // 16, np.arange(48) // 16) % 2]
    _hold(Image.fromarray(board), 0)


@given(st.integers(2, 40), st.integers(2, 40), st.sampled_from([0, 1, 3, 20, 255]), st.integers(0, 2**32))
def test_pictures_of_any_size(width: int, height: int, spread: int, seed: int) -> None:
    _hold(_drawn(width, height, spread, seed), spread)
