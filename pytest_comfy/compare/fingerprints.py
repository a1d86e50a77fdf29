"""Make the fingerprint of a picture or animation: small, JSON-able, enough to compare without the picture."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image

from .decoding import frame_count, frames, guard
from .pixels import canonical, check_masks, duration, mode_name, paint_masks, value_range, visible
from .result import Region

VERSION = 1
"""Version of the fingerprint; others cannot be compared with it and are made anew from the picture."""
HASH_SIZE = 16
"""Side of the perceptual hash: 16x16 bits told regressions from noise twice as well as 8x8."""
GRID = 8
"""Cells along each side of the colour and alpha maps; fewer where a picture has fewer pixels."""
SAMPLES = 8
"""Most frames of an animation that are kept as fingerprints, evenly spaced, first and last included."""
STEADY = 4.0
"""Smallest margin of a hash bit that counts, in levels of the DCT that imagehash takes of the picture at
64x64, scaled so that noise of sigma s there moves a coefficient by about s.

The benchmark's harmless noise (sigma 1.5 before the picture is reduced) stays below; the coefficients of real
structure are tens to thousands.
"""

FloatArray = npt.NDArray[np.float32]


def fingerprint(image: Image.Image, masks: Sequence[Sequence[int]] = ()) -> dict[str, Any]:
    """Describe a picture for comparison without it.

    Of a still: version, size [width, height], canonical mode, phash (256 bits as 64 hex digits, as
    imagehash.phash(hash_size=16) gives it), steady (same layout: the bits that noise cannot flip), colour
    (mean R, G, B of each cell of the grid by rows, base64 of uint8), alpha (mean alpha of each cell, or
    null), range ([lowest, highest], only of float and 32-bit pictures).
    Of an animation: version, frames, durations as [[milliseconds, how many frames in a row], ...], samples
    (fingerprints of up to SAMPLES evenly spaced frames). Animations of one frame are stills.
    Masks, (x, y, width, height) in pixels, are painted over first. Raises UndecodableError.
    """
    regions = check_masks(masks)
    with guard():
        count = frame_count(image)
    if count == 1:
        return _still(next(iter(frames(image))), regions)
    wanted = sample_indices(count)
    durations: list[list[float]] = []
    samples: list[dict[str, Any]] = []
    for index, frame in enumerate(frames(image)):
        shown = duration(frame)
        if durations and durations[-1][0] == shown:
            durations[-1][1] += 1
        else:
            durations.append([shown, 1])
        if index in wanted:
            samples.append(_still(frame, regions))
    return {"version": VERSION, "frames": count, "durations": durations, "samples": samples}


def sample_indices(count: int) -> tuple[int, ...]:
    """Return the indices, from 0, of the frames kept of an animation of `count` frames."""
    kept = min(count, SAMPLES)
    return tuple(round(i * (count - 1) / (kept - 1)) for i in range(kept)) if kept > 1 else (0,)


def grid_of(size: tuple[int, int]) -> tuple[int, int]:
    """Return columns and rows of the maps of a picture of this size (width, height)."""
    return min(GRID, size[0]), min(GRID, size[1])


def _still(frame: Image.Image, masks: Sequence[Region]) -> dict[str, Any]:
    picture = paint_masks(canonical(frame), masks)
    seen = visible(picture)
    columns, rows = grid_of(picture.size)
    described: dict[str, Any] = {
        "version": VERSION,
        "size": list(picture.size),
        "mode": mode_name(frame, picture),
        "phash": str(imagehash.phash(seen, hash_size=HASH_SIZE)),
        "steady": _steady_bits(seen),
        "colour": _packed(cell_means(np.asarray(seen), columns, rows)),
        "alpha": None,
    }
    if picture.mode == "RGBA":
        alpha = np.asarray(picture.getchannel("A"))[:, :, np.newaxis]
        described["alpha"] = _packed(cell_means(alpha, columns, rows))
    if picture.mode in ("I", "F"):
        described["range"] = list(value_range(picture))
    return described


def cell_means(pixels: npt.NDArray[np.uint8], columns: int, rows: int) -> FloatArray:
    """Return the mean of each cell, shape (rows, columns, channels), of pixels (height, width, channels).

    Cells need not be whole pixels wide: a pixel on a border counts for both sides by its share.
    """
    down = _shares(pixels.shape[0], rows)
    across = _shares(pixels.shape[1], columns).T
    channels = [down @ pixels[:, :, c].astype(np.float32) @ across for c in range(pixels.shape[2])]
    return np.stack(channels, axis=2)


def _shares(length: int, cells: int) -> FloatArray:
    """Return the weights, shape (cells, length), that average `length` pixels into equal cells."""
    edges = np.linspace(0, length, cells + 1)
    pixel = np.arange(length)
    overlap = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    return (overlap.clip(0) * (cells / length)).astype(np.float32)


def _steady_bits(seen: Image.Image) -> str:
    """Return which hash bits have a margin of at least STEADY, as hex in the order of the hash.

    A bit says on which side of the median its coefficient lies. In flat pictures and plain gradients most
    coefficients are next to zero, and noise tosses their bits like coins.
    """
    side = HASH_SIZE * 4  # imagehash's own reduction before its DCT
    grey = seen.convert("L").resize((side, side), Image.Resampling.LANCZOS)
    angles = np.pi / (2 * side) * np.outer(np.arange(HASH_SIZE), 2 * np.arange(side) + 1)
    basis = np.cos(angles) * np.sqrt(2 / side)
    coefficients = basis @ np.asarray(grey, dtype=np.float64) @ basis.T
    margins = np.abs(coefficients - np.median(coefficients))
    bits = "".join("1" if steady else "0" for steady in (margins >= STEADY).flat)
    return f"{int(bits, 2):0{len(bits) // 4}x}"


def _packed(means: FloatArray) -> str:
    return base64.b64encode(np.rint(means).clip(0, 255).astype(np.uint8).tobytes()).decode("ascii")
