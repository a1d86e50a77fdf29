"""Pictures are measured in bands, which changes no number."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pytest_comfy.compare.result import UndecodableError
from pytest_comfy.compare.still import heat, pixels, pixelwise
from pytest_comfy.compare.still.jxl import SIGNATURES, size_of


def noise(size, mode="RGB", seed=0):
    width, height = size
    rng = np.random.default_rng(seed)
    if mode == "F":
        return Image.fromarray(rng.normal(0, 5, (height, width)).astype("f4"))
    if mode == "I;16":
        return Image.fromarray(rng.integers(0, 2**16, (height, width), dtype="<u2"))
    return Image.fromarray(rng.integers(0, 256, (height, width, len(mode)), dtype="u1"), mode)


@settings(max_examples=40)
@given(st.integers(1, 70), st.integers(1, 90), st.integers(1, 4))
def test_blocks_by_bands_are_those_of_the_whole(width, height, rows_of_blocks):
    pair = noise((width, height)), noise((width, height), seed=1)
    whole = pixelwise.pixel_change(*pair).cells
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pixelwise, "_BAND_PIXELS", rows_of_blocks * pixelwise.CHROMA_BLOCK * width)
        bands = pixelwise.pixel_change(*pair).cells
    for name in whole:
        assert bands[name].shape == whole[name].shape
        assert (bands[name] == whole[name]).all()
    assert whole["pixels"].shape == (-(-height // 8), -(-width // 8))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "I;16", "F"])
@pytest.mark.parametrize("rows", [1, 7, 64])
def test_digest_by_bands_is_that_of_the_whole(mode, rows, monkeypatch):
    picture = noise((33, 64), mode)
    whole = pixels.pixels_sha256(picture, [(3, 3, 9, 9)])
    monkeypatch.setattr(pixels, "_BAND_ROWS", rows)
    assert pixels.pixels_sha256(picture, [(3, 3, 9, 9)]) == whole


@pytest.mark.parametrize("modes", [("RGB", "RGB"), ("RGBA", "RGB"), ("I;16", "I;16"), ("F", "F"), ("F", "RGB")])
def test_heat_by_bands_is_that_of_the_whole(modes, monkeypatch):
    pair = noise((33, 64), modes[0]), noise((40, 60), modes[1], seed=1)
    whole = heat.heat_map(*pair)
    monkeypatch.setattr(heat, "_BAND_PIXELS", 7 * 33)
    assert heat.heat_map(*pair).tobytes() == whole.tobytes()


SIZES = [(1, 1), (8, 8), (256, 256), (257, 3), (640, 480), (1920, 1080), (100, 80), (9000, 10), (1200, 1000), (264, 8)]


@pytest.mark.parametrize("size", SIZES)
def test_size_of_jpeg_xl_is_known_before_it_is_decoded(size):
    pytest.importorskip("pillow_jxl")
    buffer = io.BytesIO()
    Image.new("RGB", size).save(buffer, "JXL", effort=1)
    stream = buffer.getvalue()
    assert stream.startswith(SIGNATURES[0])
    assert size_of(stream) == size
    ftyp = b"\0\0\0\x14ftypjxl \0\0\0\0jxl "
    whole = (len(stream) + 8).to_bytes(4, "big") + b"jxlc" + stream
    long = b"\0\0\0\1jxlc" + (len(stream) + 16).to_bytes(8, "big") + stream
    part = b"\0\0\0\x18jxlp\0\0\0\0" + stream[:12]
    for boxes in (whole, long, b"\0\0\0\0jxlc" + stream, part):
        assert size_of(SIGNATURES[1] + ftyp + boxes) == size


@given(st.binary(max_size=60), st.sampled_from(SIGNATURES))
def test_any_header_of_jpeg_xl_tells_a_size_or_is_broken(data, start):
    try:
        width, height = size_of(start + data)
    except UndecodableError as error:
        assert "broken or truncated" in str(error)
    else:
        assert 0 <= width <= 2**31
        assert 1 <= height <= 2**30
