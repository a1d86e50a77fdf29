"""Arrays of a fingerprint as text: 8 bits a value, base85."""

from __future__ import annotations

import base64

import numpy as np

from ..base85 import pack
from .grid import Array

FLOOR = -80.0
"""dB of full scale that silence has, and least that is kept. Played as loud as anybody does, 100 dB of sound
pressure at full scale, that is 20 dB in one band: a quiet room has more."""
STEP = 0.375
"""dB of one step of a kept level; the highest is +15.6."""
BALANCE_STEP = 0.25
"""dB of one step of a kept balance, -32 to +32."""
PHASE_STEP = 1 / 127
PITCH_STEP = 1 / 255


def pack_levels(power: Array) -> str:
    """Keep mean squares as levels from FLOOR up."""
    return pack((levels(power) - FLOOR) / STEP)


def levels(power: Array) -> Array:
    """Return mean squares in dB of full scale, with the power of FLOOR added to all of them."""
    return np.asarray(10 * np.log10(power + 10 ** (FLOOR / 10)))


def unpack_levels(packed: str, *shape: int) -> Array:
    """Return levels in dB. Raises ValueError when the shape is another; one side may be -1."""
    return unpack(packed, 0, *shape) * STEP + FLOOR


def pack_signed(values: Array, step: float) -> str:
    """Keep values in steps from -127 to 127."""
    return pack(np.rint(values / step).clip(-127, 127) + 128)


def unpack_signed(packed: str, step: float, *shape: int) -> Array:
    """Return what pack_signed kept."""
    return unpack(packed, 128, *shape) * step


def pack_shares(values: Array) -> str:
    """Keep values from 0 to 1; their square roots, so that small ones are kept as well."""
    return pack(np.sqrt(values) / PITCH_STEP)


def unpack_shares(packed: str, *shape: int) -> Array:
    """Return what pack_shares kept."""
    return np.asarray((unpack(packed, 0, *shape) * PITCH_STEP) ** 2)


def unpack(packed: str, zero: int, *shape: int) -> Array:
    """Return the kept numbers less `zero`."""
    return np.frombuffer(base64.b85decode(packed), dtype=np.uint8).reshape(shape).astype(np.float64) - zero
