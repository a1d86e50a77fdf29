"""Formats beyond PNG, those that need an extra among them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np
import pillow_jxl  # noqa: F401  (registers the format)
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pytest_comfy.compare import (
    CompareError,
    MissingExtraError,
    UndecodableError,
    compare_images,
    compare_output,
    fingerprint,
)
from pytest_comfy.compare.still.decoding import decode

Encode = Callable[..., bytes]
Image.init()
READABLE = set(Image.OPEN)


def exr(values: np.ndarray) -> bytes:
    """Encode (height, width[, channels]) of float values."""
    height, width = values.shape[:2]
    planes = [values] if values.ndim == 2 else [values[..., i] for i in (1, 2, 0, 3)[: values.shape[2]]]
    name = {1: "grayf32le", 3: "gbrpf32le", 4: "gbrapf32le"}[len(planes)]
    encoder = av.CodecContext.create("exr", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = width, height, name, Fraction(1)
    frame = av.VideoFrame(width, height, name)
    frame.pts = 0
    for plane, source in zip(frame.planes, planes, strict=True):
        row = np.zeros((height, plane.line_size // 4), dtype="<f4")
        row[:, :width] = source
        plane.update(row.tobytes())
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


@pytest.fixture(scope="module")
def values(scene: Image.Image) -> np.ndarray:
    return (np.asarray(scene) / 255).astype("<f4")


def test_exr_is_compared_by_colours_and_by_the_values_beyond(values: np.ndarray) -> None:
    golden = decode(exr(values))
    assert (golden.mode, golden.size) == ("RGB", (256, 192))
    assert compare_images(golden, decode(exr(values))).verdict == "identical"
    assert compare_images(golden, decode(exr(values + 0.002))).verdict == "within tolerance"
    assert compare_images(golden, decode(exr(values[:, ::-1]))).kinds[0] == "structure"
    bright = values.copy()
    bright[:8, :8] = 40
    assert compare_images(golden, decode(exr(bright))).parts["range"].distance > 1


def test_exr_values_that_no_eye_tells_apart_are_told_by_exact(values: np.ndarray) -> None:
    golden, actual = decode(exr(values)), decode(exr(values + np.float32(1e-4)))
    assert compare_images(golden, actual).passed
    assert not compare_images(golden, actual, "exact").passed


def test_exr_greys_and_alpha(values: np.ndarray) -> None:
    assert decode(exr(values[..., 0])).mode == "F"
    clear = np.dstack([values, np.full(values.shape[:2], 0.5, "<f4")])
    assert compare_images(decode(exr(clear)), decode(exr(values))).kinds == ("alpha",)


def test_depth_of_exr_is_none_of_png(values: np.ndarray, scene: Image.Image) -> None:
    assert compare_images(decode(exr(values)), scene).message == "depth is 8 bits colour (RGB), was 32 bits float colour (RGB;32F)"  # fmt: skip # noqa: E501


@settings(max_examples=60)
@given(st.data())
def test_broken_exr_is_undecodable(data: st.DataObject) -> None:
    whole = bytearray(exr(np.linspace(0, 1, 600, dtype="<f4").reshape(20, 30)))
    for _ in range(data.draw(st.integers(1, 5))):
        whole[data.draw(st.integers(4, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(4, len(whole)))
    try:
        fingerprint(decode(bytes(whole[:cut])))
    except UndecodableError as error:
        assert "\n" not in str(error)


def test_exr_bombs_are_refused(values: np.ndarray) -> None:
    data = bytearray(exr(values))
    at = data.index(b"dataWindow\0box2i\0") + 17 + 4 + 8
    data[at : at + 8] = b"\xff\xff\x0f\x00\xff\xff\x0f\x00"
    with pytest.raises(UndecodableError, match="1048576x1048576, more than"):
        decode(bytes(data))


@pytest.mark.parametrize("lossless", [True, False])
def test_jpeg_xl(lossless: bool, scene: Image.Image, encode: Encode) -> None:
    actual = decode(encode(scene, "JXL", lossless=lossless, **({} if lossless else {"quality": 97})))
    assert compare_images(scene, actual).verdict == ("identical" if lossless else "within tolerance")


@pytest.mark.skipif("AVIF" not in READABLE, reason="this Pillow does not read AVIF")
def test_avif(scene: Image.Image, encode: Encode) -> None:
    assert compare_images(scene, decode(encode(scene, "AVIF", quality=99, subsampling="4:4:4"))).passed


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate"])
def test_tiff(compression: str, scene: Image.Image, encode: Encode) -> None:
    assert compare_images(scene, decode(encode(scene, "TIFF", compression=compression))).verdict == "identical"


@pytest.mark.parametrize(
    ("module", "data", "told"),
    [
        ("av", lambda scene: exr(np.zeros((9, 9), "<f4")), "an EXR picture needs PyAV: pip install 'pytest-comfy[vid"),
        ("pillow_jxl", lambda scene: b"\xff\x0a....", "a JPEG XL picture needs a plugin: pip install 'pytest-comfy[j"),
    ],
)
def test_missing_extra_is_named(
    module: str, data: Callable[..., bytes], told: str, scene: Image.Image, encode: Encode,
    keep: Callable[..., object], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    made = data(scene)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError) as raised:
        compare_output(keep(encode(scene)), made, "image/png")  # type: ignore[arg-type]
    assert told in str(raised.value) and isinstance(raised.value, CompareError)


def test_old_pillow_is_told_to_be_renewed_for_avif(monkeypatch: pytest.MonkeyPatch) -> None:
    Image.init()
    monkeypatch.delitem(Image.OPEN, "AVIF", raising=False)
    with pytest.raises(MissingExtraError, match=r"pip install .Pillow>=11\.3"):
        decode(b"\0\0\0\x1cftypavif\0\0\0\0" + bytes(40))
