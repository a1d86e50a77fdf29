from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile

from pytest_comfy.compare import CompareError, UndecodableError, fingerprint
from pytest_comfy.compare.still import decoding
from pytest_comfy.compare.still.decoding import decode
from pytest_comfy.compare.still.pixels import pixels_sha256

STILLS = ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "TGA", "PPM"]


@pytest.mark.parametrize("container", STILLS)
def test_half_a_file_is_undecodable(container: str, scene: Image.Image, encode: Callable[..., bytes]) -> None:
    data = encode(scene, container)
    decode(data)
    with pytest.raises(UndecodableError):
        decode(data[: len(data) // 2])


@pytest.mark.parametrize("container", ["PNG", "WEBP", "GIF"])
def test_animation_broken_in_a_later_frame_is_undecodable(
    container: str, scene: Image.Image, moved: Callable[..., Image.Image], encode: Callable[..., bytes]
) -> None:
    data = encode([moved(scene, 9 * i) for i in range(4)], container, duration=100)
    assert decode(data).n_frames == 4  # type: ignore[attr-defined]
    with pytest.raises(UndecodableError):
        decode(data[: len(data) * 4 // 5])


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"\x89PNG\r\n\x1a\n", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"]
)
def test_what_is_no_picture_is_undecodable(data: bytes) -> None:
    with pytest.raises(UndecodableError):
        decode(data)


def test_undecodable_is_a_compare_error_of_one_line(scene: Image.Image, encode: Callable[..., bytes]) -> None:
    with pytest.raises(CompareError) as caught:
        decode(encode(scene)[:3000])
    assert str(caught.value).startswith("the picture is broken or truncated (")
    assert "\n" not in str(caught.value)


@given(st.data())
def test_damage_raises_nothing_else_and_warns_of_nothing(
    scene: Image.Image, encode: Callable[..., bytes], data: Any
) -> None:
    container = data.draw(st.sampled_from([*STILLS, "JPEG2000"]))
    small = scene.resize((24, 18))
    damaged = bytearray(encode(small, container))
    for at in data.draw(st.lists(st.integers(0, len(damaged) - 1), min_size=1, max_size=6)):
        damaged[at] = data.draw(st.integers(0, 255))
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("error")
        patch.setattr(decoding, "MAX_PIXELS", 2**16)  # damage to the size may claim gigabytes
        try:
            picture = decode(bytes(damaged))
            fingerprint(picture)
            pixels_sha256(picture)
        except UndecodableError as error:
            assert str(error)


@pytest.mark.parametrize("limit", [None, 1000])
def test_own_pixel_limit_holds_whatever_pillow_is_set_to(
    limit: int | None,
    raw_png: Callable[..., bytes],
    scene: Image.Image,
    encode: Callable[..., bytes],
    monkeypatch: Any,
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(UndecodableError, match="268435456 pixels"):
        decode(raw_png(16385, 16384, 8, 2, b""))
    assert decode(encode(scene)).size == scene.size
    assert limit == Image.MAX_IMAGE_PIXELS


def test_pictures_up_to_the_limit_are_not_refused_for_their_size(raw_png: Callable[..., bytes]) -> None:
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with pytest.raises(UndecodableError, match="broken or truncated"):
            decode(raw_png(16384, 16384, 8, 0, b""))
    assert warned == []


def test_truncated_files_stay_refused_where_pillow_is_told_to_accept_them(
    scene: Image.Image, encode: Callable[..., bytes], monkeypatch: Any
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(UndecodableError):
        decode(encode(scene, "JPEG")[:3000])
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True


def test_too_many_frames_are_refused_before_they_are_read(encode: Callable[..., bytes]) -> None:
    animation = encode([Image.new("RGB", (4, 4), (i, 0, 0)) for i in range(3)], "PNG", duration=50)
    at = animation.index(b"acTL")
    chunk = b"acTL" + struct.pack(">II", 10_001, 0)
    claimed = animation[:at] + chunk + struct.pack(">I", zlib.crc32(chunk)) + animation[at + 16 :]
    with pytest.raises(UndecodableError, match="10001 frames of 4x4"):
        decode(claimed)


def test_too_many_pixels_over_all_frames_are_refused(encode: Callable[..., bytes], monkeypatch: Any) -> None:
    animation = encode([Image.new("RGB", (10, 10), (i, 0, 0)) for i in range(3)], "PNG", duration=50)
    monkeypatch.setattr(decoding, "MAX_ANIMATION_PIXELS", 299)
    with pytest.raises(UndecodableError, match="3 frames of 10x10"):
        decode(animation)
    monkeypatch.setattr(decoding, "MAX_ANIMATION_PIXELS", 300)
    assert decode(animation).tell() == 0
