"""Masks as a golden run keeps them, to know what a fingerprint was made with."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence

from .result import Region

_LISTED = 50  # rectangles up to which they are written one by one
_MOST_BYTES = 2**20  # of packed masks; 20,000 rectangles are less than half of it


def pack_masks(masks: Sequence[Region]) -> list[list[int]] | str:
    """Return masks for a JSON document: a list, or one line of text when they are many."""
    if len(masks) <= _LISTED:
        return [list(mask) for mask in masks]
    return base64.b85encode(zlib.compress(json.dumps(masks).encode())).decode("ascii")


def unpack_masks(packed: object) -> tuple[Region, ...]:
    """Return what `pack_masks` packed. Raises TypeError or ValueError for anything else."""
    if isinstance(packed, str):
        data = zlib.decompressobj()
        try:
            packed = json.loads(data.decompress(base64.b85decode(packed), _MOST_BYTES))
        except (zlib.error, RecursionError) as error:
            raise ValueError(f"masks are damaged ({error})") from error
    if not isinstance(packed, (list, tuple)):
        raise TypeError(f"masks are a list of rectangles, not {type(packed).__name__}")
    return tuple((int(x), int(y), int(width), int(height)) for x, y, width, height in packed)
