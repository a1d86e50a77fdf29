"""The perceptual hash as imagehash gives it, of large pictures several times as fast.

Nearly all of its time goes into Pillow making the picture small. The same is done here by matrix products, which come
to the same bits: Pillow's weights are whole numbers, and floats of 64 bits are exact for those below 2**53.
"""

from __future__ import annotations

from functools import lru_cache

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image

from .maps import Bytes

HASH_SIZE = 16
"""Side of the perceptual hash: 16x16 bits told regressions from noise twice as well as 8x8."""

_SIDE = 4 * HASH_SIZE
"""Pixels a side that imagehash makes of a picture before it takes the frequencies."""
_WORTH_WIDTH = 4 * _SIDE
_LOBES = 3
"""Half the width of Lanczos' kernel, in pixels of the smaller picture."""
_PRECISION = 2.0**22
"""Pillow's weights are whole numbers of so many parts."""
_COLUMNS = 8
"""Columns that are made at once: they share most of the columns that they are made of."""
_MOST_PRODUCTS = 2**18
"""Above it OpenBLAS starts threads, which wait for each other on a busy machine."""

_Weights = tuple[slice, npt.NDArray[np.float64]]


def phash(grey: Image.Image, values: Bytes) -> str:
    """Return `imagehash.phash(grey, HASH_SIZE)` as hexadecimal digits, of a picture of mode "L" and its values."""
    # Tall pictures are made low first by Pillow from version 13 on, and all others narrow first by any.
    if grey.width >= max(_WORTH_WIDTH, grey.height) and grey.height >= _SIDE:
        grey = Image.fromarray(np.ascontiguousarray(_narrowed(_narrowed(values).T).T))
    return str(imagehash.phash(grey, hash_size=HASH_SIZE))


def _narrowed(grey: Bytes) -> Bytes:
    """Return what Pillow's `resize((_SIDE, height), LANCZOS)` does, of a picture that is not narrower than that."""
    blocks = _weights(grey.shape[1])
    rows = max(1, _MOST_PRODUCTS // max(weights.size for _, weights in blocks))
    narrow = np.empty((len(grey), _SIDE), dtype=np.uint8)
    for top in range(0, len(grey), rows):
        band = grey[top : top + rows].astype(np.float64)
        sums = np.concatenate([band[:, columns] @ weights for columns, weights in blocks], axis=1)
        narrow[top : top + rows] = np.floor(sums + 0.5).clip(0, 255)
    return narrow


@lru_cache(maxsize=8)
def _weights(width: int) -> tuple[_Weights, ...]:
    """Return which columns make each _COLUMNS of the narrow picture, and what they weigh: Pillow's weights."""
    scale = width / _SIDE
    middles = (np.arange(_SIDE) + 0.5) * scale
    first = (middles - _LOBES * scale + 0.5).astype(np.intp).clip(0)
    last = (middles + _LOBES * scale + 0.5).astype(np.intp).clip(max=width)
    blocks = []
    for at in range(0, _SIDE, _COLUMNS):
        block = slice(at, at + _COLUMNS)
        columns = np.arange(first[block][0], last[block][-1])[:, np.newaxis]
        inside = (columns >= first[block]) & (columns < last[block])
        away = (columns - middles[block] + 0.5) / scale
        kernel = np.where(inside & (abs(away) < _LOBES), np.sinc(away) * np.sinc(away / _LOBES), 0)
        parts = kernel / kernel.sum(axis=0) * _PRECISION
        blocks.append(
            (slice(columns[0, 0], columns[-1, 0] + 1), np.trunc(parts + np.copysign(0.5, parts)) / _PRECISION)
        )
    return tuple(blocks)
