from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_comfy.compare import Comparison, Kept, TextRule, compare_output, parse_text_rule
from pytest_comfy.compare.text.comparing import compare_words
from pytest_comfy.compare.text.numbers import compare_numbers
from pytest_comfy.compare.tolerance import parse_tolerance

Keep = Callable[..., Kept]
NUMBERS = TextRule("numbers")


def numbers(golden: str, actual: str, rule: TextRule = NUMBERS, tolerance: str = "normal") -> Comparison:
    return compare_numbers(golden.encode(), actual.encode(), parse_tolerance(tolerance), rule)


@pytest.mark.parametrize(
    ("setting", "rule"),
    [
        ("whitespace", TextRule("whitespace")),
        ({"regex": "a+"}, TextRule("regex", pattern="a+")),
        ({"numbers": 0.5}, TextRule("numbers", relative=0.5)),
        ({"absolute": 2}, TextRule("numbers", absolute=2)),
        ({"relative": 0, "absolute": 2}, TextRule("numbers", relative=0, absolute=2)),
        (TextRule("json"), TextRule("json")),
    ],
)
def test_rules_are_read_from_settings(setting: Any, rule: TextRule) -> None:
    assert parse_text_rule(setting) == rule


@pytest.mark.parametrize(
    "setting",
    ["", "Exact", 3, None, {}, {"regex": 3}, {"regex": "(", "numbers": 1}, {"regex": "a{99999999999}"}, {"regex": "(?"},
     {"numbers": float("nan")}, {"numbers": True}, {"relative": "1"}, ["exact"]],
)  # fmt: skip
def test_what_is_no_rule_is_a_value_error(setting: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_text_rule(setting)


def test_limits_and_patterns_belong_to_their_modes() -> None:
    for arguments in ({"pattern": "a"}, {"mode": "regex"}, {"mode": "json", "relative": 1.0}):
        with pytest.raises(ValueError, match=r"regular expression|limits of numbers"):
            TextRule(**arguments)


@pytest.mark.parametrize(
    ("golden", "actual", "message"),
    [
        ("a b\nc", "a\nb\nd", 'word 3, line 3: "d", was "c"'),
        ("a b", "a b\n c", 'word 3, line 2: "c" is new'),
        ("a b\n\nc", "a b", 'word 3, "c" of line 3 is missing'),
    ],
)
def test_first_differing_word_is_named(golden: str, actual: str, message: str) -> None:
    comparison = compare_words(golden.encode(), actual.encode(), "normal")
    assert (comparison.verdict, comparison.kinds, comparison.message) == ("different", ("text",), message)


@given(st.lists(st.text(alphabet="ab1.\u00e9", min_size=1, max_size=4), max_size=6), st.data())
def test_spacing_does_not_count_among_words(words: list[str], data: st.DataObject) -> None:
    space = st.text(alphabet=" \t\r\n", min_size=1, max_size=3)
    spaced = "".join(data.draw(space) + word for word in words) + data.draw(space)
    assert compare_words(" ".join(words).encode(), spaced.encode(), "exact").verdict == "identical"


@pytest.mark.parametrize(
    ("golden", "actual", "message"),
    [
        ("a\nx = 100", "a\nx = 101", "line 2 is 101, was 100: moved 0.99 % (normal allows 0.1 %)"),
        ("loss  9.99", "loss 10.50", "line 1 is 10.50, was 9.99: moved 4.86 % (normal allows 0.1 %)"),
        ("a -5", "a 5", "line 1 is 5, was -5: moved 200 % (normal allows 0.1 %)"),
        ("a 5 b", "a 5 c", 'line 1 is "a 5 c", was "a 5 b"'),
        ("a 5\nb 6", "a 5\nb", 'line 2 is "b", was "b 6"'),
        ("1e5", "1e400", "line 1 is 1e400, was 1e5: moved inf % (normal allows 0.1 %)"),
        ('{"a": [1, 2]}', '{"a": [1, 3]}', "$.a[1] is 3, was 2: moved 33.3 % (normal allows 0.1 %)"),
        ('{"a": 1}', '{"a": "1"}', '$.a is "1", was 1'),
        ('["x 1"]', '["x 2"]', "$[0] is 2, was 1: moved 50 % (normal allows 0.1 %)"),
        ('["x\\ny 1"]', '["x\\ny 2"]', "$[0], line 2 is 2, was 1: moved 50 % (normal allows 0.1 %)"),
        ("[NaN]", "[1]", "$[0] is 1, was nan: moved inf % (normal allows 0.1 %)"),
        ("[true]", "[1]", "$[0] is 1, was true"),
    ],
)
def test_number_that_moved_most_is_named(golden: str, actual: str, message: str) -> None:
    comparison = numbers(golden, actual)
    assert (comparison.verdict, comparison.kinds, comparison.message) == ("different", ("text",), message)


def test_number_keeps_either_limit() -> None:
    rule = TextRule("numbers", relative=0.01, absolute=0.5)
    assert numbers("0.1 and 1000", "0.5 and 1009", rule).passed
    worst = numbers("0.1 and 1000", "0.7 and 1009", rule)
    assert worst.message == "line 1 is 0.7, was 0.1: moved 0.6 (the rule allows 0.5)"
    assert worst.parts["numbers"].distance == worst.distance == pytest.approx(1.2)


@pytest.mark.parametrize(("golden", "actual"), [("x 1.50", "x 1.5"), ("[1, 2e3]", "[1.0,2000]"), ("1e999", "1e999")])
def test_equal_numbers_written_otherwise_are_equal(golden: str, actual: str) -> None:
    assert numbers(golden, actual, tolerance="exact").verdict == "identical"


def test_exact_sees_what_a_double_does_not_hold() -> None:
    assert not numbers("10000000000000000000000", "10000000000000000000001", tolerance="exact").passed
    assert numbers("10000000000000000000000", "10000000000000000000001").verdict == "within tolerance"


@given(st.floats(-1e6, 1e6), st.floats(0, 0.1), st.floats(0, 0.1))
def test_numbers_are_judged_symmetrically_and_in_order(value: float, less: float, more: float) -> None:
    less, more = sorted((less, more))
    near, far = (numbers(f"x {value!r} y", f"x {value * (1 + by)!r} y") for by in (less, more))
    back = numbers(f"x {value * (1 + more)!r} y", f"x {value!r} y")
    assert near.distance <= far.distance + 1e-9
    assert back.distance == far.distance


@given(st.text(alphabet='0123.e-+ \n[]{}:,"ab', max_size=30), st.text(alphabet='0123.e-+ \n[]{}:,"ab', max_size=30))
def test_any_texts_can_be_compared_by_numbers(golden: str, actual: str) -> None:
    there, back = numbers(golden, actual), numbers(actual, golden)
    assert (there.passed, there.distance) == (back.passed, back.distance)
    assert numbers(golden, golden).verdict == "identical"


def test_plain_text_that_is_json_on_both_sides_is_compared_by_value(keep: Keep) -> None:
    golden = keep(b'{"a": 1}', "text/plain")
    assert compare_output(golden, b'\xef\xbb\xbf{ "a":1 }', "text/plain").verdict == "identical"
    assert compare_output(golden, b'{"a":2}', "text/plain").message == "$.a is 2, was 1"
    assert compare_output(golden, b"{", "text/plain").message == 'line 1 is "{", was "{"a": 1}"'
    assert not compare_output(keep(b"1.0", "text/plain"), b"1", "text/plain").passed
    assert not compare_output(golden, b'{"a":1}', "text/plain", text=TextRule("exact")).passed


def test_pattern_needs_no_golden_text(keep: Keep) -> None:
    golden = keep(b"seed 5", "text/plain", file=False)
    rule = TextRule("regex", pattern=r"seed [0-9]+")
    matched = compare_output(golden, b"\xef\xbb\xbfseed 77", "text/plain", text=rule)
    assert (matched.verdict, matched.message) == ("within tolerance", "the text matches the pattern seed [0-9]+")
    assert compare_output(golden, b"seed 5", "text/plain", text=rule).verdict == "identical"
    apart = compare_output(golden, b"seed 77\nmore", "text/plain", text=rule)
    assert (apart.verdict, apart.kinds) == ("different", ("text",))
    assert not compare_output(golden, b"seed 5", "text/plain", text=replace(rule, pattern="x")).passed
    flagged = replace(rule, pattern="(?si)SEED.*")
    assert compare_output(golden, b"seed 77\nmore", "text/plain", text=flagged).passed


@given(st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=4), max_size=3))
def test_json_rule_ignores_layout(value: Any) -> None:
    kept = Kept("text/plain", "", None, None, (), lambda: json.dumps(value).encode())
    spread = json.dumps(value, indent=2).encode()
    assert compare_output(kept, spread, "text/plain", text=TextRule("json")).verdict == "identical"
