"""Arrays of 8-bit numbers as base85 text, as `base64.b85encode` writes it."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_DIGITS = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
_VALUE_OF = np.full(256, -1, dtype=np.int64)
_VALUE_OF[np.frombuffer(_DIGITS, dtype=np.uint8)] = np.arange(85)
_POWERS = 85 ** np.arange(4, -1, -1, dtype=np.int64)


def pack(values: npt.NDArray[np.floating]) -> str:
    """Return values, rounded and cut off to 0 to 255, as base85, row by row."""
    return base64.b85encode(np.rint(values).clip(0, 255).astype(np.uint8).tobytes()).decode("ascii")


def unpack(packed: Sequence[tuple[str, tuple[int, ...]]]) -> list[npt.NDArray[np.float32]]:
    """Return packed values as arrays of the given shapes. Raises ValueError for any other text.

    All at once, as Python's own decoder runs digit by digit and would take longer than the comparison.
    """
    text = "".join(one.ljust(-(-len(one) // 5) * 5, "~") for one, _ in packed)
    digits = _VALUE_OF[np.frombuffer(text.encode("ascii"), dtype=np.uint8)]
    words = digits.reshape(-1, 5) @ _POWERS
    if digits.min(initial=0) < 0 or words.max(initial=0) >= 2**32:
        raise ValueError("no base85")
    data = words.astype(">u4").view(np.uint8).astype(np.float32)
    arrays, start = [], 0
    for one, shape in packed:
        length, whole = math.prod(shape), -(-len(one) // 5) * 4
        if length != whole - (-len(one) % 5):
            raise ValueError(f"{len(one)} digits do not hold {length} values")
        arrays.append(data[start : start + length].reshape(shape))
        start += whole
    return arrays
