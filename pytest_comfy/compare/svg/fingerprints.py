"""Make the fingerprint of an SVG: what it is made of, and its numbers and colours summed up."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..packing import FloatArray, pack_halves, pack_levels, rounded
from .reading import TEXT, Document, read_svg
from .values import Token

VERSION = 1
"""Version of the fingerprint; others cannot be compared with it and are made anew from the file."""
CELLS = 256
"""Most means that the numbers of a document are summed up as, and a quarter as many of its colours."""
TAGS = 40
"""Most tags that are counted; the rest counts together. SVG itself has 80, of which drawings use a dozen."""


def fingerprint(data: bytes) -> dict[str, Any]:
    """Describe an SVG for comparison without it.

    version, content_sha256 (of all that counts), form_sha256 (of that without texts, numbers and colours),
    text_sha256, size (width, height and view box of the root, as text), side (of the picture, in user units),
    census (how many elements there are of each tag), and of places, numbers and colours: how many, and means of
    runs of equal length in the order of the document (of places in sides of the picture; `largest` is what they
    are packed by). Raises UndecodableError.
    """
    document = read_svg(data)
    census = Counter(element.tag for element in document.elements)
    common = dict(census.most_common(TAGS))
    described = {
        "version": VERSION,
        "content_sha256": content_sha256(document),
        "form_sha256": _digest(_form(document)),
        "text_sha256": _digest(element.text for element in document.elements if element.tag == TEXT),
        "size": size_of(document),
        "side": rounded(document.side),
        "census": {**common, "others": census.total() - sum(common.values())},
    }
    places, numbers, colours = measures_of(document)
    for name, values in (("places", places), ("numbers", numbers)):
        means, largest = pack_halves(_means(values, CELLS))
        described[name] = {"count": len(values), "means": means, "largest": largest}
    described["colours"] = {"count": len(colours), "means": pack_levels(_means(colours, CELLS // 4) / 255)}
    return described


def content_sha256(document: Document) -> str:
    """Digest all that counts."""
    return _digest(_content(document))


def cells_of(count: int, most: int) -> int:
    """Return how many means so many values are summed up as."""
    return min(count, most)


def size_of(document: Document) -> list[str | None]:
    """Return width, height and view box of the root as they are told apart; None where there is none."""
    values = document.elements[0].values
    return [_written(values[name]) if name in values else None for name in ("width", "height", "viewBox")]


def measures_of(document: Document) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return all places in sides of the picture, all other numbers, and all colours, shape (n, 4)."""
    places: list[float] = []
    numbers: list[float] = []
    colours: list[tuple[int, ...]] = []
    for element in document.elements:
        for values in element.values.values():
            for token in values:
                if isinstance(token.value, tuple):
                    colours.append(token.value)
                elif isinstance(token.value, float):
                    wide = token.kind == "place"
                    (places if wide else numbers).append(token.value * element.scale if wide else token.value)
    limit = 1e6
    sides = np.array(places, np.float64) / document.side
    return (
        sides.clip(-limit, limit),
        np.array(numbers, np.float64).clip(-limit, limit),
        np.array(colours).reshape(-1, 4),
    )


def _means(values: FloatArray, most: int) -> FloatArray:
    cells = cells_of(len(values), most)
    if not cells:
        return values.astype(np.float64)
    starts = np.arange(cells) * len(values) // cells
    lengths = np.diff(np.append(starts, len(values)))
    sums = np.add.reduceat(values.astype(np.float64), starts, axis=0)
    return np.asarray(sums / lengths.reshape(-1, *[1] * (values.ndim - 1)), np.float64)


def _content(document: Document) -> Iterable[str]:
    for element in document.elements:
        yield f"<{element.path} {element.text}"
        for name, values in element.values.items():
            yield f"{name}={_written(values)}"


def _form(document: Document) -> Iterable[str]:
    for element in document.elements:
        yield f"<{element.path}"
        for name, values in element.values.items():
            yield f"{name}={[token.value if token.kind == 'text' else token.kind for token in values]}"


def _written(values: list[Token]) -> str:
    """Write a value so that equal ones look the same: numbers with nine digits."""
    return " ".join(f"{token.value + 0.0:.9g}" if isinstance(token.value, float) else str(token.value)
                    for token in values)  # fmt: skip


def _digest(pieces: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()
