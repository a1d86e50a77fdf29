"""Placeholder pictures: a pattern of colours by digest, with a few words on it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_TILES = 4
_SPREAD = 48
_LINE = 12
_COLUMNS = 42
PREVIEW_SIDE = 256
"""Pixels of the longer side of a preview."""


def draw(digest: str, lines: Sequence[str], size: tuple[int, int]) -> Picture:
    """Return a picture of size (width, height): colours by `digest` (hex), and lines of text."""
    from PIL import Image, ImageDraw

    seed = hashlib.sha512(digest.encode()).digest()
    colour = seed[:3]
    tiles = bytearray()
    for byte in seed[3 : 3 + _TILES * _TILES]:
        tiles += bytes(min(255, max(0, channel + byte % _SPREAD - _SPREAD // 2)) for channel in colour)
    picture = Image.frombytes("RGB", (_TILES, _TILES), bytes(tiles)).resize(size, Image.Resampling.NEAREST)
    # Drawn small and enlarged: the default font has one size only where Pillow was built without FreeType.
    text = Image.new("L", (6 * _COLUMNS, _LINE * len(lines) + 4))
    pen = ImageDraw.Draw(text)
    for number, line in enumerate(lines):
        pen.text((3, 2 + _LINE * number), _printable(line), fill=255, font=_font())
    scale = max(1, min(size[0] // text.width, size[1] // text.height, 4))
    mask = text.resize((text.width * scale, text.height * scale), Image.Resampling.NEAREST)
    ink = (0, 0, 0) if sum(colour) > 3 * 127 else (255, 255, 255)
    picture.paste(ink, (0, 0), mask)
    return picture


def png(picture: Picture, prompt: str | None = None) -> bytes:
    """Return a PNG; `prompt` (JSON) goes into a text chunk, as SaveImage does it."""
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    if prompt is not None:
        info.add_text("prompt", prompt)
    return _saved(picture, "PNG", pnginfo=info, compress_level=1)


def jpeg(picture: Picture) -> bytes:
    """Return a JPEG, as previews are."""
    return _saved(picture, "JPEG", quality=75)


def animated_png(frames: Sequence[Picture], fps: float, prompt: str) -> bytes:
    """Return an APNG; the prompt is in a private chunk `comf`, as SaveAnimatedPNG does it."""
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add(b"comf", b"prompt\0" + prompt.encode("latin-1", "replace"), after_idat=True)
    return _saved(
        frames[0], "PNG", pnginfo=info, compress_level=1, save_all=True, append_images=list(frames[1:]),
        duration=milliseconds(fps),
    )  # fmt: skip


def animated_webp(frames: Sequence[Picture], fps: float, prompt: str) -> bytes:
    """Return an animated WEBP; the prompt is in the EXIF tag Model, as SaveAnimatedWEBP does it."""
    exif = frames[0].getexif()
    exif[0x0110] = f"prompt:{prompt}"
    return _saved(
        frames[0], "WEBP", exif=exif, save_all=True, append_images=list(frames[1:]), duration=milliseconds(fps),
        lossless=True, method=0, quality=0,
    )  # fmt: skip


def gif(frames: Sequence[Picture], fps: float) -> bytes:
    """Return an animated GIF."""
    return _saved(frames[0], "GIF", save_all=True, append_images=list(frames[1:]), duration=milliseconds(fps), loop=0)


def vp8(picture: Picture) -> bytes:
    """Return the picture as one VP8 key frame, which is what a lossy WEBP is made of."""
    data = _saved(picture, "WEBP", quality=50, method=0)
    start = data.index(b"VP8 ")
    length = int.from_bytes(data[start + 4 : start + 8], "little")
    return data[start + 8 : start + 8 + length]


def preview_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return the size scaled to fit PREVIEW_SIDE."""
    longer = max(size)
    return max(1, size[0] * PREVIEW_SIDE // longer), max(1, size[1] * PREVIEW_SIDE // longer)


def milliseconds(fps: float) -> int:
    """Return how long a frame is shown, in ms."""
    return max(1, min(int(1000 / fps), 60_000))


@cache
def _font() -> Any:
    from PIL import ImageFont

    return ImageFont.load_default()


def _printable(text: str) -> str:
    shown = text.encode("ascii", "replace").decode()[:_COLUMNS]
    return "".join(char if char.isprintable() else " " for char in shown)


def _saved(picture: Picture, form: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()
