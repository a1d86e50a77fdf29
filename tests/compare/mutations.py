"""Broken files for the property tests of readers."""

from __future__ import annotations

from hypothesis import strategies as st


def mutated(data: st.DataObject, good: bytes, most: int) -> tuple[bytes, bytes]:
    """Return a file with up to `most` other bytes, and the same cut short."""
    broken = bytearray(good)
    for _ in range(data.draw(st.integers(1, most))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    return bytes(broken), bytes(broken[: data.draw(st.integers(0, len(broken)))])
