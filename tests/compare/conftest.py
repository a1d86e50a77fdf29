"""Pictures to compare, and the short ways to encode and keep them."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pytest_comfy.compare import Kept, describe

Encode = Callable[..., bytes]


def png_of(width: int, height: int, depth: int, colour_type: int, rows: bytes, *more: tuple[bytes, bytes]) -> bytes:
    """Write a PNG by hand, for what Pillow does not write: chunks, then `rows` with their filter bytes."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    chunks = [(b"IHDR", header), *more, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


@pytest.fixture(scope="session")
def raw_png() -> Callable[..., bytes]:
    return png_of


@pytest.fixture(scope="session")
def scene() -> Image.Image:
    """A picture with soft and hard structure, 256x192, RGB, no value near black or white."""
    y, x = np.mgrid[0:192, 0:256]
    waves = [
        128 + 60 * np.sin(x / 17 + y / 31),
        120 + 50 * np.cos(y / 13 - x / 41),
        128 + 40 * np.sin(x * y / 900),
    ]
    picture = Image.fromarray(np.stack(waves, axis=2).astype("u1"))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((40, 30, 130, 120), fill=(200, 60, 40))
    draw.rectangle((150, 80, 230, 170), fill=(30, 90, 160))
    return picture


@pytest.fixture(scope="session")
def moved() -> Callable[..., Image.Image]:
    """Give a picture's values a change: `moved(picture, by)` with whatever numpy can add."""

    def change(picture: Image.Image, by: Any) -> Image.Image:
        return Image.fromarray(np.rint(np.asarray(picture) + np.asarray(by)).clip(0, 255).astype("u1"))

    return change


@pytest.fixture(scope="session")
def noise() -> Callable[..., Any]:
    """Make the same normal noise at every call: `noise(shape, sigma)`."""
    return lambda shape, sigma: np.random.default_rng(7).normal(0, sigma, shape)


@pytest.fixture(scope="session")
def boxed() -> Callable[..., Image.Image]:
    """Draw a white box on a copy: `boxed(picture, (x, y, width, height))`."""

    def draw(picture: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
        x, y, width, height = box
        copy = picture.copy()
        ImageDraw.Draw(copy).rectangle((x, y, x + width - 1, y + height - 1), fill="white")
        return copy

    return draw


@pytest.fixture(scope="session")
def textured() -> Callable[..., Image.Image]:
    """Draw a large picture whose texture hides small specks from its fingerprint: `textured((box, levels), ...)`.

    Each speck adds levels (red, green, blue) to a box (x, y, width, height).
    """

    def draw(*specks: tuple[tuple[int, int, int, int], tuple[int, int, int]]) -> Image.Image:
        values = np.full((1024, 1024, 3), 120)
        values[::2] += 30
        for (x, y, width, height), levels in specks:
            values[y : y + height, x : x + width] += levels
        return Image.fromarray(values.clip(0, 255).astype("u1"))

    return draw


@pytest.fixture(scope="session")
def encode() -> Encode:
    """Encode a picture, or several as an animation: `encode(picture, "PNG", **options)`."""

    def to_bytes(picture: Image.Image | list[Image.Image], container: str = "PNG", **options: Any) -> bytes:
        stream = io.BytesIO()
        if isinstance(picture, list):
            options.update(save_all=True, append_images=picture[1:])
            picture = picture[0]
        picture.save(stream, container, **options)
        return stream.getvalue()

    return to_bytes


@pytest.fixture(scope="session")
def keep() -> Callable[..., Kept]:
    """Keep an output as a golden run does: `keep(data, media_type, masks=(), file=True)`."""

    def kept(data: bytes, media_type: str = "image/png", masks: Any = (), file: bool = True) -> Kept:
        described = describe(data, media_type, masks)
        return Kept(
            media_type=media_type,
            sha256=described["sha256"],
            pixels_sha256=described["pixels_sha256"],
            fingerprint=described["fingerprint"],
            masks=tuple(tuple(mask) for mask in described.get("masks", [])),
            read=(lambda: data) if file else None,
        )

    return kept
