"""Which part of a session a machine runs: shards of about the same length, which stay when cases are added."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping

_SLACK = 1.05
"""How much longer than the mean a shard may become: less slack moves more cases when others are added."""
_STEPS = 4
"""Durations count in steps of this part of a doubling, so that another run of a case does not move it."""


def shard_of(seconds: Mapping[str, float], shards: int) -> dict[str, int]:
    """Return item -> its shard, from 0.

    seconds  item -> how long it takes

    Each item has an order of shards of its own, by a hash, and goes to the first that has room for it (consistent
    hashing with bounded loads); the longest choose first. So an item that is added takes the place of few others.
    """
    weights = {item: _stepped(length) for item, length in seconds.items()}
    room = _SLACK * sum(weights.values()) / shards
    loads = [0.0] * shards
    found = {}
    for item in sorted(weights, key=lambda one: (-weights[one], one)):
        order = sorted(range(shards), key=lambda shard: _rank(item, shard))
        fits = (shard for shard in order if loads[shard] + weights[item] <= room)
        shard = next(fits, min(order, key=lambda one: loads[one]))
        loads[shard] += weights[item]
        found[item] = shard
    return found


def _stepped(seconds: float) -> float:
    return float(2.0 ** (round(_STEPS * math.log2(max(seconds, 1e-3))) / _STEPS))


def _rank(item: str, shard: int) -> bytes:
    return hashlib.sha256(f"{shard}:{item}".encode("utf-8", "surrogatepass")).digest()
