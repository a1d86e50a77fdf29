"""Make the fingerprint of splats: how many, where their mass lies, how opaque, large, long and coloured they are."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from ..models.fingerprints import frame_of, view_of
from ..models.surface import hash_rows
from ..packing import FloatArray, pack_levels, rounded
from .reading import Splats, read_splats

VERSION = 1
"""Version of the fingerprint; others cannot be compared with it and are made anew from the file."""
PARTS = 8
"""Parts of the cube around the splats, two along each axis."""
_ENDS = 0.01, 0.99
"""Shares of the mass that lie below the bounds: a few that float far away do not move them."""
_HUGE = 1e30


def fingerprint(data: bytes) -> dict[str, Any]:
    """Describe splats for comparison without them; `mass` is opacity.

    version, content_sha256 (of all splats, in any order), splats (how many), broken (share of them that are not
    finite); where something finite with mass is left as well: bounds (of all but 1 % of the mass at either side),
    mass (of all), views (along each axis, SIDE x SIDE: shares of the mass in each cell of a cube around the bounds,
    as square roots of the share of `peak`, 8-bit in base85), peak, and of the PARTS parts of the cube: weights
    (shares of the mass), tints (mean RGB), opacities (mean), sizes (mean natural logarithm of the mean standard
    deviation), shapes (six numbers each: the mean of the covariances, each over its trace); stretch (mean natural
    logarithm of the longest standard deviation over the shortest), gloss (mean) and contrast (standard deviation of the
    opacities).
    Raises UndecodableError.
    """
    splats = read_splats(data)
    with np.errstate(all="ignore"):
        return _described(splats)


def _described(splats: Splats) -> dict[str, Any]:
    count = len(splats.places)
    finite = seen(splats)
    described: dict[str, Any] = {
        "version": VERSION,
        "content_sha256": _digest(splats),
        "splats": count,
        "broken": rounded(1 - len(finite.places) / count) if count else 0.0,
    }
    total = float(finite.opacities.sum())
    return {**described, **_shape(finite, total)} if total > 0 else described


def seen(splats: Splats) -> Splats:
    """Leave out what is not finite, or has no size."""
    kept = np.asarray((np.abs(splats.table) < _HUGE).all(axis=1) & (splats.sizes > 0).all(axis=1))
    return splats.only(kept)


def _digest(splats: Splats) -> str:
    rows = splats.table.astype("<f4") + np.float32(0)
    return hashlib.sha256(rows[np.argsort(hash_rows(rows))].tobytes()).hexdigest()


def _shape(splats: Splats, total: float) -> dict[str, Any]:
    mass = splats.opacities / total
    low, high = bounds_of(splats.places, mass)
    corner, side = frame_of(low, high)
    places = (splats.places - corner) / side
    inside = ((places >= 0) & (places <= 1)).all(axis=1)
    # What floats outside is not drawn to the edge, where it would look like a wall.
    views = np.stack([view_of(np.delete(places[inside], axis, axis=1), mass[inside]) for axis in range(3)])
    peak = float(views.max()) or 1.0
    parts = (places >= 0.5) @ np.array([1, 2, 4])
    weights = np.bincount(parts, mass, PARTS)
    counts = np.bincount(parts, minlength=PARTS)

    def mean(values: FloatArray) -> FloatArray:
        """Return the mean over the mass in each part, 0 where there is none."""
        found: FloatArray = np.bincount(parts, values * mass, PARTS) / np.where(weights > 0, weights, 1)
        return found

    sizes = np.log(splats.sizes).mean(axis=1)
    return {
        "bounds": [[rounded(float(one)) for one in ends] for ends in (low, high)],
        "mass": rounded(total),
        "views": pack_levels(np.sqrt(views / peak)),
        "peak": rounded(peak),
        "weights": [rounded(float(one)) for one in weights],
        "tints": pack_levels(np.stack([mean(splats.colours[:, channel]) for channel in range(3)], axis=1)),
        "opacities": [
            rounded(float(one)) for one in np.bincount(parts, splats.opacities, PARTS) / np.maximum(counts, 1)
        ],
        "sizes": [rounded(float(one)) for one in mean(sizes)],
        "shapes": [[rounded(float(one)) for one in mean(share)] for share in _shapes(splats)],
        "stretch": rounded(float((np.ptp(np.log(splats.sizes), axis=1) * mass).sum())),
        "contrast": rounded(float(splats.opacities.std())),
        "gloss": rounded(float((splats.gloss * mass).sum())),
    }


def bounds_of(places: FloatArray, mass: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the lowest and the highest corner of the box that holds all but 1 % of the mass at either side."""
    mass = mass / mass.sum()
    ends = np.empty((2, 3))
    for axis in range(3):
        order = np.argsort(places[:, axis], kind="stable")
        ends[:, axis] = np.interp(_ENDS, np.cumsum(mass[order]), places[order, axis])
    return ends[0], ends[1]


def _shapes(splats: Splats) -> FloatArray:
    """Return the upper half of the covariances over their traces, shape (6, n): how long they are, and whereto."""
    w, x, y, z = splats.turns.T
    axes = np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ])  # fmt: skip
    variances = (splats.sizes / splats.sizes.max(axis=1, keepdims=True)) ** 2
    shares = (variances / variances.sum(axis=1, keepdims=True)).T
    rows, columns = np.triu_indices(3)
    found: FloatArray = (axes[rows] * axes[columns] * shares).sum(axis=1)
    return found
