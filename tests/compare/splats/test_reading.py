"""Splats: the four formats hold the same, and nothing in a file does harm."""

from __future__ import annotations

import contextlib
import gzip
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_comfy.compare import CompareError
from pytest_comfy.compare.memory import within
from pytest_comfy.compare.result import TooLargeError, UndecodableError
from pytest_comfy.compare.splats.fingerprints import fingerprint
from pytest_comfy.compare.splats.reading import read_splats
from pytest_comfy.memory import Budget

from .files import ksplat, ply, scene, splat, spz

SCENE = scene(count=600)
FILES = {
    "ply": ply(SCENE),
    "ply, big-endian": ply(SCENE, "binary_big_endian"),
    "ply, text": ply(SCENE, "ascii"),
    "ply, CRLF": ply(SCENE, newline="\r\n"),
    "splat": splat(SCENE),
    "ksplat 0": ksplat(SCENE),
    "ksplat 0 with harmonics": ksplat(SCENE, degree=1),
    "ksplat 1": ksplat(SCENE, 1, 1),
    "ksplat 2": ksplat(SCENE, 2, 1),
    "ksplat 1 of two sections": ksplat(SCENE, 1, sections=2),
    "spz 1": spz(SCENE, 1),
    "spz 2": spz(SCENE, 2, 1),
    "spz 3": spz(SCENE, 3),
}
HARMONICS = {name for name in FILES if name.startswith("ply") or name in ("spz 2", "ksplat 0 with harmonics",
                                                                          "ksplat 1", "ksplat 2")}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_every_format_is_read_for_what_was_written(name):
    found = read_splats(FILES[name])
    for key, wanted, near in (
        ("places", SCENE["places"], 2e-3),
        ("sizes", SCENE["sizes"], 2e-3),
        ("opacities", SCENE["opacities"], 4e-3),
        ("colours", SCENE["colours"], 6e-3),
    ):
        assert np.abs(getattr(found, key) - wanted).max() < near, key
    # A quaternion and its negative are the same turn; the one of three bytes loses much of what is near a half turn.
    assert np.quantile(1 - np.abs((found.turns * SCENE["turns"]).sum(axis=1)), 0.9) < 2e-3
    gloss = np.sqrt((SCENE["harmonics"] ** 2).mean(axis=1)) if name in HARMONICS else np.zeros(600)
    assert np.abs(found.gloss - gloss).max() < 6e-3


def with_header(old, new):
    return FILES["ply"].replace(old, new)


def spz_of(content):
    return gzip.compress(content, mtime=0)


BROKEN = {
    "empty": (b"", "no Gaussian splats"),
    "short": (b"\0" * 31, "no Gaussian splats"),
    "only a beginning": (b"ply\n", "no end"),
    "cut": (FILES["ply"][:-1], "broken or truncated"),
    "less than none": (with_header(b"vertex 600", b"vertex -1"), "of -1 splats"),
    "too many": (with_header(b"vertex 600", b"vertex 999999999999"), "more than"),
    "lists": (with_header(b"property float x", b"property list uchar int x"), "have lists"),
    "without a place": (with_header(b"property float x", b"property float q"), "broken or truncated"),
    "faces first": (with_header(b"element vertex", b"element face"), "begins with 'face'"),
    "cut SPZ": (FILES["spz 2"][:-20], "broken or truncated"),
    "packed text": (spz_of(b"no splats at all, only text"), "not known"),
    "SPZ of tomorrow": (spz_of(struct.pack("<IIIBBBB", 0x5053474E, 4, 1, 0, 12, 0, 0)), "not known"),
    "SPZ of too many": (spz_of(struct.pack("<IIIBBBB", 0x5053474E, 2, 2**31, 0, 12, 0, 0)), "more than"),
    "cut KSPLAT": (FILES["ksplat 1"][:-20], "broken or truncated"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_told_in_one_sentence(name):
    data, told = BROKEN[name]
    with pytest.raises(UndecodableError, match=told):
        read_splats(data)


def test_what_does_not_fit_into_memory_is_refused_before_it_is_read():
    bomb = gzip.compress(struct.pack("<IIIBBBB", 0x5053474E, 2, 2**22, 0, 12, 0, 0) + bytes(2**26), 1)
    with within(Budget(10_000_000)), pytest.raises(TooLargeError, match="4194304 splats"):
        read_splats(bomb)


def test_a_splat_without_a_turn_is_not_turned_and_one_that_is_no_number_is_broken():
    still = scene(count=64)
    still["turns"] = np.zeros((64, 4))
    assert np.array_equal(read_splats(ply(still)).turns, np.tile([1.0, 0, 0, 0], (64, 1)))
    still["turns"][:16] = np.nan
    assert fingerprint(ply(still))["broken"] == 0.25


@settings(max_examples=150)
@given(st.sampled_from(sorted(FILES)), st.data())
def test_any_change_of_bytes_is_read_or_refused(name, data):
    changed = bytearray(FILES[name])
    head = min(len(changed), 5200)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, head - 1))
        changed[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    with contextlib.suppress(CompareError):
        fingerprint(bytes(changed))


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda data: b"ply\n" + data)
       | st.binary(max_size=200).map(gzip.compress))  # fmt: skip
def test_any_bytes_are_read_or_refused(data):
    with contextlib.suppress(CompareError):
        fingerprint(data)
