"""Pictures that show nothing: what is left when a model returned NaN, or nothing was drawn."""

from __future__ import annotations

from .fingerprints import Still

NEAR = 8.0
"""Levels from black or white that all cells must be within to be called so."""
FLAT = 2.0
"""Levels that the cells of a flat picture may lie apart, and its energy (squared levels): rounding and dither."""
CLEAR = 3.0
"""How many times further a picture must be from blank to have content: between the two nothing is said."""


def blank_word(still: Still) -> str | None:
    """Return how a picture that shows nothing looks, None for any other."""
    low, high = float(still.luma.min()), float(still.luma.max())
    if still.alpha is not None and float(still.alpha.max()) <= FLAT:
        return "fully transparent"
    if high <= NEAR:
        return "black"
    if low >= 255 - NEAR:
        return "white"
    flat = high - low <= FLAT and float(still.energy.max()) <= FLAT
    coloured = float(abs(still.chroma - still.chroma.mean(axis=(1, 2), keepdims=True)).max()) > FLAT
    return "flat" if flat and not coloured else None


def has_content(still: Still) -> bool:
    """Whether a picture clearly shows something."""
    low, high = float(still.luma.min()), float(still.luma.max())
    if still.alpha is not None and float(still.alpha.max()) <= CLEAR * FLAT:
        return False
    if high <= CLEAR * NEAR or low >= 255 - CLEAR * NEAR:
        return False
    return high - low > CLEAR * FLAT or float(still.energy.max()) > CLEAR * FLAT
