"""What a curve is drawn on: a PNG by Pillow, or an SVG as text."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Literal, Protocol
from xml.sax.saxutils import escape, quoteattr

Point = tuple[float, float]
Anchor = Literal["start", "middle", "end"]

_FINE = 2
"""The PNG is drawn so many times as large, for screens of fine pixels."""
_DASH = 6
_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}


class Canvas(Protocol):
    """White paper. Places are in pixels from the left and the top; texts stand on theirs."""

    def line(self, points: Sequence[Point], colour: str, *, wide: bool = False, dashed: bool = False) -> None:
        """Draw a line through points."""

    def dot(self, x: float, y: float, radius: float, fill: str, colour: str) -> None:
        """Draw a filled circle with an edge."""

    def text(
        self,
        x: float,
        y: float,
        text: str,
        colour: str,
        *,
        size: int = 13,
        bold: bool = False,
        anchor: Anchor = "start",
    ) -> None:
        """Write a line."""

    def data(self) -> bytes:
        """Return the finished file."""


class Png:
    """A PNG, of twice as many pixels as its size says."""

    def __init__(self, width: int, height: int) -> None:
        from PIL import Image, ImageDraw

        self._image = Image.new("RGB", (width * _FINE, height * _FINE), "white")
        self._draw = ImageDraw.Draw(self._image)

    def line(self, points: Sequence[Point], colour: str, *, wide: bool = False, dashed: bool = False) -> None:
        """As `Canvas.line`; what is dashed is level."""
        places = [(x * _FINE, y * _FINE) for x, y in points]
        width = (2 if wide else 1) * _FINE
        if not dashed:
            self._draw.line(places, fill=colour, width=width, joint="curve")
            return
        (begin, y), (end, _) = places[0], places[-1]
        for x in range(int(begin), int(end), 2 * _DASH * _FINE):
            self._draw.line([(x, y), (min(x + _DASH * _FINE, end), y)], fill=colour, width=width)

    def dot(self, x: float, y: float, radius: float, fill: str, colour: str) -> None:
        """As `Canvas.dot`."""
        box = [(x - radius) * _FINE, (y - radius) * _FINE, (x + radius) * _FINE, (y + radius) * _FINE]
        self._draw.ellipse(box, fill=fill, outline=colour, width=_FINE)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        colour: str,
        *,
        size: int = 13,
        bold: bool = False,
        anchor: Anchor = "start",
    ) -> None:
        """As `Canvas.text`, in Pillow's own font; what that has no letters for is a question mark."""
        from PIL import ImageFont

        told = text.encode("latin-1", "replace").decode("latin-1")
        place, font = (x * _FINE, y * _FINE), ImageFont.load_default(size * _FINE)
        self._draw.text(place, told, fill=colour, font=font, anchor=_ANCHORS[anchor], stroke_width=1 if bold else 0)

    def data(self) -> bytes:
        """As `Canvas.data`."""
        stream = io.BytesIO()
        self._image.save(stream, "PNG")
        return stream.getvalue()


class Svg:
    """An SVG, which runs nothing and loads nothing."""

    def __init__(self, width: int, height: int) -> None:
        self._rows = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
            'font-family="sans-serif">',
            f'<rect width="{width}" height="{height}" fill="white"/>',
        ]

    def line(self, points: Sequence[Point], colour: str, *, wide: bool = False, dashed: bool = False) -> None:
        """As `Canvas.line`."""
        places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        dashes = f' stroke-dasharray="{_DASH}"' if dashed else ""
        self._rows.append(
            f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="{2 if wide else 1}"{dashes}/>'
        )

    def dot(self, x: float, y: float, radius: float, fill: str, colour: str) -> None:
        """As `Canvas.dot`."""
        self._rows.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{fill}" stroke="{colour}"/>')

    def text(
        self,
        x: float,
        y: float,
        text: str,
        colour: str,
        *,
        size: int = 13,
        bold: bool = False,
        anchor: Anchor = "start",
    ) -> None:
        """As `Canvas.text`."""
        weight = ' font-weight="bold"' if bold else ""
        self._rows.append(
            f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-size="{size}" text-anchor={quoteattr(anchor)}{weight}>'
            f"{escape(text)}</text>"
        )

    def data(self) -> bytes:
        """As `Canvas.data`."""
        return "\n".join([*self._rows, "</svg>", ""]).encode("utf-8", "replace")


CANVASES: dict[str, type[Png] | type[Svg]] = {".png": Png, ".svg": Svg}
"""Ending of a file -> what is drawn on for it."""
