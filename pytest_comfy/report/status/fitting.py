"""Text in a line of a terminal: as wide as it is shown, cut to what there is room for."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ...text import plain

_GAP = "  "


@dataclass(frozen=True)
class Piece:
    """A part of a line.

    least  columns that it may be cut to; 0 for what stands whole or not at all
    rank   what there is no room for goes by rank, the highest first
    """

    text: str
    least: int = 0
    rank: int = 0

    @property
    def smallest(self) -> int:
        """The columns that it takes at least."""
        return min(width_of(self.text), self.least or width_of(self.text))


def one_line(text: object, limit: int = 200) -> str:
    """Return foreign text as one line that a terminal only shows."""
    return " ".join(plain(text, limit).split())


def width_of(text: str) -> int:
    """Return how many columns a terminal shows a text in."""
    if text.isascii():
        return len(text)
    return sum(_width(char) for char in text)


def cut(text: str, width: int) -> str:
    """Return a text in at most so many columns, the cut marked by an ellipsis."""
    if width_of(text) <= width:
        return text
    taken = 0
    for at, char in enumerate(text):
        taken += _width(char)
        if taken > width - 1:
            return text[:at] + "…" if width > 0 else ""
    return text


def fitted(pieces: Iterable[Piece], width: int) -> str:
    """Return the pieces as one line of at most so many columns: the least important go, the rest is cut."""
    kept = [piece for piece in pieces if piece.text]
    while len(kept) > 1 and _joined(piece.smallest for piece in kept) > width:
        kept.remove(max(kept, key=lambda piece: piece.rank))
    for piece in sorted(kept, key=lambda piece: -piece.rank):
        over = _joined(width_of(one.text) for one in kept) - width
        if over > 0 and piece.least:
            room = max(piece.smallest, width_of(piece.text) - over)
            kept[kept.index(piece)] = replace(piece, text=cut(piece.text, room))
    return cut(_GAP.join(piece.text for piece in kept), width)


def _joined(widths: Iterable[int]) -> int:
    each = list(widths)
    return sum(each) + len(_GAP) * (len(each) - 1)


def _width(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
