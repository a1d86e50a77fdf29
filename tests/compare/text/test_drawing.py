from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from pytest_comfy.compare.text.drawing import MOST_BYTES, MOST_SHOWN, WIDTH, text_difference


def test_diff_shows_the_lines_around_what_differs() -> None:
    golden = "\n".join(f"line {n}" for n in range(1, 21))
    assert text_difference(golden.encode(), golden.replace("line 10\n", "other\n").encode()) == (
        "--- golden\n+++ actual\n@@ -7,7 +7,7 @@\n line 7\n line 8\n line 9\n-line 10\n+other\n line 11\n line 12\n"
        " line 13\n"
    )


def test_separate_changes_are_separate_hunks() -> None:
    golden = [f"line {n}" for n in range(100)]
    actual = [line for line in golden if line != "line 90"]
    actual[10] = "changed"
    told = text_difference("\n".join(golden).encode(), "\n".join(actual).encode())
    assert told is not None
    assert [line for line in told.splitlines() if line[0] in "-+@"] == [
        "--- golden", "+++ actual", "@@ -8,7 +8,7 @@", "-line 10", "+changed", "@@ -88,7 +88,6 @@", "-line 90",
    ]  # fmt: skip


def test_json_is_laid_out_anew() -> None:
    told = text_difference(b'{"b":1,"a":[1,2]}', b'{"a":[1,3],"b":1}')
    assert told is not None
    assert "-    2\n+    3\n" in told and '"b": 1' in told
    assert text_difference(b'{"b":1,"a":2}', b'{"a": 2, "b": 1}') is None


def test_control_characters_are_escaped() -> None:
    told = text_difference(b"a", "a\x1b[31m\u202e\tb".encode())
    assert told is not None
    assert "+a\\x1b[31m\\u202e\\tb\n" in told


def test_nothing_to_show() -> None:
    assert text_difference(b"a\nb", b"\xef\xbb\xbfa\r\nb") is None
    assert text_difference(b"", b"") is None
    assert text_difference(b"a" * (MOST_BYTES + 1), b"b") is None


def test_long_texts_are_cut_and_long_lines_go_on() -> None:
    told = text_difference(b"x" * 1000, b"x" * 500 + b"y" + b"x" * 499)
    assert told is not None
    assert sum(line.startswith("+") for line in told.splitlines()) == 2
    many = text_difference("\n".join(f"a{n}" for n in range(5000)).encode(), b"b\n" * 5000)
    assert many is not None
    assert many.endswith("\n... what follows is left out\n")
    assert len(many.splitlines()) == MOST_SHOWN + 3


def test_deep_json_is_shown_as_text() -> None:
    deep = "[" * 900 + "{}" + "]" * 900
    assert text_difference(deep.encode(), deep.replace("{}", "1").encode()) is not None


@given(st.text(max_size=60), st.text(max_size=60))
def test_every_line_is_printable(golden: str, actual: str) -> None:
    told = text_difference(golden.encode("utf-8", "surrogatepass"), actual.encode("utf-8", "surrogatepass"))
    for line in (told or "").split("\n"):
        assert line.isprintable()
        assert len(line) <= 10 * WIDTH


@given(st.lists(st.integers(0, 3), max_size=30), st.lists(st.integers(0, 3), max_size=30))
def test_removed_and_kept_lines_are_the_golden_ones(golden: list[int], actual: list[int]) -> None:
    before, after = ("\n".join(f"v{n}" for n in numbers) for numbers in (golden, actual))
    told = text_difference(before.encode(), after.encode())
    if told is None:
        assert before == after
        return
    for hunk in re.split(r"^@@.*\n", told, flags=re.MULTILINE)[1:]:
        lines = hunk.splitlines()
        old = "\n".join(line[1:] for line in lines if line[0] in "- ")
        new = "\n".join(line[1:] for line in lines if line[0] in "+ ")
        assert old in before and new in after
