"""What `/view` and `/upload/mask` do to pictures, with Pillow as ComfyUI does it.

Every function raises ValueError for what Pillow cannot read or write.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image


@contextmanager
def _opened(content: bytes) -> Iterator[Image]:
    from PIL import Image

    # Broken pictures raise nearly anything: OSError, SyntaxError, struct.error, DecompressionBombError.
    try:
        with Image.open(io.BytesIO(content)) as image:
            yield image
    except Exception as error:
        raise ValueError(f"no picture that Pillow can read or write: {error}") from error


def preview(content: bytes, wanted: str, channel: str) -> tuple[bytes, str]:
    """Return `preview=FORMAT[;QUALITY]` of a picture and its media type; `channel` is "" where none was asked for."""
    options = wanted.split(";")
    # Only a channel that was asked for counts: without one, jpeg stays jpeg (captured).
    image_format = "jpeg" if options[0] == "jpeg" and "a" not in channel else "webp"
    quality = int(options[-1]) if options[-1].isdigit() else 90

    def save(image: Image, buffer: io.BytesIO) -> None:
        picture = image.convert("RGB") if image_format == "jpeg" or channel == "rgb" else image
        picture.save(buffer, format=image_format, quality=quality)

    return _remade(content, save), f"image/{image_format}"


def without_alpha(content: bytes) -> bytes:
    """Return `channel=rgb`, a PNG."""
    return _remade(content, lambda image, buffer: image.convert("RGB").save(buffer, format="PNG"))


def only_alpha(content: bytes) -> bytes:
    """Return `channel=a`: a black PNG with the picture's alpha; opaque unless the picture is RGBA."""
    from PIL import Image

    def save(image: Image.Image, buffer: io.BytesIO) -> None:
        alpha = image.getchannel("A") if image.mode == "RGBA" else Image.new("L", image.size, 255)
        picture = Image.new("RGBA", image.size)
        picture.putalpha(alpha)
        picture.save(buffer, format="PNG")

    return _remade(content, save)


def masked(original: bytes, mask: bytes, filename: str) -> bytes:
    """Return the original's colours and text chunks with the mask's alpha, in the format that `filename` ends in."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    Image.init()
    image_format = Image.registered_extensions().get(os.path.splitext(filename)[1].lower())
    if image_format is None:
        raise ValueError("the name of the upload has no ending that Pillow knows")

    def save(image: Image.Image, buffer: io.BytesIO) -> None:
        chunks = PngInfo()
        for key, text in getattr(image, "text", {}).items():
            chunks.add_text(key, text)
        picture = image.convert("RGBA")
        with _opened(mask) as other:
            picture.putalpha(other.convert("RGBA").getchannel("A"))
        picture.save(buffer, format=image_format, compress_level=4, pnginfo=chunks)

    return _remade(original, save)


def _remade(content: bytes, save: Callable[[Image, io.BytesIO], None]) -> bytes:
    buffer = io.BytesIO()
    with _opened(content) as image:
        save(image, buffer)
    return buffer.getvalue()
