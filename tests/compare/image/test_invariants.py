"""What holds for all pictures and all disturbances."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from pytest_comfy.compare import Comparison, compare, compare_images, fingerprint
from pytest_comfy.compare.still.decoding import decode

SIZE = (96, 80)


def picture_of(seed: int, size: tuple[int, int] = SIZE, mode: str = "RGB") -> Image.Image:
    """A picture of soft colours with some hard edges and grain, none of its values near black or white."""
    random = np.random.default_rng(seed)
    soft = Image.fromarray(random.integers(60, 196, (6, 7, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)
    values = np.asarray(soft).astype(float) + random.normal(0, random.uniform(0, 6), (size[1], size[0], 3))
    x, y = random.integers(0, size[0]), random.integers(0, size[1])
    values[y : y + 20, x : x + 25] += random.uniform(-30, 30)
    return Image.fromarray(values.clip(40, 215).astype(np.uint8)).convert(mode)


def parted(golden: Image.Image, actual: Image.Image, tolerance: str = "normal") -> tuple[Comparison, Comparison]:
    return compare(fingerprint(golden), fingerprint(actual), tolerance), compare_images(golden, actual, tolerance)


def disturbances(golden: Image.Image, seed: int) -> dict[str, Callable[[float], Any]]:
    """Ways to disturb a picture, by a strength from 0 to 1."""
    random = np.random.default_rng(seed)
    values = np.asarray(golden).astype(float)
    noise = random.normal(0, 1, values.shape)
    box = np.zeros(values.shape[:2])
    box[20:50, 30:70] = 1
    shift = random.uniform(-1, 1, 3)
    grey = values.mean(axis=2, keepdims=True)
    line = np.zeros(values.shape[:2])
    line[:, 40] = 1
    blurred = np.asarray(golden.filter(ImageFilter.GaussianBlur(2))).astype(float)
    return {
        "noise": lambda k: values + 12 * k * noise,
        "brightness": lambda k: values + 30 * k,
        "contrast": lambda k: 128 + (values - 128) * (1 - 0.6 * k),
        "cast": lambda k: values + 25 * k * shift,
        "saturation": lambda k: values + (grey - values) * k,
        "blur": lambda k: values + (blurred - values) * k,
        "object": lambda k: values + 60 * k * box[:, :, None],
        "line": lambda k: values + 40 * k * line[:, :, None],
    }


NAMES = sorted(disturbances(picture_of(0), 0))


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.sampled_from(NAMES), st.floats(0, 1))
def test_distance_is_symmetric(seed: int, name: str, strength: float) -> None:
    golden = picture_of(seed)
    actual = Image.fromarray(np.rint(disturbances(golden, seed)[name](strength)).clip(0, 255).astype(np.uint8))
    for there, back in zip(parted(golden, actual), parted(actual, golden), strict=True):
        assert there.distance == pytest.approx(back.distance, rel=1e-4)
        assert (there.verdict, there.passed) == (back.verdict, there.distance <= 1)
        for part, measured in there.parts.items():
            assert measured.value == pytest.approx(back.parts[part].value, rel=1e-4, abs=1e-5), part


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.sampled_from(NAMES))
def test_distance_grows_with_the_disturbance(seed: int, name: str) -> None:
    golden = picture_of(seed)
    disturb = disturbances(golden, seed)[name]
    distances = []
    for strength in (0, 0.25, 0.5, 0.75, 1):
        actual = Image.fromarray(np.rint(disturb(strength)).clip(0, 255).astype(np.uint8))
        distances.append([one.distance for one in parted(golden, actual)])
    slack = 0.15  # cells and pixels are whole numbers
    for before, after in pairwise(distances):
        assert after[0] >= before[0] - slack and after[1] >= before[1] - slack, distances
    assert distances[0] == [0, 0]


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.sampled_from(["RGB", "RGBA", "L", "LA", "P", "1"]), st.integers(0, 9))
def test_container_compression_and_metadata_do_not_matter(seed: int, mode: str, level: int) -> None:
    golden = picture_of(seed).quantize(16) if mode == "P" else picture_of(seed, mode=mode)
    if mode in ("RGBA", "LA"):  # WEBP keeps no channel that is opaque
        golden.putalpha(Image.linear_gradient("L").resize(SIZE))
    written = []
    for container, options in (
        ("PNG", {"compress_level": level}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("WEBP", {"lossless": True, "exact": True, "exif": b"Exif\0\0prompt"}),
    ):
        stream = io.BytesIO()
        shown = golden if container != "WEBP" else golden.convert("RGBA" if mode in ("RGBA", "LA") else "RGB")
        shown.save(stream, container, **options)
        written.append(decode(stream.getvalue()))
    for other in written:
        comparison = compare_images(golden, other, "exact")
        assert (comparison.verdict, comparison.distance) == ("identical", 0)
        assert compare(fingerprint(golden), fingerprint(other), "exact").distance == 0


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.integers(0, 80), st.integers(0, 70), st.integers(1, 40), st.integers(1, 40))
def test_a_mask_over_the_change_leaves_nothing(seed: int, x: int, y: int, width: int, height: int) -> None:
    golden = picture_of(seed)
    actual = golden.copy()
    actual.paste((255, 0, 255), (x, y, min(SIZE[0], x + width), min(SIZE[1], y + height)))
    assert compare_images(golden, actual, "exact", [(x, y, width, height)]).distance == 0
    masks = [(x, y, width, height)]
    assert compare(fingerprint(golden, masks), fingerprint(actual, masks), "exact").distance == 0


@settings(max_examples=50)
@given(
    st.tuples(st.integers(1, 70), st.integers(1, 70)),
    st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "LAB", "I", "F", "I;16"]),
    st.integers(0, 2**32),
    st.sampled_from(["exact", "strict", "normal", "loose"]),
)
def test_nothing_that_decodes_makes_it_fail(size: tuple[int, int], mode: str, seed: int, tolerance: str) -> None:
    random = np.random.default_rng(seed)
    if mode in ("I", "F", "I;16"):
        kind = {"I": "<i4", "F": "<f4", "I;16": "<u2"}[mode]
        golden, actual = (Image.fromarray(random.normal(500, 400, size[::-1]).astype(kind)) for _ in range(2))
    else:
        bands = len(Image.new(mode, (1, 1)).tobytes()) if mode != "1" else 1
        data = [random.integers(0, 256, size[0] * size[1] * bands, dtype=np.uint8) for _ in range(2)]
        if mode == "1":
            golden, actual = (Image.frombytes("L", size, one.tobytes()).convert("1") for one in data)
        else:
            golden, actual = (Image.frombytes(mode, size, one.tobytes()) for one in data)
    for comparison in parted(golden, actual, tolerance):
        assert comparison.message and "\n" not in comparison.message
        assert (comparison.distance <= 1) == comparison.passed
        assert comparison.passed or comparison.kinds
        for x, y, width, height in comparison.regions:
            assert x >= 0 and y >= 0 and width > 0 and height > 0
            assert x + width <= size[0] and y + height <= size[1]


@settings(max_examples=9)
@given(st.integers(0, 2**32), st.sampled_from([(256, 192), (448, 320), (333, 217)]))
def test_what_no_one_can_see_passes(seed: int, size: tuple[int, int]) -> None:
    golden = picture_of(seed, size)
    random = np.random.default_rng(seed)
    values = np.asarray(golden).astype(float)
    drift = np.asarray(Image.fromarray(random.uniform(-1, 1, (4, 4))).resize(size, Image.Resampling.BICUBIC))
    harmless = [
        values + random.normal(0, 1.2, values.shape),
        values + 1.5 * drift[:, :, None],
        values + (random.random(values.shape) < 0.5),
    ]
    for other in harmless:
        actual = Image.fromarray(np.rint(other).clip(0, 255).astype(np.uint8))
        assert all(one.passed for one in parted(golden, actual))
