"""The diff of two texts on the page."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_comfy.report.html.diffing import MOST_LINES, MOST_SHOWN, text_diff


def told(golden, actual):
    return [(line.what, line.before, line.after, "".join(words for _, words in line.spans))
            for line in text_diff(golden, actual)[0]]  # fmt: skip


def test_lines_have_their_numbers_in_both_texts():
    assert told("a\nb\nc", "a\nx\ny\nc") == [
        ("equal", 1, 1, "a"), ("removed", 2, None, "b"), ("added", None, 2, "x"), ("added", None, 3, "y"),
        ("equal", 3, 4, "c"),
    ]  # fmt: skip


def test_words_that_differ_are_marked_in_lines_that_are_alike():
    lines, _ = text_diff("a quiet street at dawn", "a quiet street at dusk")
    assert [[words for marked, words in line.spans if marked] for line in lines] == [["dawn"], ["dusk"]]
    lines, _ = text_diff("a quiet street", "nothing of that kind, at all")
    assert not any(marked for line in lines for marked, _ in line.spans)


def test_what_is_far_from_a_difference_is_left_out():
    golden = "\n".join(map(str, range(100)))
    lines = told(golden, golden.replace("50", "fifty"))
    assert lines[0][0] == "gap" and [line[1] for line in lines[1:5]] == [48, 49, 50, 51]


def test_equal_texts_have_no_diff():
    assert text_diff("a\nb", "a\nb") == ([], False)


def test_long_texts_are_cut_and_it_is_told():
    lines, cut = text_diff("\n".join(f"a{at}" for at in range(MOST_LINES)), "")
    assert len(lines) == MOST_SHOWN and cut
    assert text_diff("\n".join("a" * (MOST_LINES + 1)), "b")[1]


TEXTS = st.lists(st.sampled_from(["a", "b", "a b", "a c", ""]), max_size=12).map("\n".join)


@given(TEXTS, TEXTS)
def test_both_texts_can_be_read_from_the_diff(golden, actual):
    """Every line that is shown is the line of that number; what is not shown is equal in both."""
    before, after = golden.splitlines(), actual.splitlines()
    lines = told(golden, actual)
    for _, i, k, text in lines:
        assert i is None or before[i - 1] == text
        assert k is None or after[k - 1] == text
    shown = {i for _, i, _, _ in lines}, {k for _, _, k, _ in lines}
    assert [line for at, line in enumerate(before, 1) if at not in shown[0]] == [
        line for at, line in enumerate(after, 1) if at not in shown[1]
    ]
