"""What things become in memory: estimated before they are there, and never too low."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_comfy.memory import Budget, OutOfMemory, in_words, json_cost, parse_size

MANY = 20_000
BOMBS = {
    "objects": b"[" + b"{}," * MANY + b"{}]",
    "lists": b"[" + b"[]," * MANY + b"[]]",
    "lists of one": b"[" + b"[1]," * MANY + b"[]]",
    "nested": b"[" * 900 + b"]" * 900,
    "numbers": b"[" + b"1000," * MANY + b"1]",
    "fractions": b"[" + b"0.5," * MANY + b"1]",
    "texts": b"[" + b'"ab",' * MANY + b"1]",
    "objects of one": b"[" + b'{"a":300},' * MANY + b"1]",
    "objects of a name each": json.dumps([{f"k{i}": i} for i in range(MANY)], separators=(",", ":")).encode(),
    "names": json.dumps({str(i): i for i in range(MANY)}, separators=(",", ":")).encode(),
    "names past a doubling": json.dumps({str(i): 0 for i in range(21_846)}, separators=(",", ":")).encode(),
    "one wide letter": ('["' + "a" * MANY + '\U0001f600"]').encode(),
    "one wide letter, escaped": ('["' + "a" * MANY + '\\ud83d\\ude00"]').encode(),
    "text of two bytes": ('["' + "é" * MANY + '"]').encode(),
}


def taken_by(text):
    """The most bytes that were taken at once while a text was parsed."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        json.loads(text)
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", BOMBS)
def test_estimate_is_never_below_what_bombs_take_nor_far_above(name):
    text = BOMBS[name]
    assert taken_by(text) <= json_cost(text) <= 12 * taken_by(text) + 1_000_000


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=8), inner, max_size=8),
    max_leaves=40,
)


@settings(max_examples=60)
@given(values, st.booleans(), st.integers(1, 30))
def test_estimate_is_never_below_what_any_json_takes(value, ascii_only, times):
    text = json.dumps([value] * times, ensure_ascii=ascii_only, separators=(",", ":")).encode("utf-8", "surrogatepass")
    try:
        taken = taken_by(text)
    except UnicodeDecodeError:  # half of a pair, which JSON in UTF-8 cannot have
        return
    assert taken <= json_cost(text)


def test_estimate_takes_text_for_its_bytes():
    assert json_cost('{"a": "é"}') == json_cost('{"a": "é"}'.encode())


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2GB", 2_000_000_000), ("2 gb", 2_000_000_000), (" 512 MiB ", 512 << 20), ("1.5GiB", 3 << 29),
        ("3000000", 3_000_000), (3_000_000, 3_000_000), ("1MB", 1_000_000), ("2000 kB", 2_000_000),
        ("2000000B", 2_000_000),
    ],
)  # fmt: skip
def test_sizes_as_people_write_them(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "much", "-1GB", "0", "999kB", "1e9", "GB", "2 TB", "nan", "1 GB 2", "٣GB", True, None]
)
def test_what_is_no_size(text):
    with pytest.raises(ValueError, match="at least 1 MB, such as 2GB, 512 MiB or a number of bytes"):
        parse_size(text)


@given(st.integers(10**6, 2**59))
def test_what_is_said_of_a_size_is_near_it(size):
    said = in_words(size)
    number, unit = said.split()
    assert abs(float(number) * {"MB": 10**6, "GB": 10**9}[unit] - size) <= size * 0.006 + 10**6


def test_what_is_held_counts():
    budget = Budget(10_000_000)
    budget.hold(4_000_000, "the first")
    assert budget.left == 6_000_000
    with pytest.raises(OutOfMemory) as caught:
        budget.hold(7_000_000, "the second")
    assert str(caught.value) == (
        "the second takes 7 MB of memory, more than is left of the 10 MB that comfy_max_memory allows one run: "
        "raise it if that is right"
    )
    assert budget.left == 6_000_000
    budget.hold(6_000_000, "the third")
    assert budget.left == 0


def test_budget_without_an_option_names_none():
    with pytest.raises(OutOfMemory, match=r"^it takes 2 MB of memory, more than the 1 MB that one run may take$"):
        Budget(1_000_000, option="").check(2_000_000, "it")
