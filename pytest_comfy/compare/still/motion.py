"""Whether a picture was moved as a whole: shifted, zoomed and turned, found by aligning one with the other."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .maps import Floats

EXPLAINED, EXPLAINED_ROUGH, EXPLAINED_NEARBY = 0.75, 0.6, 0.4
"""Share of the squared difference that must be gone once the pictures are aligned, to call it a move: of pictures, of
fingerprints, and of either by less than NEARBY of the shorter side, where what is no move explains 0.1 at most."""
NEARBY = 0.02
FARTHEST, WIDEST, STEEPEST = 0.25, 1.25, 15.0
"""Share of the side, factor and degrees up to which it is a move, rather than two pictures that resemble each other."""
OVERLAP = 0.5
"""Share of the picture that must be in both for that."""
SEEN = 0.25
"""Pixels that something must move by, at the border of the picture, to be told."""

_LEVELS = (32, 64, 128, 256)
_ROUNDS = 12
_CONVERGED = 1e-3  # of the pixel of a level, at the border
_ROUNDING = 1 / 6  # squared levels that the difference of two maps has for being rounded

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Motion:
    """How the content of a picture moved, about its middle.

    right, down  pixels, below zero to the left and up
    zoom         factor, above 1 where things became larger
    turn         degrees, clockwise
    rough        whether it was found in fingerprints, so that it is known to a pixel or so
    left         levels by which luma still differs once aligned, of cells as in fingerprints, 0 beyond the border
    """

    right: float
    down: float
    zoom: float
    turn: float
    rough: bool
    left: Floats


def motion_between(golden: Floats, actual: Floats, size: tuple[int, int], rounded: bool = False) -> Motion | None:
    """Return how the content moved, None where that explains too little of what differs.

    golden, actual  luma (rows, columns), each value the mean of an equal part of a picture of `size` pixels
    rounded         whether the values were rounded to levels
    """
    rows, columns = golden.shape
    if min(rows, columns) < 8:
        return None
    scale = size[0] / columns
    parameters, explained = _aligned(golden, actual, rounded)
    x, y, wider, turned = parameters.tolist()
    # The parameters say where what is seen now came from: the move is the way back.
    inverse = 1 / complex(1 + wider, turned)
    moved = -complex(x, y * (size[1] / rows) / scale) * inverse * scale
    border = abs(inverse - 1) * min(size) / 2 + abs(moved)
    least = EXPLAINED_NEARBY if border < NEARBY * min(size) else EXPLAINED_ROUGH if rounded else EXPLAINED
    turn = math.degrees(math.atan2(inverse.imag, inverse.real))
    far = max(abs(moved.real) / size[0], abs(moved.imag) / size[1]) > FARTHEST
    if explained < least or border < SEEN or far or abs(turn) > STEEPEST or not 1 / WIDEST < abs(inverse) < WIDEST:
        return None
    warped, inside = _warped(golden, _from_the_middle(golden.shape), parameters)
    left = _reduced(np.where(inside, actual - warped, np.float32(0)), max(1, min(golden.shape) // _LEVELS[0]))
    return Motion(moved.real, moved.imag, abs(inverse), turn, rounded, np.abs(left))


def _aligned(golden: Floats, actual: Floats, rounded: bool) -> tuple[Vector, float]:
    """Return the parameters of where each pixel came from, in pixels of the given planes, and what they explain.

    x + p0 + p2 u - p3 v and y + p1 + p2 v + p3 u, where u and v lead from the middle to x and y.
    """
    still, shift = np.zeros(4), _shift(golden, actual)
    candidates, explained = [still, shift] if shift.any() else [still], 0.0
    for before, after, factor in _pyramid(golden, actual):
        unit = np.array([factor, factor, 1, 1])
        found = [_refined(before, after, candidate / unit, rounded) for candidate in candidates]
        best, explained = max(found, key=lambda one: one[1])
        candidates = [best * unit]
    return candidates[0], explained


def _pyramid(golden: Floats, actual: Floats) -> Iterator[tuple[Floats, Floats, int]]:
    """Yield both planes from coarse to fine, and how many of their pixels make one."""
    for level in _LEVELS:
        factor = max(1, min(golden.shape) // level)
        yield _reduced(golden, factor), _reduced(actual, factor), factor
        if factor == 1:
            return


def _reduced(plane: Floats, factor: int) -> Floats:
    rows, columns = (length // factor for length in plane.shape)
    cells = plane[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor)
    return np.asarray(cells.mean(axis=(1, 3)), dtype=np.float32)


def _refined(golden: Floats, actual: Floats, parameters: Vector, rounded: bool) -> tuple[Vector, float]:
    """Return the parameters that align two planes best, by Gauss and Newton's method, and what they explain."""
    v, u = middle = _from_the_middle(golden.shape)
    best, most = parameters, -math.inf
    for _ in range(_ROUNDS):
        warped, inside = _warped(golden, middle, parameters)
        if inside.mean() < OVERLAP:
            break
        residual = (actual - warped)[inside]
        noise = _ROUNDING * residual.size if rounded else 0.0
        total = float(np.square((actual - golden)[inside]).sum()) - noise
        left = max(0.0, float(np.square(residual).sum()) - noise)
        explained = 1 - left / total if total > noise else 0.0  # what is mostly rounding explains nothing
        if explained > most:
            best, most = parameters, explained
        dy, dx = _slope(warped), _slope(warped.T).T
        slopes = np.stack([dx, dy, dx * u + dy * v, dy * u - dx * v])[:, inside].astype(np.float64)
        step = np.linalg.lstsq(slopes @ slopes.T, slopes @ residual, rcond=None)[0]
        parameters = parameters + step
        if float(np.abs(step * (1, 1, golden.shape[1] / 2, golden.shape[1] / 2)).max()) < _CONVERGED:
            break
    return best, most


def _from_the_middle(shape: tuple[int, int]) -> Floats:
    """Return how far each pixel is below and to the right of the middle."""
    middle = (np.array(shape, dtype=np.float32) - 1) / 2
    return np.asarray(np.indices(shape) - middle[:, None, None], dtype=np.float32)


def _slope(plane: Floats) -> Floats:
    """Return how much each row is above the one before and the next, half of it, as `np.gradient`, much faster."""
    slope = np.empty_like(plane)
    np.subtract(plane[2:], plane[:-2], out=slope[1:-1])
    slope[1:-1] /= 2
    slope[0], slope[-1] = plane[1] - plane[0], plane[-1] - plane[-2]
    return slope


def _warped(plane: Floats, middle: Floats, parameters: Vector) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return the plane moved as the parameters say, and which pixels come from inside of it."""
    right, down, wider, turned = parameters.astype(np.float32)
    v, u = middle
    x, y = u + (plane.shape[1] - 1) / 2, v + (plane.shape[0] - 1) / 2
    return _sampled(plane, x + right + wider * u - turned * v, y + down + wider * v + turned * u)


def _sampled(plane: Floats, x: Floats, y: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return the plane at places between its pixels, and which of them lie inside of it."""
    rows, columns = plane.shape
    inside = (x >= 0) & (x <= columns - 1) & (y >= 0) & (y <= rows - 1)
    x, y = x.clip(0, columns - 1), y.clip(0, rows - 1)
    left, top = np.minimum(x.astype(np.intp), columns - 2), np.minimum(y.astype(np.intp), rows - 2)
    x, y = (x - left).astype(np.float32), (y - top).astype(np.float32)
    flat, at = plane.ravel(), top * columns + left
    upper = flat[at] * (1 - x) + flat[at + 1] * x
    lower = flat[at + columns] * (1 - x) + flat[at + columns + 1] * x
    return upper * (1 - y) + lower * y, inside


def _shift(golden: Floats, actual: Floats) -> Vector:
    """Return the parameters of the shift by whole pixels that phase correlation finds: it may be far."""
    window = np.outer(*(np.hanning(length + 2)[1:-1] for length in golden.shape))
    before, after = (np.fft.rfft2((plane - plane.mean()) * window) for plane in (golden, actual))
    cross = before * after.conj()
    peak = np.fft.irfft2(cross / (np.abs(cross) + 1e-6 * np.abs(cross).max() + 1e-12), s=golden.shape)
    at = np.unravel_index(int(peak.argmax()), peak.shape)
    down, right = (
        float(place - length if place > length // 2 else place) for place, length in zip(at, peak.shape, strict=True)
    )
    return np.array([right, down, 0.0, 0.0])
