from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pytest_comfy.compare.lines import SHOWN, shorten
from pytest_comfy.compare.text.comparing import compare_json, compare_text

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def text(golden: str, actual: str) -> str:
    return compare_text(golden.encode(), actual.encode(), "normal").message


def as_json(golden: Any, actual: Any) -> str:
    return compare_json(json.dumps(golden).encode(), json.dumps(actual).encode(), "normal").message


@pytest.mark.parametrize(
    ("golden", "actual", "message"),
    [
        ("a\nb\nc", "a\nB\nc", 'line 2 is "B", was "b"'),
        ("a\nb", "a", 'line 2 is missing, was "b"'),
        ("a", "a\nb", 'line 2 is new: "b"'),
        ("a\x1b[31m", "a\u202eb", 'line 1 is "a\\u202eb", was "a\\x1b[31m"'),
    ],
)
def test_first_differing_line_is_shown(golden: str, actual: str, message: str) -> None:
    assert text(golden, actual) == message


def test_long_lines_are_cut_around_the_difference() -> None:
    message = text("x" * 500 + "old" + "y" * 500, "x" * 500 + "new" + "y" * 500)
    assert "xnewy" in message and "xoldy" in message
    assert len(message) < 2 * SHOWN + 40


def test_failure_is_of_kind_text_and_hard() -> None:
    comparison = compare_text(b"a", b"b", "normal")
    assert (comparison.verdict, comparison.kinds, comparison.distance) == (
        "different",
        ("text",),
        float("inf"),
    )


def test_line_endings_and_byte_order_mark_do_not_count() -> None:
    assert compare_text(b"a\nb\n", b"\xef\xbb\xbfa\r\nb\r\n", "normal").verdict == "identical"


@given(st.binary(max_size=12).filter(lambda data: b"\r" not in data and b"\xef" not in data))
def test_any_other_difference_of_bytes_counts(data: bytes) -> None:
    assert compare_text(data, data, "normal").passed
    assert not compare_text(data, data + b"\xff", "normal").passed
    assert not compare_text(data + b"\xfe", data + b"\xff", "normal").passed


@given(st.text(max_size=200), st.integers(0, 200))
def test_shortened_text_is_one_printable_line(line: str, start: int) -> None:
    assert shorten(line, start).isprintable()


@pytest.mark.parametrize(
    ("golden", "actual", "message"),
    [
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, "$.a[1].b is 3, was 2"),
        ({"a": 1}, {}, "$.a is missing, was 1"),
        ({}, {"a b": 1}, '$["a b"] is new: 1'),
        ([1], [1, 2], "$[1] is new: 2"),
        ([1, 2], [1], "$[1] is missing, was 2"),
        ([1, 2, 3], [1, 9], "$[1] is 9, was 2"),
        (1, True, "$ is true, was 1"),
        (0, None, "$ is null, was 0"),
        ({"a": {}}, {"a": []}, "$.a is an array of 0 items, was an object of 0 keys"),
        ("a\nb", "a\tb", '$ is "a\\tb", was "a\\nb"'),
    ],
)
def test_first_differing_json_path_is_named(golden: Any, actual: Any, message: str) -> None:
    assert as_json(golden, actual) == message


@given(values)
def test_json_layout_and_key_order_do_not_count(value: Any) -> None:
    spread = json.dumps(value, indent=3, sort_keys=True).encode()
    assert compare_json(json.dumps(value).encode(), spread, "normal").verdict == "identical"


@given(values, values)
def test_json_of_different_value_is_different(golden: Any, actual: Any) -> None:
    assume(json.dumps(golden, sort_keys=True) != json.dumps(actual, sort_keys=True))
    there, back = as_json(golden, actual), as_json(actual, golden)
    assert there.startswith("$") and back.startswith("$")


def test_json_numbers_are_equal_by_value() -> None:
    assert compare_json(b"[1, NaN]", b"[1.0, NaN]", "normal").verdict == "identical"


def test_json_that_became_invalid_is_different() -> None:
    comparison = compare_json(b"{}", b"{", "normal")
    assert (comparison.verdict, comparison.kinds) == ("different", ("text",))
    assert comparison.message.startswith("JSON cannot be parsed any more")


def test_golden_json_that_never_was_valid_is_compared_as_text() -> None:
    assert compare_json(b"{\n1", b"{\n2", "normal").message == 'line 2 is "2", was "1"'


def test_nesting_deeper_than_the_parser_allows_is_judged_all_the_same() -> None:
    deep = b"[" * 200_000
    assert compare_json(deep + b"1", deep + b"2", "normal").verdict == "different"
