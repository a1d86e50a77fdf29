"""The surface of a model apart from its triangles: points spread evenly over it, and what can be summed up."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .reading import FloatArray, Model

SAMPLES = 2**16
"""Points over the whole surface: about a hundred for each cell of a view that is covered."""

_STEPS = (0.7548776662466927, 0.5698402909980532)
"""Powers of the inverse plastic number, whose multiples spread evenly over a square."""
_MIX = np.uint64(0x9E3779B97F4A7C15)

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Surface:
    """What a model's triangles and points come to.

    points    spread evenly over the surface, shape (n, 3), and colours, RGBA from 0 to 1, shape (n, 4)
    area      of all triangles; volume that they enclose, signed, negative where they face inwards
    vertices  distinct positions
    digest    of the triangles and points, whatever their order
    """

    points: FloatArray
    colours: FloatArray
    area: float
    volume: float
    vertices: int
    digest: str


def surface_of(model: Model) -> Surface:
    """Sum a model up. All its coordinates must be finite."""
    corners, colours, order = _canonical(model)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas = np.linalg.norm(normals, axis=1) / 2
    # Of a surface that is open the volume depends on the place it is measured from.
    centre = (corners.min(axis=(0, 1)) + corners.max(axis=(0, 1))) / 2 if len(corners) else np.zeros(3)
    volume = float(((corners.mean(axis=1) - centre) * normals).sum() / 6)
    digest = hashlib.sha256(_rows(corners, colours)[order].tobytes())
    loose = _single(model.points)
    rows = np.concatenate([loose, np.rint(model.tints * 255).astype("<f4")], axis=1) if model.coloured else loose
    digest.update(rows[np.argsort(hash_rows(rows))].tobytes())
    every = np.concatenate([_single(corners).reshape(-1, 3), loose])
    points, seen = _spread(corners, colours, areas)
    if len(loose):
        points, seen = np.concatenate([points, model.points]), np.concatenate([seen, model.tints])
    return Surface(points, seen, float(areas.sum()), volume, len(np.unique(hash_rows(every))), digest.hexdigest())


def _canonical(model: Model) -> tuple[FloatArray, FloatArray, npt.NDArray[np.intp]]:
    """Return corners and colours, each triangle from its least corner on, in order of place; and an order by content.

    The first order follows a curve through space, so that neighbours in it are neighbours on the surface.
    """
    corners, colours = model.corners, model.colours
    if not len(corners):
        return corners, colours, np.zeros(0, np.intp)
    first = hash_rows(_single(corners).reshape(-1, 3)).reshape(-1, 3).argmin(axis=1)
    turn = (first[:, np.newaxis] + np.arange(3)) % 3
    each = np.arange(len(corners))[:, np.newaxis]
    corners, colours = corners[each, turn], colours[each, turn]
    centres = corners.mean(axis=1)
    low = centres.min(axis=0)
    cells = ((centres - low) / (np.ptp(centres, axis=0).max() or 1) * 1023).astype(np.uint64)
    content = hash_rows(_rows(corners, colours))
    order = np.lexsort((content, _interleaved(cells)))
    return corners[order], colours[order], np.argsort(content[order], kind="stable")


def _spread(corners: FloatArray, colours: FloatArray, areas: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return SAMPLES points at equal steps of the area summed up, and their colours."""
    total = np.cumsum(areas)
    if not len(areas) or not total[-1] > 0:
        return corners.reshape(-1, 3), colours.reshape(-1, 4)
    steps = np.arange(SAMPLES)
    faces = np.searchsorted(total, (steps + 0.5) / SAMPLES * total[-1]).clip(0, len(areas) - 1)
    u, v = ((steps * step) % 1 for step in _STEPS)
    flipped = u + v > 1
    u, v = np.where(flipped, 1 - u, u), np.where(flipped, 1 - v, v)
    shares = np.stack([1 - u - v, u, v], axis=1)[:, :, np.newaxis]
    return (corners[faces] * shares).sum(axis=1), (colours[faces] * shares).sum(axis=1)


def _single(values: FloatArray) -> npt.NDArray[np.float32]:
    """Return single precision, as most formats store; adding 0 makes one of the two zeros."""
    return values.astype("<f4") + np.float32(0)


def _rows(corners: FloatArray, colours: FloatArray) -> npt.NDArray[np.float32]:
    levels = np.rint(colours.reshape(-1, 12) * 255)
    return np.concatenate([_single(corners).reshape(-1, 9), levels.astype("<f4")], axis=1)


def hash_rows(rows: npt.NDArray[np.float32]) -> Hashes:
    """Return a number for each row that only equal rows share, but for one chance in 2**64."""
    words = np.ascontiguousarray(rows).view("<u4").astype(np.uint64)
    state = np.full(len(words), 1, np.uint64)
    for column in range(words.shape[1]):
        state = (state ^ words[:, column]) * _MIX
        state ^= state >> np.uint64(29)
    return state


def _interleaved(cells: npt.NDArray[np.uint64]) -> Hashes:
    """Return the place of cells, shape (n, 3) of 10 bits each, on a Morton curve."""
    place = np.zeros(len(cells), np.uint64)
    for bit in range(10):
        for axis in range(3):
            place |= ((cells[:, axis] >> np.uint64(bit)) & np.uint64(1)) << np.uint64(3 * bit + axis)
    return place
