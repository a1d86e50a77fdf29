"""How many even grids and moves are found and named rightly, over pictures of your own.

    python benchmarks/grids_and_moves.py [PICTURE ...]

Without pictures two are drawn. Grids are boards of light and dark (or coloured) tiles at a random offset, which leave
the mean of every line as it is; moves are shifts, zooms and turns about the middle of the picture."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from comparison import drawn
from PIL import Image

from pytest_comfy.compare import Comparison, compare, compare_images, fingerprint

Change = Callable[[Image.Image, np.random.Generator], Image.Image]
SIDES = (8, 12, 16, 21, 32, 48, 64, 100, 128)
MARGIN = 0.08
"""Share of a picture that is cut off all around, so that a move has something to bring in."""


def main(paths: list[str]) -> None:
    """Print the table: a row a change, the share that is found, and named rightly, by fingerprints and at hand."""
    pictures = [Image.open(path).convert("RGB") for path in paths] or [drawn(1), drawn(2)]
    print(f"{len(pictures)} pictures")
    print(f"{'':34s} {'by fingerprint':>20s} {'with both pictures':>20s}")
    print(f"{'':34s} {'found':>10s}{'named':>10s} {'found':>10s}{'named':>10s}")
    for label, words, change in changes():
        random = np.random.default_rng(len(label))
        told = [both(golden_of(picture), change(picture, random)) for picture in pictures]
        cells = []
        for column in zip(*told, strict=True):
            cells.append(sum(not one.passed for one in column) / len(column))
            cells.append(sum(bool(re.search(words, one.message)) for one in column) / len(column))
        print(f"{label:34s} {cells[0]:10.2f}{cells[1]:10.2f} {cells[2]:10.2f}{cells[3]:10.2f}")


def changes() -> Iterator[tuple[str, str, Change]]:
    """Yield what each change is called, a pattern of what should be said of it, and what makes it."""
    for side in SIDES:
        words = rf"a grid of ({side}|\d+) pixels" if side > 16 else r"a grid of \d+ pixels|blocks of 8 pixels"
        for levels in (1.0, 1.5, 2.5):
            yield f"board of {side}, +-{levels} levels", words, board(side, levels * np.ones(3))
        yield f"board of {side}, +-3 levels of colour", words, board(side, 3 * np.array([1, -0.52, 1]))
    for right, down in ((0.5, 0), (1, 0), (3, -2), (-7.5, 4), (20, 11)):
        yield f"moved by {right}, {down} pixels", "moved by", moved(right, down, 1, 0)
    for zoom in (0.97, 1.01, 1.03):
        yield f"zoomed by {zoom}", f"zoomed {'in' if zoom > 1 else 'out'} by", moved(0, 0, zoom, 0)
    for turn in (0.5, -2):
        yield f"turned by {turn} degrees", "turned by", moved(0, 0, 1, turn)


def both(golden: Image.Image, actual: Image.Image) -> tuple[Comparison, Comparison]:
    """Compare by fingerprints, and with both pictures at hand."""
    return compare(fingerprint(golden), fingerprint(actual)), compare_images(golden, actual)


def golden_of(picture: Image.Image) -> Image.Image:
    """Return the middle of a picture."""
    return moved(0, 0, 1, 0)(picture, np.random.default_rng(0))


def board(side: int, levels: npt.NDArray[np.float64]) -> Change:
    """Return what adds tiles of more and of fewer levels to a picture."""

    def change(picture: Image.Image, random: np.random.Generator) -> Image.Image:
        values = np.asarray(golden_of(picture), dtype=np.float64)
        y, x = np.indices(values.shape[:2]) + random.integers(0, side, (2, 1, 1))
        signs = (x // side + y // side) % 2 * 2 - 1
        return Image.fromarray(np.rint(values + signs[..., np.newaxis] * levels).clip(0, 255).astype(np.uint8))

    return change


def moved(right: float, down: float, zoom: float, turn: float) -> Change:
    """Return what moves the middle of a picture."""

    def change(picture: Image.Image, _: Any) -> Image.Image:
        width, height = (round(length * (1 - 2 * MARGIN)) for length in picture.size)
        cos, sin = (way(math.radians(turn)) / zoom for way in (math.cos, math.sin))
        x, y = width / 2 + right, height / 2 + down
        middle_x, middle_y = (
            round(length * MARGIN) + part / 2 for length, part in zip(picture.size, (width, height), strict=True)
        )
        across = (cos, sin, middle_x - cos * x - sin * y)
        along = (-sin, cos, middle_y + sin * x - cos * y)
        return picture.transform((width, height), Image.Transform.AFFINE, (*across, *along), Image.Resampling.BICUBIC)

    return change


if __name__ == "__main__":
    main(sys.argv[1:])
