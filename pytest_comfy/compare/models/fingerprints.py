"""Make the fingerprint of a model: sizes and counts, and three views of how its surface lies in space."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np

from ..packing import pack_levels, rounded
from .reading import FloatArray, Model, read_model
from .surface import Surface, surface_of

VERSION = 2
"""Version of the fingerprint; others cannot be compared with it and are made anew from the file."""
SIDE = 20
"""Cells along each side of a view."""
AXES = "xyz"
"""The axes along which the views look."""


def fingerprint(data: bytes) -> dict[str, Any]:
    """Describe a model for comparison without it.

    version, content_sha256 (of triangles with their colours, in any order, and materials), faces, points (that
    belong to no face), vertices (distinct places), meshes, materials, textures, coloured, broken (share of faces
    and points that are not finite); where something finite is left as well: bounds (lowest and highest corner),
    area, volume (signed), views (one along each axis, SIDE x SIDE: shares of the surface in each cell of a cube
    around it, as square roots of the share of `peak`, 8-bit in base85), peak, tints (mean RGB of each of the
    eight parts of the cube) and weights (shares of the surface in them), and maps (of textures).
    Raises UndecodableError, and MissingExtraError without trimesh.
    """
    model = read_model(data)
    count = len(model.corners) + len(model.points)
    finite = finite_part(model)
    left = len(finite.corners) + len(finite.points)
    surface = surface_of(finite)
    content = hashlib.sha256(f"{surface.digest} {count - left} {model.materials.digest}".encode()).hexdigest()
    described: dict[str, Any] = {
        "version": VERSION,
        "content_sha256": content,
        "faces": len(model.corners),
        "points": len(model.points),
        "vertices": surface.vertices,
        "meshes": model.meshes,
        "materials": model.materials.count,
        "textures": model.materials.textures,
        "coloured": model.coloured,
        "broken": rounded((count - left) / count) if count else 0.0,
        "maps": list(model.materials.maps),
    }
    if left:
        ends = np.concatenate([finite.corners.reshape(-1, 3), finite.points])
        described.update(_shape(surface, ends.min(axis=0), ends.max(axis=0)))
    return described


def frame_of(low: FloatArray, high: FloatArray) -> tuple[FloatArray, float]:
    """Return the least corner and the side of the cube around a box, of the same middle."""
    side = float((high - low).max()) or 1.0
    return (low + high - side) / 2, side


def finite_part(model: Model) -> Model:
    """Leave out what is not finite, or so large that its area is not."""
    faces = (np.abs(model.corners) < 1e30).all(axis=(1, 2))
    points = (np.abs(model.points) < 1e30).all(axis=1)
    if faces.all() and points.all():
        return model
    return replace(
        model,
        corners=model.corners[faces],
        colours=model.colours[faces],
        points=model.points[points],
        tints=model.tints[points],
    )


def _shape(surface: Surface, low: FloatArray, high: FloatArray) -> dict[str, Any]:
    corner, side = frame_of(low, high)
    places = (surface.points - corner) / side
    views = np.stack([view_of(np.delete(places, axis, axis=1)) for axis in range(3)])
    peak = float(views.max())
    weights, tints = _tints(places, surface.colours)
    return {
        "bounds": [[rounded(float(one)) for one in ends] for ends in (low, high)],
        "area": rounded(surface.area),
        "volume": rounded(surface.volume),
        "views": pack_levels(np.sqrt(views / peak)),
        "peak": rounded(peak),
        "weights": pack_levels(weights),
        "tints": pack_levels(tints),
    }


def view_of(places: FloatArray, weights: FloatArray | float = 1.0) -> FloatArray:
    """Return the share of points in each cell, shape (SIDE, SIDE); a point counts for the four cells around it.

    places   from 0 to 1, shape (n, 2)
    weights  how much each point counts, shape (n,)
    """
    at = places.clip(0, 1) * (SIDE - 1)
    cell = np.floor(at).astype(np.intp).clip(0, SIDE - 2)
    part = at - cell
    view = np.zeros(SIDE * SIDE)
    for column in (0, 1):
        for row in (0, 1):
            share = np.abs(1 - column - part[:, 0]) * np.abs(1 - row - part[:, 1]) * weights
            view += np.bincount((cell[:, 1] + row) * SIDE + cell[:, 0] + column, share, SIDE * SIDE)
    return view.reshape(SIDE, SIDE) / (view.sum() or 1)


def _tints(places: FloatArray, colours: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the share of points in each of the eight parts of the cube, and their mean colours, shape (8, 3)."""
    parts = (places >= 0.5) @ np.array([1, 2, 4])
    counts = np.bincount(parts, minlength=8)
    sums = np.stack([np.bincount(parts, colours[:, channel].clip(0, 1), 8) for channel in range(3)], axis=1)
    return counts / len(places), sums / np.maximum(counts, 1)[:, np.newaxis]
