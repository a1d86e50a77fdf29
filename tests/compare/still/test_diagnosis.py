"""What a person is told of a picture that changed: kinds, words and places."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from pytest_comfy.compare import compare, compare_images, fingerprint

Moved = Callable[..., Image.Image]


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    """A picture with what photographs have: soft light, objects, fine texture, 512x384."""
    random = np.random.default_rng(11)
    y, x = np.mgrid[0:384, 0:512].astype(float)
    base = np.stack([110 + 60 * np.sin(x / 90 + i) * np.cos(y / 70 - i) for i in range(3)], axis=2)
    texture = Image.fromarray(random.normal(128, 30, (384, 512)).clip(0, 255).astype(np.uint8))
    texture = np.asarray(texture.filter(ImageFilter.GaussianBlur(1))).astype(float) - 128
    picture = Image.fromarray((base + texture[:, :, None]).clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((60, 60, 200, 180), fill=(190, 90, 60))
    draw.polygon([(300, 330), (380, 120), (470, 330)], fill=(50, 110, 150))
    grain = random.normal(0, 4, (384, 512, 1))
    return Image.fromarray((np.asarray(picture) + grain).clip(0, 255).astype(np.uint8))


def jpeg(picture: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("RGB")


def blurred_box(picture: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    copy = picture.copy()
    copy.paste(picture.crop(box).filter(ImageFilter.GaussianBlur(4)), box)
    return copy


def turned(picture: Image.Image, degrees: float) -> Image.Image:
    luma, blue, red = (np.asarray(c).astype(float) for c in picture.convert("YCbCr").split())
    plane = (blue - 128 + 1j * (red - 128)) * np.exp(1j * np.radians(degrees))
    channels = [luma, plane.real + 128, plane.imag + 128]
    values = np.stack(channels, axis=2).round().clip(0, 255).astype(np.uint8)
    return Image.fromarray(values, "YCbCr").convert("RGB")


def tiles(picture: Image.Image, step: float) -> Image.Image:
    values = np.asarray(picture).astype(float)
    signs = np.where(np.arange(384)[:, None] < 192, 1, -1) * np.where(np.arange(512)[None] < 256, 1, -1)
    return Image.fromarray((values + step * signs[:, :, None]).round().clip(0, 255).astype(np.uint8))


def light(picture: Image.Image) -> Image.Image:
    x = np.linspace(-12, 12, 512)[None, :, None]
    return Image.fromarray((np.asarray(picture) + x).round().clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize(
    ("change", "kind", "told"),
    [
        (lambda p: ImageEnhance.Brightness(p).enhance(1.15), "brightness", "lighter by "),
        (lambda p: ImageEnhance.Contrast(p).enhance(0.8), "brightness", "contrast -"),
        (light, "brightness", "light is uneven"),
        (lambda p: ImageEnhance.Color(p).enhance(0.5), "colour", "saturation -"),
        (lambda p: turned(p, 20), "colour", "hue turned "),
        (lambda p: ImageOps.grayscale(p).convert("RGB"), "colour", "colours are gone"),
        (lambda p: Image.merge("RGB", p.split()[::-1]), "colour", "red and blue are swapped"),
        (lambda p: ImageChops.add(p, Image.new("RGB", p.size, (0, 0, 25))), "colour", "cast towards blue by "),
        (lambda p: p.filter(ImageFilter.GaussianBlur(1)), "sharpness", "softer"),
        (lambda p: p.filter(ImageFilter.UnsharpMask(2, 150, 0)), "sharpness", "sharper"),
        (lambda p: tiles(p, 5), "seam", "a seam near x = 256"),
        (lambda p: ImageOps.posterize(p, 4), "banding", "banding: tones are missing"),
        (lambda p: jpeg(p, 12), "blocking", "blocks of 8 pixels stand out"),
        (ImageOps.mirror, "structure", "mirrored left to right"),
        (ImageOps.flip, "structure", "mirrored top to bottom"),
        (lambda p: p.transpose(Image.Transpose.ROTATE_180), "structure", "turned by 180 degrees"),
        (lambda p: ImageOps.invert(p), "structure", "another picture"),
    ],
)
def test_change_is_named(
    change: Callable[[Image.Image], Image.Image], kind: str, told: str, photo: Image.Image
) -> None:
    actual = change(photo)
    for comparison in (compare(fingerprint(photo), fingerprint(actual)), compare_images(photo, actual)):
        assert kind in comparison.kinds, comparison
        assert told in comparison.message
        assert comparison.regions


def test_message_gives_the_foremost_part_and_its_limit(photo: Image.Image) -> None:
    comparison = compare(fingerprint(photo), fingerprint(tiles(photo, 0).point(lambda v: v + 20)))
    assert comparison.message == "lighter by 20 levels (luma_rms 20, normal allows 2.1)"
    assert comparison.kinds == ("brightness",)
    assert comparison.distance == pytest.approx(20 / 2.1, rel=0.01)


@pytest.mark.parametrize(
    ("box", "place"),
    [
        ((20, 20, 80, 80), "in the upper left"),
        ((220, 160, 290, 220), "in the centre"),
        ((430, 160, 500, 220), "at the right"),
        ((220, 310, 290, 370), "at the bottom"),
    ],
)
def test_local_changes_are_placed(box: tuple[int, int, int, int], place: str, photo: Image.Image) -> None:
    patched = photo.copy()
    patched.paste((230, 230, 220), box)
    for changed, kind, told in ((patched, "structure", "content"), (blurred_box(photo, box), "sharpness", "softer")):
        comparison = compare(fingerprint(photo), fingerprint(changed))
        assert kind in comparison.kinds
        assert told in comparison.message and place in comparison.message
        x, y, width, height = comparison.regions[0]
        centre = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        assert x <= centre[0] <= x + width and y <= centre[1] <= y + height
        assert width * height <= 4 * (box[2] - box[0] + 16) * (box[3] - box[1] + 16)


def test_edges_that_are_smeared_into_smooth_ground_are_softer() -> None:
    ground = Image.new("RGB", (256, 256), (120, 130, 140))
    ImageDraw.Draw(ground).rectangle((100, 100, 140, 150), fill=(40, 30, 60))
    smeared = compare(fingerprint(ground), fingerprint(ground.filter(ImageFilter.GaussianBlur(4))))
    assert "softer in the centre" in smeared.message


def test_a_line_is_a_seam_and_told_where(photo: Image.Image) -> None:
    lined = photo.copy()
    lined.paste((250, 250, 250), (0, 100, 512, 102))
    comparison = compare(fingerprint(photo), fingerprint(lined))
    assert comparison.kinds[0] == "seam"
    assert "a seam near y = 10" in comparison.message or "a seam near y = 9" in comparison.message
    x, y, width, height = comparison.regions[0]
    assert (x, width) == (0, 512) and y <= 101 <= y + height and height < 16


def test_two_changes_are_two_regions_worst_first(photo: Image.Image) -> None:
    changed = photo.copy()
    changed.paste((255, 255, 255), (20, 20, 60, 60))
    changed.paste((150, 150, 150), (430, 300, 470, 340))
    regions = compare(fingerprint(photo), fingerprint(changed)).regions
    assert regions[0][0] < 256 and any(x > 256 for x, *_ in regions[1:])


@pytest.mark.parametrize(("fill", "word"), [((0, 0, 0), "black"), ((255, 255, 255), "white"), ((90, 90, 90), "flat")])
def test_blank_pictures_are_named_unless_the_golden_one_is(
    fill: tuple[int, int, int], word: str, photo: Image.Image, moved: Moved, noise: Callable[..., np.ndarray]
) -> None:
    blank = moved(Image.new("RGB", photo.size, fill), noise((384, 512, 3), 0.4))
    comparison = compare_images(photo, blank, "loose")
    assert (comparison.kinds[0], comparison.distance) == ("blank", float("inf"))
    assert comparison.message == f"the picture is {word}, the golden one is not"
    assert compare_images(blank, Image.new("RGB", photo.size, fill)).passed
    assert "blank" not in compare_images(blank, photo).kinds


def test_what_is_fully_transparent_is_blank(photo: Image.Image) -> None:
    shown, hidden = photo.convert("RGBA"), photo.convert("RGBA")
    hidden.putalpha(0)
    assert compare_images(shown, hidden).message == "the picture is fully transparent, the golden one is not"


def test_a_dark_picture_is_not_blank_by_a_hair(moved: Moved) -> None:
    night = Image.fromarray(np.tile(np.linspace(0, 9, 128).round().astype(np.uint8)[None, :, None], (96, 1, 3)))
    assert compare_images(night, moved(night, -1)).passed


def test_float_pictures_tell_their_values(photo: Image.Image) -> None:
    values = np.asarray(photo.convert("L")).astype("<f4") / 255
    comparison = compare_images(Image.fromarray(values), Image.fromarray(values * 10))
    assert comparison.kinds == ("brightness",)
    assert comparison.message.startswith("values lie between ")
