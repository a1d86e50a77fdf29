"""Safetensors files as they are and as they must not be."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_comfy.compare import CompareError, UndecodableError
from pytest_comfy.compare.latents.comparing import compare_fingerprints
from pytest_comfy.compare.latents.drawing import draw
from pytest_comfy.compare.latents.fingerprints import fingerprint
from pytest_comfy.compare.latents.reading import read_tensors, usable_values
from pytest_comfy.compare.tolerance import parse_tolerance

from ..mutations import mutated
from .files import TYPES, latent_file, safetensors, samples

GOOD = latent_file(samples((1, 2, 4, 4)))


def values_of(data: bytes) -> Any:
    (tensor,) = read_tensors(data)
    return usable_values(tensor.stored(), tensor.dtype)[0]


def with_header(header: Any, body: bytes = b"\0" * 16) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def entry(**changed: Any) -> bytes:
    return with_header({"a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16], **changed}})


@pytest.mark.parametrize("name", TYPES)
def test_types_of_numpy(name: str) -> None:
    values = np.array([0, 1, 1, 0], name)
    assert values_of(safetensors({"a": values})).tolist() == [0, 1, 1, 0]
    assert fingerprint(safetensors({"a": values}))["tensors"][0]["mean"] == 0.5


@pytest.mark.parametrize(
    ("dtype", "codes", "values"),
    [
        ("BF16", [0x3F80, 0xC000, 0x0000, 0x4049], [1, -2, 0, 3.140625]),
        ("F8_E5M2", [0x3C, 0xC0, 0x00, 0x7B], [1, -2, 0, 57344]),
        ("F8_E4M3", [0x38, 0xC0, 0x01, 0x7E], [1, -2, 2**-9, 448]),
    ],
)
def test_types_that_numpy_has_not(dtype: str, codes: list[int], values: list[float]) -> None:
    stored = np.array(codes, "<u2" if dtype == "BF16" else "u1")
    assert values_of(safetensors({"a": (dtype, stored)})).tolist() == values


@pytest.mark.parametrize(("dtype", "code"), [("BF16", 0x7FC0), ("F8_E5M2", 0x7F), ("F8_E4M3", 0x7F), ("F8_E4M3", 0xFF)])
def test_nan_of_small_types(dtype: str, code: int) -> None:
    data = safetensors({"a": (dtype, np.array([code, 0], "<u2" if dtype == "BF16" else "u1"))})
    assert fingerprint(data)["tensors"][0]["nan"] == 0.5


def test_values_beyond_reason_count_as_infinite() -> None:
    described = fingerprint(safetensors({"a": np.array([1e300, -1e300, np.inf, 1.0])}))["tensors"][0]
    assert (described["inf"], described["mean"], described["high"]) == (0.75, 1, 1)
    huge = fingerprint(safetensors({"a": np.full((1, 2, 3, 3), 1e99)}))
    assert json.loads(json.dumps(huge)) == huge


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "shorter than a header"),
        (b"\xff" * 40, "its header of .* bytes is over"),
        (GOOD[:60], "truncated within its header"),
        (GOOD[:-1], 'truncated: tensor "latent_format_version_0" ends 1 bytes after its end'),
        (GOOD + b"\0", "end 1 bytes before its end"),
        (with_header(b"{"), "header is no JSON"),
        (with_header(b"[1]"), "header is no JSON object"),
        (with_header(b"\xff\xfe{}"), "header is no JSON"),
        (with_header(b"[" * 100_000), "header is no JSON"),
        (with_header(b'{"a": ' + b"[" * 100_000), "header is no JSON"),
        (with_header({"a": 3}), "of unknown type None"),
        (entry(dtype="F4"), "of unknown type 'F4'"),
        (entry(dtype=["F32"]), "of unknown type"),
        (entry(shape=[-2, -2]), "has no shape"),
        (entry(shape=[True, 4]), "has no shape"),
        (entry(shape=[2.0, 2]), "has no shape"),
        (entry(shape=[1] * 9), "has no shape"),
        (entry(shape=[10**30]), "has no shape"),
        (entry(shape=[2**40, 0]), "has 16 bytes"),
        (entry(shape=[2, 3]), "has 16 bytes"),
        (entry(data_offsets=[16, 0]), "has no place"),
        (entry(data_offsets=[0]), "has no place"),
        (entry(data_offsets=[8, 24]), "truncated"),
        (with_header({n: {"dtype": "U8", "shape": [16], "data_offsets": [0, 16]} for n in "ab"}), "overlap"),
        (with_header({n: {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for n in map(str, range(33))}, b""),
         "33 tensors"),
        (with_header({"a" * 201: {"dtype": "U8", "shape": [16], "data_offsets": [0, 16]}}), "a name of 201 characters"),
        (safetensors({"a": np.zeros(2**25 + 1, "u1")}), "33554433 values, more than"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",
)  # fmt: skip
def test_broken_files_are_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(UndecodableError, match=reason):
        fingerprint(data)


def test_control_characters_of_names_are_escaped() -> None:
    with pytest.raises(UndecodableError, match=r'tensor "a\\x1b" is of unknown type'):
        fingerprint(with_header({"a\x1b": {}}))


@given(st.data())
@settings(max_examples=150)
def test_mutated_files_raise_nothing_else(data: st.DataObject) -> None:
    for one in mutated(data, GOOD, 4):
        try:
            made = fingerprint(one)
        except CompareError:
            assert draw(GOOD, one) is None
            continue
        assert json.loads(json.dumps(made, allow_nan=False)) == made
        there, back = (
            compare_fingerprints(*pair, parse_tolerance("normal"))
            for pair in ((fingerprint(GOOD), made), (made, fingerprint(GOOD)))
        )
        assert there.distance == pytest.approx(back.distance)
        draw(GOOD, one)
