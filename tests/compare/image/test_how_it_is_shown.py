"""What changes a picture for who looks at it, though its numbers stay: orientation, colour space, gamma, loops."""

from __future__ import annotations

import io
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms, ImageOps, PngImagePlugin

from pytest_comfy.compare.image import compare, describe
from pytest_comfy.compare.kept import Kept, Made
from pytest_comfy.compare.result import Comparison
from pytest_comfy.compare.rules import Rules
from pytest_comfy.compare.still.colour_space import colour_space, same_space
from pytest_comfy.compare.still.decoding import decode
from pytest_comfy.compare.tolerance import parse_tolerance

SRGB = (((0.4360, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7139)), 2.2)
P3 = (((0.5151, 0.2412, -0.0011), (0.2919, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841)), 2.2)


def profile(name: str, primaries: Any = P3[0], gamma: float = 2.2) -> bytes:
    """An ICC profile, version 2: primaries as XYZ over D50, one gamma."""

    def fixed(*values: float) -> bytes:
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    text = name.encode() + b"\0"
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(8 + 3 + 67),
        b"cprt": b"text" + bytes(4) + b"none\0",
        b"wtpt": b"XYZ " + bytes(4) + fixed(0.9642, 1.0, 0.8249),
        **{
            channel + b"XYZ": b"XYZ " + bytes(4) + fixed(*xyz)
            for channel, xyz in zip((b"r", b"g", b"b"), primaries, strict=True)
        },
        **{
            channel + b"TRC": b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))
            for channel in (b"r", b"g", b"b")
        },
    }
    table, body, at = b"", b"", 128 + 4 + 12 * len(tags)
    for tag, data in tags.items():
        padded = data + bytes(-len(data) % 4)
        table += tag + struct.pack(">II", at + len(body), len(data))
        body += padded
    content = struct.pack(">I", len(tags)) + table + body
    head = struct.pack(">I", 128 + len(content)) + bytes(4) + bytes((2, 0x40, 0, 0)) + b"mntrRGB XYZ " + bytes(12)
    return head + b"acsp" + bytes(28) + fixed(0.9642, 1.0, 0.8249) + bytes(48) + content


def scene() -> Image.Image:
    picture = Image.linear_gradient("L").resize((96, 64)).convert("RGB")
    picture.paste((200, 40, 30), (10, 8, 40, 30))
    return picture


def saved(picture: Image.Image, kind: str = "PNG", **how: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **how)
    return stream.getvalue()


def judged(golden: bytes, actual: bytes, tolerance: str = "normal", *, file: bool = True) -> Comparison:
    described = describe(golden)
    kept = Kept(
        "image/png", "0", described["pixels_sha256"], described["fingerprint"], (), (lambda: golden) if file else None
    )
    return compare(kept, Made(actual, "image/png"), Rules(tolerance=parse_tolerance(tolerance)))


def with_gamma(gamma: float) -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add(b"gAMA", struct.pack(">I", round(gamma * 100_000)))
    return saved(scene(), pnginfo=info)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_picture_is_turned_as_viewers_turn_it(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    stored = saved(scene(), kind, exif=exif)
    plain = saved(scene(), kind)
    turned = ImageOps.exif_transpose(Image.open(io.BytesIO(stored)))
    assert decode(stored).size == turned.size and decode(stored).tobytes() == turned.tobytes()
    found = judged(plain, stored)
    assert not found.passed
    assert not judged(plain, stored, "exact").passed


def test_the_same_picture_turned_in_the_file_or_by_its_orientation_is_identical() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    assert (
        judged(saved(scene().transpose(Image.Transpose.ROTATE_270)), saved(scene(), exif=exif)).verdict == "identical"
    )


@given(st.binary(max_size=60))
def test_broken_metadata_leaves_the_picture_as_it_is(junk: bytes) -> None:
    stored = saved(scene(), exif=b"Exif\0\0" + junk)
    assert decode(stored).size in ((96, 64), (64, 96))


@pytest.mark.parametrize("file", [True, False])
@pytest.mark.parametrize("tolerance", ["exact", "normal", "loose"])
def test_another_colour_space_is_told_by_name(tolerance: str, file: bool) -> None:
    plain, wide = saved(scene()), saved(scene(), icc_profile=profile("Display P3"))
    found = judged(plain, wide, tolerance, file=file)
    assert (found.kinds, found.message) == (("colour space",), "colour space is Display P3, was sRGB")
    found = judged(wide, plain, tolerance, file=file)
    assert found.message == "colour space is sRGB, was Display P3"
    assert judged(wide, wide, tolerance, file=file).verdict == "identical"


def test_a_space_is_known_by_what_it_shows_rather_than_by_its_name() -> None:
    wide = saved(scene(), icc_profile=profile("Display P3"))
    assert judged(wide, saved(scene(), icc_profile=profile("P3 of another program"))).passed
    changed = judged(wide, saved(scene(), icc_profile=profile("Display P3", gamma=1.8)))
    assert changed.kinds == ("colour space",)
    for srgb in (profile("mine", SRGB[0]), ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()):
        assert judged(saved(scene()), saved(scene(), icc_profile=srgb)).verdict == "identical"


@given(st.binary(min_size=1, max_size=300), st.integers(0, 400))
def test_profiles_that_cannot_be_read_count_as_none(junk: bytes, cut: int) -> None:
    picture = scene()
    for data in (junk, profile("Display P3")[:cut]):
        picture.info["icc_profile"] = data
        assert colour_space(picture) is None


def test_profiles_of_greys_and_inks_are_compared_too() -> None:
    grey = bytearray(profile("Grey"))
    grey[16:20] = b"GRAY"
    grey = grey.replace(b"rTRC", b"kTRC")
    picture = scene().convert("L")
    picture.info["icc_profile"] = bytes(grey)
    space = colour_space(picture)
    assert space is not None and space["name"] == "Grey" and same_space(space, space)


def test_gamma_of_a_png_is_told() -> None:
    found = judged(saved(scene()), with_gamma(1 / 1.8))
    assert (found.kinds, found.message) == (("colour space",), "colour space is gamma 1.8, was sRGB")
    assert judged(saved(scene()), with_gamma(0.45455)).verdict == "identical"


def animation(kind: str, **how: Any) -> bytes:
    frames = [scene(), ImageOps.mirror(scene()), ImageOps.flip(scene())]
    return saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=100, **how)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_an_animation_that_no_longer_starts_again_is_told(kind: str) -> None:
    golden, actual = animation(kind, loop=0), animation(kind, loop=3)
    found = judged(golden, actual)
    assert (found.kinds, found.message) == (("loop",), "plays 3 times, was without end")
    assert judged(golden, actual, "exact").verdict == "different"
    assert judged(actual, golden).message == "plays without end, was 3 times"


def test_a_gif_that_does_not_say_plays_once() -> None:
    assert judged(animation("GIF", loop=0), animation("GIF")).message == "plays once, was without end"


def test_an_animation_has_a_colour_space() -> None:
    found = judged(animation("WEBP"), animation("WEBP", icc_profile=profile("Display P3")))
    assert found.message == "colour space is Display P3, was sRGB"
