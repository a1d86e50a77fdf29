"""Pictures of unusual size, depth and colour model."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from pytest_comfy.compare import compare_images, fingerprint
from pytest_comfy.compare.still.decoding import decode

Moved = Callable[..., Image.Image]


@pytest.mark.parametrize("size", [(1, 1), (1, 4096), (4096, 1), (3, 2), (7, 9)])
def test_extreme_sizes(size: tuple[int, int]) -> None:
    black, white = Image.new("RGB", size), Image.new("RGB", size, "white")
    assert compare_images(black, black.copy()).verdict == "identical"
    comparison = compare_images(black, white)
    assert comparison.verdict == "different"
    assert sum(w * h for _, _, w, h in comparison.regions) >= size[0] * size[1]
    assert all(x + w <= size[0] and y + h <= size[1] for x, y, w, h in comparison.regions)


def test_cmyk(scene: Image.Image, encode: Callable[..., bytes], boxed: Moved) -> None:
    golden = decode(encode(scene.convert("CMYK"), "TIFF"))
    assert compare_images(golden, scene.convert("CMYK").convert("RGB")).verdict == "identical"
    assert compare_images(golden, boxed(scene, (0, 0, 90, 90)).convert("CMYK")).verdict == "different"


def test_16_bit_greys(scene: Image.Image, encode: Callable[..., bytes]) -> None:
    values = np.asarray(scene.convert("L")).astype("<u2") * 257
    golden = decode(encode(Image.fromarray(values)))
    assert compare_images(golden, Image.fromarray(values + 100)).verdict == "within tolerance"
    assert compare_images(golden, Image.fromarray(values[::-1].copy())).kinds[0] == "structure"
    eight = compare_images(golden, scene.convert("L"))
    assert (eight.kinds, eight.distance) == (("depth",), float("inf"))
    assert eight.message == "depth is 8 bits colour (RGB), was 16 bits grey (I;16)"


def test_float_pictures_compare_range_and_content(scene: Image.Image) -> None:
    values = np.asarray(scene.convert("L")).astype("<f4") / 255
    golden = Image.fromarray(values)
    assert compare_images(golden, Image.fromarray(values + 0.001)).verdict == "within tolerance"
    scaled = compare_images(golden, Image.fromarray(values * 10))
    assert scaled.kinds == ("brightness",)
    assert scaled.message.startswith("values lie between 2.784 and 6.824, were between 0.2784 and 0.6824")
    broken = values.copy()
    broken[10:40, 20:90] = np.nan
    assert compare_images(golden, Image.fromarray(broken)).verdict == "different"
    nothing = Image.fromarray(np.full_like(values, np.inf))
    assert json.loads(json.dumps(fingerprint(nothing), allow_nan=False))["range"] == [0, 0]
