"""Make the fingerprint of a picture: small, JSON-able, enough to compare without the picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from ..base85 import pack, unpack
from ..result import Region
from ..threads import WORTH_PIXELS, each
from .banding import roughness, shares_of_levels
from .colour_space import colour_space
from .decoding import FLOAT_BOUNDS
from .lattice import GROUPS, Lattice, lattice_of
from .maps import BLOCK, Bytes, Floats, grids_of, measure
from .phash import phash
from .pixels import canonical, mode_name, paint_masks, value_range, visible
from .profiles import planes_of

VERSION = 3
"""Version of the fingerprint; others cannot be compared with it and are made anew from the picture."""

_ENERGY_STEPS = 15  # an octave; the largest possible energy, 2**17, still fits 8 bits
_SEAM_STEPS = 4  # a level; steps of 64 levels and more are cut off
_PHASE_STEPS = 8  # a level
_BANDING_STEPS = 50  # an octave
_LATTICE_STEPS = 30  # a level
_MIDDLE = 128


@dataclass(frozen=True)
class Still:
    """The fingerprint of a still picture, unpacked; maps as in `maps.Maps`, rounded to what 8 bits hold.

    banding  roughness of the histograms of R, G and B, octaves
    lattice  how strongly lines come again at even distances
    bounds   lowest and highest value of float and 32-bit pictures, else None
    """

    size: tuple[int, int]
    mode: str
    compact: bool
    phash: int
    luma: Floats
    chroma: Floats
    energy: Floats
    seams: tuple[Floats, Floats]
    phase: Floats
    banding: Floats
    lattice: Lattice
    alpha: Floats | None
    bounds: tuple[float, float] | None


def still_fingerprint(frame: Image.Image, masks: Sequence[Region] = (), compact: bool = False) -> dict[str, Any]:
    """Describe one picture, or the current frame of an animation: under 3 kB as JSON, compact under 1 kB.

    version, size [width, height], canonical mode, phash (256 bits as 64 hex digits, as
    imagehash.phash(hash_size=16) gives it for the picture over mid-grey), and maps of 8-bit numbers in base85:
    luma, chroma (Cb and Cr, 128 is grey), energy (15 log2 of 1 + energy), profiles (seams across and down in
    quarter levels, phase in eighths, banding in fiftieths of an octave, lattice in thirtieths of a
    level), alpha or null. `maps.Maps` says what they are. range is [lowest, highest], only of float and 32-bit ones.
    colour_space is there unless it is sRGB.
    """
    picture = paint_masks(canonical(frame), masks)
    seen = visible(picture)
    alpha = picture.getchannel("A") if picture.mode == "RGBA" else None
    grey = seen.convert("L")
    values: Bytes = np.asarray(grey)
    pixels = picture.width * picture.height
    parts: list[Callable[[], Any]] = [
        lambda: lattice_of(planes_of(seen)),
        lambda: measure(seen, values, alpha, grids_of(picture.size, compact)),
        lambda: (roughness(shares_of_levels(seen), pixels), phash(grey, values)),
    ]
    lattice, maps, (banding, digits) = each(lambda part: part(), parts, pixels >= WORTH_PIXELS)
    profiles = [
        *(seams * _SEAM_STEPS for seams in maps.seams),
        maps.phase.ravel() * _PHASE_STEPS,
        banding * _BANDING_STEPS,
        lattice.strengths.ravel() * _LATTICE_STEPS,
        np.ravel([divmod(period, 256) for period in lattice.periods]),
    ]
    described: dict[str, Any] = {
        "version": VERSION,
        "size": list(picture.size),
        "mode": mode_name(frame, picture),
        "phash": digits,
        "luma": pack(maps.luma),
        "chroma": pack(maps.chroma + _MIDDLE),
        "energy": pack(np.log2(1 + maps.energy) * _ENERGY_STEPS),
        "profiles": pack(np.concatenate(profiles)),
        "alpha": None if maps.alpha is None else pack(maps.alpha),
    }
    if compact:
        described["compact"] = True
    elif (space := colour_space(frame)) is not None:
        described["colour_space"] = space
    if picture.mode in ("I", "F"):
        described["range"] = list(value_range(picture))
    elif FLOAT_BOUNDS in frame.info:
        described["range"] = list(frame.info[FLOAT_BOUNDS])
    return described


def unpack_still(kept: Mapping[str, Any]) -> Still:
    """Return the fingerprint of a still, unpacked. Raises KeyError, TypeError or ValueError for a damaged one."""
    size, compact = (int(kept["size"][0]), int(kept["size"][1])), bool(kept.get("compact", False))
    grids = grids_of(size, compact)
    across, down = grids.seams
    coarse = grids.coarse[::-1]
    packed = [
        (kept["luma"], grids.luma[::-1]),
        (kept["chroma"], (2, *coarse)),
        (kept["energy"], coarse),
        (kept["profiles"], (across + down + 2 * BLOCK + 3 + 2 * GROUPS + 4,)),
    ]
    if kept["alpha"] is not None:
        packed.append((kept["alpha"], coarse))
    luma, chroma, energy, profiles, *alpha = unpack(packed)
    seams, phase, banding, strengths, periods = np.split(profiles, np.cumsum([across + down, 2 * BLOCK, 3, 2 * GROUPS]))
    return Still(
        size=size,
        mode=kept["mode"],
        compact=compact,
        phash=int(kept["phash"], 16),
        luma=luma,
        chroma=chroma - np.float32(_MIDDLE),
        energy=np.exp2(energy / np.float32(_ENERGY_STEPS)) - np.float32(1),
        seams=(seams[:across] / np.float32(_SEAM_STEPS), seams[across:] / np.float32(_SEAM_STEPS)),
        phase=phase.reshape(2, BLOCK) / np.float32(_PHASE_STEPS),
        banding=banding / np.float32(_BANDING_STEPS),
        lattice=Lattice(
            strengths.reshape(2, GROUPS) / np.float32(_LATTICE_STEPS),
            (int(256 * periods[0] + periods[1]), int(256 * periods[2] + periods[3])),
        ),
        alpha=alpha[0] if alpha else None,
        bounds=(float(kept["range"][0]), float(kept["range"][1])) if "range" in kept else None,
    )
