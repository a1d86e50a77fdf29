"""Say what moved between two pictures, in the words of a person who looks at them."""

from __future__ import annotations

import cmath
import math

import numpy as np
import numpy.typing as npt

from ..figures import figure
from .fingerprints import Still
from .lattice import Grid, strength_at
from .maps import Floats
from .motion import Motion
from .movement import Movement
from .nature import mirrored, strongest_seam
from .regions import place, regrid

ZOOM_TOLD, TURN_TOLD = 0.002, 0.1
"""Share and degrees from which on a zoom and a turn are told: 1 and 0.9 pixels at the border of 1024."""

CHANGED_BESIDES = 12.0
"""Levels of a cell from which on what an alignment leaves is told: more than what interpolation does to edges."""

Plane = npt.NDArray[np.complex64]
"""Chroma as complex numbers, Cb + i Cr."""

UNEXPLAINED = 0.4
"""Largest share of a change of colour that one turn, cast or exchange may leave, to be told as its cause."""
HUE_TOLD = 4.0
"""Degrees from which on a turn of the hue is told."""
SATURATION_TOLD = 0.05
"""Share from which on a change of the saturation is told."""

UNNAMED_COLOUR = "colour changed"

# Directions in the plane of Cb and Cr, degrees, of the primaries of BT.601.
_HUES = {"red": 108.6, "yellow": 170.8, "green": 231.7, "cyan": 288.6, "blue": 350.8, "magenta": 51.7}


def motion_words(motion: Motion, size: tuple[int, int]) -> str:
    """Say how the content moved as a whole: to which side, how it was zoomed and turned, and what changed besides."""
    about = "about " if motion.rough else ""
    zoomed, turned = abs(motion.zoom - 1) >= ZOOM_TOLD, abs(motion.turn) >= TURN_TOLD
    least = 1.0 if zoomed or turned else 0.5 if motion.rough else 0.1  # the middle may be rounded
    sides = [
        f"{about}{_pixels(moved, motion.rough)} {back if moved < 0 else on}"
        for moved, on, back in ((motion.right, "to the right", "to the left"), (motion.down, "down", "up"))
        if abs(moved) >= least
    ]
    words = [f"moved by {' and '.join(sides)}"] if sides else []
    if zoomed:
        way = "in" if motion.zoom > 1 else "out"
        words.append(f"zoomed {way} by {about}{figure(round(100 * abs(motion.zoom - 1), 1))} %")
    if turned:
        way = "clockwise" if motion.turn > 0 else "counter-clockwise"
        words.append(f"turned by {about}{figure(round(abs(motion.turn), 1))} degrees {way}")
    besides = motion.left / CHANGED_BESIDES
    if not motion.rough and besides.max() > 1:
        words.append(f"content changed{place(besides, size)}")
    return ", ".join(words)


def _pixels(moved: float, rough: bool) -> str:
    number = max(1, round(abs(moved))) if rough else round(abs(moved), 1)
    return f"{number:g} pixel{'' if number == 1 else 's'}"


def structure_words(golden: Still, actual: Still, another: bool, where: str) -> str:
    """Say how the content changed."""
    if another:
        return mirrored(golden, actual) or "another picture"
    return f"content changed{where}"


def brightness_words(golden: Still, moved: Movement, uneven: bool, where: str) -> str:
    """Say how light and dark changed."""
    if uneven:
        return f"light is uneven{where}"
    by = float(moved.luma.mean())
    spread_before, spread_after = float(golden.luma.std()), float((golden.luma + moved.luma).std())
    contrast = spread_after / spread_before - 1 if spread_before > 1 else 0.0
    words = []
    if abs(by) >= 1:
        words.append(f"{'lighter' if by > 0 else 'darker'} by {figure(abs(by))} levels")
    if abs(contrast) >= 0.02:
        words.append(f"contrast {contrast:+.0%}")
    return ", ".join(words) or f"light and dark changed{where}"


def range_words(golden: Still, actual: Still) -> str:
    """Say between which values a float or 32-bit picture lies."""
    (low0, high0), (low1, high1) = golden.bounds or (0, 0), actual.bounds or (0, 0)
    now, was = (f"between {figure(low, 4)} and {figure(high, 4)}" for low, high in ((low1, high1), (low0, high0)))
    return f"values lie {now}, were {was}"


def colour_words(golden: Still, actual: Still, moved: Movement, where: str) -> str:
    """Say how colours changed: greyed, turned, stretched, cast, or in one place."""
    before, after = _plane(golden.chroma), _plane(actual.chroma)
    if _strength(after) < 1 <= _strength(before):
        return "colours are gone"
    if _strength(before) < 1 <= _strength(after):
        return "colours where there were none"
    total = _squares(after - before)
    # Red and blue exchanged are nearly Cb and Cr exchanged: a mirror in their plane.
    if _squares(after - (before.imag + 1j * before.real)) < UNEXPLAINED * total:
        return "red and blue are swapped"
    cast = complex(*moved.chroma.mean(axis=(1, 2)).tolist())
    turned, stretched = math.degrees(cmath.phase(moved.gain)), abs(moved.gain) - 1
    by_gain, by_cast = _squares(after - moved.gain * before), _squares(after - before - cast)
    words = []
    if by_gain < min(by_cast, UNEXPLAINED * total):
        if abs(turned) >= HUE_TOLD:
            words.append(f"hue turned {abs(turned):.0f} degrees")
        if abs(stretched) >= SATURATION_TOLD:
            words.append(f"saturation {stretched:+.0%}")
    elif by_cast < UNEXPLAINED * total:
        words.append(f"cast towards {_hue_name(cast)} by {figure(abs(cast), 2)} levels")
    return ", ".join(words) or f"{UNNAMED_COLOUR}{where}"


def sharpness_words(golden: Still, actual: Still, moved: Movement, worst: Floats, where: str) -> str:
    """Say whether it is softer, sharper or noisier; `worst` is how far each cell is beyond its limit."""
    failing = regrid(worst, *moved.energy.shape) > 1
    change = actual.energy - golden.energy
    # In energy, not octaves: an edge that is smeared into the smooth cells beside it is one that is lost.
    if float(change[failing].sum() if failing.any() else change.sum()) < 0:
        return f"softer{where}"
    # Noise adds the same everywhere, which shows most where the golden picture was smooth.
    smooth = golden.energy <= np.median(golden.energy)
    noisier = moved.energy[smooth].mean() > 1.5 * moved.energy[~smooth].mean() if (~smooth).any() else False
    return f"{'noisier' if noisier else 'sharper'}{where}"


def seam_words(golden: Still, actual: Still, edges: tuple[list[int], list[int]]) -> str:
    """Say where the line runs that was not there, or is no longer."""
    for axis, cells in enumerate(edges):
        if cells:
            places = [round(cell * golden.size[axis] / golden.luma.shape[1 - axis]) for cell in cells]
            seams = "a seam" if len(cells) == 1 else f"{len(cells)} seams, the first"
            return f"{seams} near {'xy'[axis]} = {places[0]}"
    axis, bin_, grew = strongest_seam(golden, actual)
    middle = round((bin_ + 0.5) * golden.size[axis] / golden.seams[axis].size)
    return f"{'a seam' if grew else 'a line is gone'} near {'xy'[axis]} = {middle}"


def grid_words(golden: Still, actual: Still, grid: Grid) -> str:
    """Say how wide the tiles of a grid are that came or went."""
    gone = strength_at(golden.lattice, grid) > strength_at(actual.lattice, grid)
    colours = " in the colours" if grid.in_chroma else ""
    return f"a grid of {grid.period} pixels{colours}{' is gone' if gone else ''}"


def banding_words(golden: Still, actual: Still) -> str:
    """Say whether tones were lost or gained."""
    more = float((actual.banding - golden.banding).sum()) > 0
    return "banding: tones are missing" if more else "banding is gone"


def blocking_words(golden: Still, actual: Still) -> str:
    """Say whether a pattern of eight pixels came or went."""
    spread_before, spread_after = (float(np.ptp(one.phase, axis=1).max()) for one in (golden, actual))
    return f"blocks of 8 pixels {'stand out' if spread_after > spread_before else 'are gone'}"


def _plane(chroma: Floats) -> Plane:
    return np.asarray(chroma[0] + 1j * chroma[1], dtype=np.complex64)


def _squares(plane: Plane) -> float:
    return float(np.square(np.abs(plane)).sum())


def _strength(plane: Plane) -> float:
    return math.sqrt(_squares(plane) / plane.size)


def _hue_name(direction: complex) -> str:
    angle = math.degrees(cmath.phase(direction)) % 360
    return min(_HUES, key=lambda name: abs((angle - _HUES[name] + 180) % 360 - 180))
