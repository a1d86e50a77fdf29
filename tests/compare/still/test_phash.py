"""The perceptual hash is that of imagehash, bit for bit, however it is made."""

from __future__ import annotations

import imagehash
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pytest_comfy.compare.still.phash import HASH_SIZE, phash


def _drawn(kind: str, width: int, height: int, seed: int) -> Image.Image:
    random = np.random.default_rng(seed)
    values = {
        "noise": lambda: random.integers(0, 256, (height, width)),
        "black and white": lambda: 255 * random.integers(0, 2, (height, width)),
        "waves": lambda: 128 + 127 * np.sin(np.add.outer(np.arange(height) / 9, np.arange(width) / 7) ** 2),
        "flat": lambda: np.full((height, width), random.integers(0, 256)),
    }[kind]()
    return Image.fromarray(np.asarray(values, dtype=np.uint8))


@pytest.mark.parametrize("kind", ["noise", "black and white", "waves", "flat"])
@pytest.mark.parametrize("size", [(1024, 1024), (1000, 700), (700, 1000), (2048, 300), (9001, 40), (257, 257)])
def test_large_pictures_have_the_hash_of_imagehash(kind: str, size: tuple[int, int]) -> None:
    picture = _drawn(kind, *size, seed=7)
    assert phash(picture, np.asarray(picture)) == str(imagehash.phash(picture, hash_size=HASH_SIZE))


@given(st.sampled_from(["noise", "waves"]), st.integers(1, 1500), st.integers(1, 300), st.integers(0, 2**32))
def test_pictures_of_any_size_have_the_hash_of_imagehash(kind: str, width: int, height: int, seed: int) -> None:
    picture = _drawn(kind, width, height, seed)
    assert phash(picture, np.asarray(picture)) == str(imagehash.phash(picture, hash_size=HASH_SIZE))
