"""Draw docs/pictures/tolerances.png and what_it_says.png, and print the table of docs/comparison.md.

python docs/pictures/make.py
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from pytest_comfy.compare import compare, compare_images, fingerprint

HERE = Path(__file__).parent
SIZE = (576, 384)
TOLERANCES = ("exact", "strict", "normal", "loose")
Change = Callable[[Image.Image], Image.Image]


def landscape() -> Image.Image:
    """Draw a lake before mountains at dusk, with the grain that generated pictures have."""
    random = np.random.default_rng(5)
    width, height = SIZE
    y, x = np.mgrid[0:height, 0:width].astype(float)
    t = (y / 215).clip(0, 1)[:, :, None]
    values = (1 - t) * np.array([38, 52, 104.0]) + t * np.array([236, 168, 120.0])
    sun = np.exp(-((x - 410) ** 2 + (y - 150) ** 2) / 900)[:, :, None]
    values = values + sun * np.array([120, 90, 40.0])
    for level, colour, rough in ((170, (96, 84, 124), 34), (200, (58, 66, 92), 22), (222, (30, 46, 52), 12)):
        walk = np.cumsum(random.normal(0, 1, width))
        ridge = level + rough * (walk - walk.mean()) / walk.std() / 1.6 + 6 * np.sin(x[0] / 37)
        values = np.where(
            (y > ridge)[:, :, None], np.array(colour) + 14 * np.sin(x / 9 + y / 5)[:, :, None] * 0.4, values
        )
    water = y > 240
    mirror = values[np.clip(480 - np.arange(height), 0, height - 1)]
    ripple = 10 * np.sin(y / 1.7 + 3 * np.sin(x / 60 + y / 21))[:, :, None]
    values = np.where(water[:, :, None], mirror * 0.72 + ripple * ((y - 240) / 144)[:, :, None] + 8, values)
    picture = Image.fromarray(values.clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((96, 196, 150, 236), fill=(92, 50, 44))
    draw.polygon([(88, 198), (123, 168), (158, 198)], fill=(60, 30, 34))
    for window in (104, 128):
        draw.rectangle((window, 206, window + 12, 220), fill=(250, 214, 120))
    draw.polygon([(300, 300), (372, 300), (356, 316), (314, 316)], fill=(64, 40, 36))
    draw.polygon([(334, 298), (334, 236), (372, 290)], fill=(232, 226, 214))
    soft = np.asarray(picture.filter(ImageFilter.GaussianBlur(0.6))).astype(float)
    return Image.fromarray((soft + random.normal(0, 2.2, soft.shape)).round().clip(0, 255).astype(np.uint8))


def noise(sigma: float) -> Change:
    """Return a change that adds normal noise, in levels."""
    return lambda p: _levels(np.asarray(p) + np.random.default_rng(1).normal(0, sigma, (p.height, p.width, 3)))


def jpeg(quality: int) -> Change:
    """Return a change that goes through JPEG."""

    def change(picture: Image.Image) -> Image.Image:
        stream = io.BytesIO()
        picture.save(stream, "JPEG", quality=quality)
        return Image.open(stream).convert("RGB")

    return change


def _levels(values: np.ndarray) -> Image.Image:
    return Image.fromarray(values.round().clip(0, 255).astype(np.uint8))


def _cast(by: tuple[float, float, float]) -> Change:
    return lambda p: _levels(np.asarray(p) + np.array(by))


def _repainted(picture: Image.Image) -> Image.Image:
    copy = picture.copy()
    copy.paste(picture.crop((430, 236, 510, 320)), (300, 236))
    return copy


def _smeared(picture: Image.Image) -> Image.Image:
    box = (84, 164, 164, 240)
    copy = picture.copy()
    copy.paste(picture.crop(box).filter(ImageFilter.GaussianBlur(3)), box)
    return copy


def _tiles(picture: Image.Image) -> Image.Image:
    values = np.asarray(picture).astype(float)
    values[:, 288:] += 5
    return _levels(values)


STEPS: list[tuple[str, Change]] = [
    ("saved as WEBP, lossless", lambda p: p.copy()),
    ("noise, sigma 1", noise(1)),
    ("noise, sigma 2.5", noise(2.5)),
    ("JPEG, quality 95", jpeg(95)),
    ("1 level lighter", _cast((1, 1, 1))),
    ("2 levels lighter", _cast((2, 2, 2))),
    ("3 levels lighter", _cast((3, 3, 3))),
    ("6 levels lighter", _cast((6, 6, 6))),
    ("cast of 2 levels", _cast((1.5, 0, -1.5))),
    ("cast of 5 levels", _cast((4, 0, -4))),
    ("softer, sigma 0.4", lambda p: p.filter(ImageFilter.GaussianBlur(0.4))),
    ("softer, sigma 1", lambda p: p.filter(ImageFilter.GaussianBlur(1))),
]
CHANGES: list[tuple[str, Change]] = [
    ("the boat is gone", _repainted),
    ("the house is smeared", _smeared),
    ("saturation halved", lambda p: ImageEnhance.Color(p).enhance(0.5)),
    ("half of the picture 5 levels lighter", _tiles),
    ("16 tones a channel", lambda p: ImageOps.posterize(p, 4)),
    ("JPEG, quality 15", jpeg(15)),
    ("contrast 85 %", lambda p: ImageEnhance.Contrast(p).enhance(0.85)),
    ("mirrored", ImageOps.mirror),
    ("nothing but black", lambda p: Image.new("RGB", p.size)),
]


def main() -> None:
    """Draw both sheets and print the table."""
    golden = landscape()
    print("| change | distance at `normal` | " + " | ".join(f"`{name}`" for name in TOLERANCES) + " |")
    print("| --- | --- |" + " --- |" * len(TOLERANCES))
    tiles = [(golden, "golden picture", "")]
    for name, change in STEPS:
        actual = change(golden)
        verdicts = {tolerance: compare_images(golden, actual, tolerance) for tolerance in TOLERANCES}
        passed = [tolerance for tolerance, one in verdicts.items() if one.passed]
        words = " | ".join("passes" if one.passed else "fails" for one in verdicts.values())
        print(f"| {name} | {verdicts['normal'].distance:.2f} | {words} |")
        tiles.append((actual, name, f"passes from {passed[0]} on" if passed else "fails at all four"))
    sheet(tiles, (0, 120, 288, 312), 4).save(HERE / "tolerances.png", optimize=True)
    tiles = []
    for name, change in CHANGES:
        actual = change(golden)
        comparison = compare(fingerprint(golden), fingerprint(actual))
        marked = actual.copy()
        for x, y, width, height in comparison.regions[:3]:
            ImageDraw.Draw(marked).rectangle((x, y, x + width - 1, y + height - 1), outline=(255, 240, 0), width=2)
        tiles.append((marked, name, comparison.message.split(" (")[0]))
    sheet(tiles, (0, 0, *SIZE), 3).save(HERE / "what_it_says.png", optimize=True)


def sheet(tiles: list[tuple[Image.Image, str, str]], box: tuple[int, int, int, int], columns: int) -> Image.Image:
    """Lay out pictures, cut to `box` and 288 pixels wide, with two lines of text below each."""
    width, height = 288, 288 * (box[3] - box[1]) // (box[2] - box[0])
    rows = -(-len(tiles) // columns)
    page = Image.new("RGB", (columns * (width + 12) + 12, rows * (height + 52) + 12), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(13)
    for at, (picture, title, told) in enumerate(tiles):
        x, y = 12 + at % columns * (width + 12), 12 + at // columns * (height + 52)
        page.paste(picture.crop(box).resize((width, height), Image.Resampling.LANCZOS), (x, y))
        draw.text((x, y + height + 3), title, "black", font)
        draw.text((x, y + height + 19), told if len(told) < 46 else told[:44] + "…", (120, 60, 0), font)
    return page.quantize(256)


if __name__ == "__main__":
    main()
