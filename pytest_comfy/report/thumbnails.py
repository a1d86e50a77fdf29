"""Pictures in a terminal: golden and actual side by side, in the colours that it has. Drawn by rich-pixels."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..files import read_below

if TYPE_CHECKING:
    from PIL.Image import Image

MISSING = 'thumbnails: not drawn, as rich-pixels is not installed: pip install "pytest-comfy[thumbnails]"'
_SIDES = ("golden", "actual")
_LARGEST = (32, 28)
"""Columns, and half rows."""
_GAP = 2
_MOST_PIXELS = 1 << 26
"""Pictures of more pixels are not opened: they would cost more memory than a look is worth."""
_GREY = (96, 96, 96, 255)


def can_draw() -> bool:
    """Whether the library is installed."""
    return importlib.util.find_spec("rich_pixels") is not None


def drawn(report_dir: Path, files: Mapping[str, str], columns: int, indent: int) -> Iterator[str]:
    """Yield the lines of a picture for a terminal of so many columns; none for what is no picture.

    files  what it is -> path below the report's folder
    """
    sides = [_opened(report_dir, files[side]) for side in _SIDES if side in files]
    pictures = [_small(side, (columns - indent - _GAP) // 2) for side in sides if side is not None]
    if pictures:
        yield from (" " * indent + line for line in _lines(_beside(pictures), columns))


def _opened(report_dir: Path, name: str) -> Image | None:
    from PIL import Image

    try:
        picture = Image.open(io.BytesIO(read_below(report_dir, name)))
        if picture.width * picture.height > _MOST_PIXELS:
            return None
        return picture.convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _small(picture: Image, columns: int) -> Image:
    """Return a picture in as many pixels as it has half cells, on grey where it is transparent."""
    from PIL import Image

    picture.thumbnail((max(1, min(_LARGEST[0], columns)), _LARGEST[1]))
    return Image.alpha_composite(Image.new("RGBA", picture.size, _GREY), picture)


def _beside(pictures: list[Image]) -> Image:
    from PIL import Image

    height = max(picture.height for picture in pictures)
    # What is transparent is not drawn.
    whole = Image.new("RGBA", (sum(picture.width + _GAP for picture in pictures) - _GAP, height))
    at = 0
    for picture in pictures:
        whole.paste(picture, (at, 0))
        at += picture.width + _GAP
    return whole


def _lines(picture: Image, columns: int) -> list[str]:
    from rich.console import Console
    from rich_pixels import Pixels

    text = io.StringIO()
    Console(file=text, force_terminal=True, width=columns, legacy_windows=False).print(Pixels.from_image(picture))
    return text.getvalue().rstrip("\n").split("\n")
