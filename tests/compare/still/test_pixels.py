from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pytest_comfy.compare import CompareError, compare_images
from pytest_comfy.compare.still.decoding import decode
from pytest_comfy.compare.still.pixels import pixels_sha256


def test_container_does_not_matter(scene: Image.Image, encode: Callable[..., bytes]) -> None:
    files = [
        encode(scene, "PNG", compress_level=1),
        encode(scene, "PNG", compress_level=9, dpi=(300, 300)),
        encode(scene, "WEBP", lossless=True),
        encode(scene, "BMP"),
        encode(scene, "TIFF"),
        encode(scene, "TIFF", compression="tiff_lzw"),
        encode(scene, "TGA"),
        encode(scene, "PPM"),
        encode([scene], "PNG"),
    ]
    assert {pixels_sha256(decode(data)) for data in files} == {pixels_sha256(scene)}


def test_palette_and_grey_do_not_matter(scene: Image.Image, encode: Callable[..., bytes]) -> None:
    palette = scene.quantize(64)
    grey = scene.convert("L")
    bilevel = scene.convert("1")
    assert pixels_sha256(decode(encode(palette, "GIF"))) == pixels_sha256(palette.convert("RGB"))
    assert pixels_sha256(decode(encode(grey))) == pixels_sha256(grey.convert("RGB"))
    assert pixels_sha256(decode(encode(bilevel))) == pixels_sha256(bilevel.convert("RGB"))


def test_transparency_in_any_form_is_alpha(raw_png: Callable[..., bytes], encode: Callable[..., bytes]) -> None:
    expected = Image.new("RGBA", (2, 1), (10, 10, 10, 0))
    expected.putpixel((1, 0), (20, 20, 20, 255))
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 10, 10, 20, 20, 20])
    palette.putpixel((1, 0), 1)
    grey_alpha = Image.new("LA", (2, 1), (10, 0))
    grey_alpha.putpixel((1, 0), (20, 255))
    files = [
        encode(palette, "PNG", transparency=0),
        encode(palette, "PNG", transparency=b"\x00\xff"),
        encode(grey_alpha),
        raw_png(2, 1, 8, 0, b"\x00\x0a\x14", (b"tRNS", b"\x00\x0a")),
        raw_png(2, 1, 8, 2, b"\x00" + b"\x0a" * 3 + b"\x14" * 3, (b"tRNS", b"\x00\x0a" * 3)),
    ]
    assert {pixels_sha256(decode(data)) for data in files} == {pixels_sha256(expected)}


def test_opaque_alpha_is_not_no_alpha(scene: Image.Image) -> None:
    assert pixels_sha256(scene) != pixels_sha256(scene.convert("RGBA"))


def test_byte_order_and_width_of_16_bit_greys_do_not_matter() -> None:
    values = np.arange(0, 65536, 257, dtype="<u2").reshape(16, 16)
    forms = [
        Image.fromarray(values),
        Image.fromarray(values.astype(">u2")),
        Image.fromarray(values.astype("<i4")),
    ]
    assert len({pixels_sha256(form) for form in forms}) == 1
    assert pixels_sha256(forms[0]) != pixels_sha256(Image.fromarray((values >> 8).astype("u1")))


def test_lower_byte_of_16_bit_colour_counts(raw_png: Callable[..., bytes]) -> None:
    first = raw_png(1, 1, 16, 2, b"\x00" + b"\x80\x00" * 3)
    second = raw_png(1, 1, 16, 2, b"\x00" + b"\x80\x01" * 3)
    with_text = raw_png(1, 1, 16, 2, b"\x00" + b"\x80\x00" * 3, (b"tEXt", b"prompt\x00{}"))
    assert pixels_sha256(decode(first)) != pixels_sha256(decode(second))
    assert pixels_sha256(decode(first)) == pixels_sha256(decode(with_text))
    assert compare_images(decode(first), decode(second)).verdict == "within tolerance"
    eight = compare_images(decode(first), Image.new("RGB", (1, 1), (128, 128, 128)))
    assert (eight.kinds, eight.message) == (
        ("depth",),
        "depth is 8 bits colour (RGB), was 16 bits colour (RGB;16)",
    )


@given(
    x=st.integers(0, 255),
    y=st.integers(0, 191),
    channel=st.integers(0, 2),
    bit=st.integers(0, 7),
    data=st.data(),
)
def test_any_flipped_bit_changes_the_hash_unless_masked(
    scene: Image.Image, x: int, y: int, channel: int, bit: int, data: Any
) -> None:
    values = np.array(scene)
    values[y, x, channel] ^= 1 << bit
    changed = Image.fromarray(values)
    assert pixels_sha256(changed) != pixels_sha256(scene)
    left, top = data.draw(st.integers(0, x)), data.draw(st.integers(0, y))
    mask = (left, top, x - left + 1, y - top + 1)
    assert pixels_sha256(changed, [mask]) == pixels_sha256(scene, [mask])
    beside = (x + 1, 0, 10, 192)
    assert pixels_sha256(changed, [beside]) != pixels_sha256(scene, [beside])


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "I;16", "I", "F", "CMYK", "LA"])
def test_masks_cover_every_mode(mode: str) -> None:
    dark = Image.fromarray(np.zeros((8, 8), "<u2")) if mode == "I;16" else Image.new(mode, (8, 8))
    light = dark.copy()
    light.paste(Image.new(mode, (2, 2), _white(mode)), (3, 3, 5, 5))
    if mode == "P":
        light.putpalette([v for v in range(256) for _ in range(3)])
    assert pixels_sha256(light) != pixels_sha256(dark)
    comparison = compare_images(dark, light, "exact", [(3, 3, 2, 2)])
    assert (comparison.verdict, comparison.message) == ("identical", "pixels outside the masks are identical")


def _white(mode: str) -> Any:
    return {"RGB": (255,) * 3, "RGBA": (255,) * 4, "CMYK": (255,) * 4, "LA": (255, 255)}.get(mode, 255)


def test_masking_leaves_the_picture_alone(scene: Image.Image) -> None:
    before = scene.tobytes()
    pixels_sha256(scene, [(0, 0, 50, 50)])
    assert scene.tobytes() == before


def test_masked_transparency_is_opaque() -> None:
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    grey = Image.new("RGBA", (8, 8), (128, 128, 128, 255))
    assert pixels_sha256(clear, [(0, 0, 8, 8)]) == pixels_sha256(grey)


@pytest.mark.parametrize("mask", [(0, 0, 0, 5), (0, 0, 5), (-1, 0, 5, 5), (0, 0, 5, 1.5), (0, 0, True, 5), ()])
def test_malformed_masks_are_refused(mask: Any) -> None:
    with pytest.raises(CompareError, match="a mask is x, y, width, height"):
        pixels_sha256(Image.new("RGB", (9, 9)), [mask])
