"""Arrays in fingerprints: few bytes, in base85, read back with the shape they must have."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .base85 import pack

FloatArray = npt.NDArray[np.float64]


def rounded(value: float) -> float:
    """Return a number with six significant digits, which sums in another order do not change but by chance."""
    return float(f"{value:.6g}")


def pack_halves(values: npt.ArrayLike) -> tuple[str, float]:
    """Pack as half precision of the largest magnitude, and return that as well."""
    values = np.asarray(values, np.float64)
    largest = rounded(float(np.abs(values).max(initial=0.0)))
    return base64.b85encode((values / (largest or 1)).astype("<f2").tobytes()).decode("ascii"), largest


def unpack_halves(packed: str, largest: float, shape: Sequence[int]) -> FloatArray:
    """Give back what `pack_halves` packed; raises ValueError for another number of values or no numbers."""
    values = np.frombuffer(base64.b85decode(packed), "<f2").reshape(tuple(shape)).astype(np.float64) * float(largest)
    if not np.isfinite(values).all():
        raise ValueError("values that are no numbers")
    return values


def pack_signed(values: FloatArray, spans: FloatArray) -> str:
    """Pack as 8-bit steps, of which 127 are a span; the spans fit the values by numpy's rules."""
    steps = np.divide(values * 127, spans, out=np.zeros(values.shape), where=spans > 0)
    return base64.b85encode(np.rint(steps).clip(-127, 127).astype("i1").tobytes()).decode("ascii")


def unpack_signed(packed: str, spans: FloatArray, shape: Sequence[int]) -> FloatArray:
    """Give back what `pack_signed` packed; raises ValueError for another number of values."""
    return np.frombuffer(base64.b85decode(packed), "i1").reshape(tuple(shape)) * spans / 127


def pack_levels(values: FloatArray) -> str:
    """Pack values from 0 to 1 as levels from 0 to 255."""
    return pack(values * 255)


def unpack_levels(packed: str, shape: Sequence[int]) -> FloatArray:
    """Give back what `pack_levels` packed, from 0 to 1; raises ValueError for another number of values."""
    return np.frombuffer(base64.b85decode(packed), "u1").reshape(tuple(shape)) / 255
