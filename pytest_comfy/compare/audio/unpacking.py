"""Two fingerprints of sounds, unpacked and brought onto one grid."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .grid import HOP, Array, block_means, blocks_of
from .packing import BALANCE_STEP, PHASE_STEP, unpack_levels, unpack_shares, unpack_signed
from .spectrum import BANDS, CHROMA, IMAGE_BANDS

QUIET = -60.0
"""LUFS below which loudness is not told apart."""
LARGEST_GAIN = 20.0
"""LU that are taken off before spectra are compared, so that plain gain is loudness and nothing else."""


@dataclass(frozen=True)
class Pair:
    """Two fingerprints unpacked onto one grid, golden first."""

    hops: int
    seconds: float
    loudness: tuple[float, float]
    crest: tuple[float, float]
    arrays: Mapping[str, tuple[Array, Array]]

    @property
    def gain(self) -> float:
        """Return by how many LU the actual sound is louder, as far as it is taken off."""
        return float(np.clip(self.loudness[1] - self.loudness[0], -LARGEST_GAIN, LARGEST_GAIN))

    def span(self, first: int, last: int, cells: int = 1) -> tuple[float, float]:
        """Return the seconds from the first to the end of the last of cells or, with `cells`, of blocks."""
        cell = self.hops * HOP * cells
        return first * cell, min(self.seconds, (last + 1) * cell)


def unpack_pair(golden: Mapping[str, Any], actual: Mapping[str, Any]) -> Pair:
    """Unpack two fingerprints. Raises ValueError, KeyError or TypeError for damaged ones."""
    hops = max(golden["hops"], actual["hops"])
    each = [_reduced(one, hops) for one in (golden, actual)]
    arrays = {name: _common(each[0][name], each[1][name]) for name in each[0]}
    return Pair(
        hops,
        max(golden["samples"], actual["samples"]) / golden["rate"],
        (_loudness(golden), _loudness(actual)),
        (golden["crest"], actual["crest"]),
        arrays,
    )


def _loudness(fingerprint: Mapping[str, Any]) -> float:
    kept = fingerprint["loudness"]
    return QUIET if kept is None else max(QUIET, float(kept))


def _reduced(kept: Mapping[str, Any], hops: int) -> dict[str, Array]:
    cells, others = int(kept["cells"]), int(kept["channels"]) - 1
    blocks = blocks_of(cells)
    arrays = {
        "mel": unpack_levels(kept["mel"], cells, BANDS),
        "level": unpack_levels(kept["level"], cells),
        "quietest": unpack_levels(kept["quietest"], cells),
        "sharpest": unpack_levels(kept["sharpest"], cells),
        "pitch": unpack_shares(kept["pitch"], blocks, CHROMA),
        "balance": unpack_signed(kept["balance"], BALANCE_STEP, blocks, IMAGE_BANDS, others),
        "phase": unpack_signed(kept["phase"], PHASE_STEP, blocks, IMAGE_BANDS, others),
    }
    at = int(kept["hops"])
    while 0 < at < hops:
        arrays = _halved(arrays)
        at *= 2
    return arrays


def _halved(fine: Mapping[str, Array]) -> dict[str, Array]:
    """Bring a fingerprint onto the grid with cells twice as long, as nearly as its rounding lets."""
    power = 10 ** (fine["mel"] / 10)
    in_block = block_means(power.reshape(len(power), IMAGE_BANDS, -1).sum(axis=2))
    share = 1 / (1 + 10 ** (-fine["balance"] / 10))
    share = _joined(share, in_block[:, :, None])
    return {
        "mel": _levels_joined(fine["mel"]),
        "level": _levels_joined(fine["level"]),
        "quietest": -_joined(-fine["quietest"], None, np.max),
        "sharpest": _joined(fine["sharpest"], None, np.max),
        "pitch": _joined(fine["pitch"], in_block.sum(axis=1, keepdims=True)),
        "balance": 10 * np.log10(share / (1 - share)),
        "phase": _joined(fine["phase"], in_block[:, :, None]),
    }


def _levels_joined(levels: Array) -> Array:
    """Join levels two by two, each with its neighbours, as the wider cells overlap by half as well."""
    wide = np.pad(10 ** (levels / 10), [(1, 1), *[(0, 0)] * (levels.ndim - 1)], mode="edge")
    return np.asarray(10 * np.log10(_joined((wide[:-2] + 2 * wide[1:-1] + wide[2:]) / 4, None)))


def _joined(values: Array, weights: Array | None, reduce: Callable[..., Any] = np.average) -> Array:
    """Reduce rows two by two; one that is left over goes with the last."""
    pairs = max(1, len(values) // 2)
    ends = [*range(2, 2 * pairs, 2), len(values)]
    parts = [slice(start, end) for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    if weights is None:
        return np.stack([reduce(values[part], axis=0) for part in parts])
    even = np.broadcast_to(weights, values.shape)
    return np.stack([np.average(values[part], axis=0, weights=even[part]) for part in parts])


def _common(golden: Array, actual: Array) -> tuple[Array, Array]:
    """Cut both to the cells that both have; where one has more, the last common one ends elsewhere."""
    count = min(len(golden), len(actual))
    if len(golden) != len(actual) and count > 1:
        count -= 1
    return golden[:count], actual[:count]
