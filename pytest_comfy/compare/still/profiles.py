"""How strong the steps from each line of pixels to the next are, over short pieces of the lines.

In whole numbers of 16 bits, which numpy works on several times as fast as on floats.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image

from .maps import Bytes, Floats

Ints = npt.NDArray[np.signedinteger]
Planes = tuple[Ints, Ints, Ints]
"""R, G and B, averaged over PIECE pixels along one axis: shape (pieces, lines)."""

PIECE = 4
"""Pixels of the shortest pieces."""
CAP = 8.0
"""Levels from which on a step counts no more: edges of the content are far larger."""
_LUMA, _CHROMA = 97, 37.93
"""What a level is in steps of whole numbers."""
_TURNED = 32
"""Lines that are transposed at once."""


def planes_of(seen: Image.Image) -> tuple[Planes, Planes]:
    """Return the planes of an 8-bit RGB picture: for the lines that run down, and for those that run across."""
    red, green, blue = (_pieces(seen, name) for name in "RGB")
    return (red[0], green[0], blue[0]), (red[1], green[1], blue[1])


def _pieces(seen: Image.Image, name: str) -> tuple[Ints, Ints]:
    band = np.frombuffer(seen.tobytes("raw", name), dtype=np.uint8).reshape(seen.height, seen.width)
    return _rows_joined(band), _columns_joined(band)


def _rows_joined(band: Bytes) -> Ints:
    """Return the mean of each PIECE rows, the last of fewer, as Pillow's `reduce` rounds it, much faster."""
    whole = len(band) // PIECE * PIECE
    first, second, third, fourth = (band[at:whole:PIECE] for at in range(PIECE))
    sums = np.add(first, second, dtype=np.int16)
    sums += np.add(third, fourth, dtype=np.int16)
    return _with_the_last(_rounded(sums), band[whole:])


def _columns_joined(band: Bytes) -> Ints:
    """Return the same of columns: shape (pieces, lines) as well."""
    whole = band.shape[1] // PIECE * PIECE
    pairs = np.ascontiguousarray(band[:, :whole]).view(np.uint16)  # together, as every fourth byte takes long
    fours = ((pairs & 0xFF) + (pairs >> 8)).view(np.uint32)
    sums = (fours + (fours << 16) >> 16).astype(np.int16)
    return _with_the_last(_turned(_rounded(sums)), band[:, whole:].T)


def _turned(plane: Ints) -> Ints:
    """Return the transpose, row after row, which all that follows is faster on; in blocks, as caches like it."""
    turned = np.empty(plane.shape[::-1], dtype=plane.dtype)
    for at in range(0, len(plane), _TURNED):
        turned[:, at : at + _TURNED] = plane[at : at + _TURNED].T
    return turned


def _rounded(sums: Ints) -> Ints:
    sums += PIECE // 2
    sums >>= 2
    return sums


def _with_the_last(pieces: Ints, left: Bytes) -> Ints:
    """Return the pieces and one more, of what is left."""
    if not len(left):
        return pieces
    last = left.sum(axis=0, dtype=np.uint32, keepdims=True)
    return np.concatenate([pieces, ((last + len(left) // 2) * (2**24 // len(left)) >> 24).astype(np.int16)])


def profiles(planes: Planes, scales: int) -> Iterator[Floats]:
    """Yield the mean sizes of the steps from each line to the next, of luma and of chroma: shape (2, lines - 1).

    Those over pieces of PIECE pixels come first, then those over pieces of twice as many, and so on.
    """
    steps = _steps(planes)
    for _ in range(scales):
        yield _mean_sizes(*steps)
        steps = [_joined(one) for one in steps]


def _steps(planes: Planes) -> list[Ints]:
    """Return the steps from each line to the next, and 0 for the last: of luma, and along two axes of chroma.

    The weights are BT.601's times _LUMA, and such that lengths are those of (Cb, Cr) times _CHROMA, to 0.2 %.
    """
    red, green, blue = map(_differences, planes)
    luma = 29 * red + 57 * green + 11 * blue
    blue -= green
    red -= green
    return [luma, 20 * red - 9 * blue, 17 * blue]


def _differences(plane: Ints) -> Ints:
    """Return the steps of one channel, and 0 for the last line: as one row, which is much faster than many."""
    steps = np.empty_like(plane)
    np.subtract(plane.ravel()[1:], plane.ravel()[:-1], out=steps.ravel()[:-1])
    steps[:, -1:] = 0
    return steps


def _mean_sizes(luma: Ints, *chroma: Ints) -> Floats:
    pieces, lines = luma.shape
    if not pieces or lines < 2:
        return np.zeros((2, 1), dtype=np.float32)
    sizes = np.empty((2, lines - 1), dtype=np.float32)
    capped = np.minimum(np.abs(luma), np.full((1, lines), CAP * _LUMA, dtype=luma.dtype))
    sizes[0] = np.add.reduce(capped, axis=0, dtype=np.int32)[:-1] / (_LUMA * pieces)
    length, other = (axis.astype(np.float32) for axis in chroma)
    np.add(np.square(length, out=length), np.square(other, out=other), out=length)
    np.sqrt(length, out=length).clip(0, CAP * _CHROMA, out=length)
    sizes[1] = np.add.reduce(length, axis=0)[:-1] / np.float32(_CHROMA * pieces)
    return sizes


def _joined(steps: Ints) -> Ints:
    """Return the steps of pieces of twice the length."""
    even = len(steps) // 2 * 2  # one half is rounded up, the other down, and nothing runs over
    return (steps[0:even:2] + 1 >> 1) + (steps[1:even:2] >> 1)
