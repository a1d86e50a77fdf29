"""Numbers as people write them."""

from __future__ import annotations

import math
from decimal import Decimal


def figure(value: float, digits: int = 3) -> str:
    """Return a number with so many significant digits, or all of its whole ones, and never an exponent."""
    number = float(value)
    if not math.isfinite(number) or number == 0:
        return f"{abs(number) if number == 0 else number:g}"
    return f"{number:.0f}" if abs(number) >= 10**digits else format(Decimal(f"{number:.{digits}g}"), "f")


def signed(value: float, digits: int = 3) -> str:
    """Return a number as `figure` does, with a plus where it is not below zero."""
    return f"{'' if value < 0 else '+'}{figure(value, digits)}"
