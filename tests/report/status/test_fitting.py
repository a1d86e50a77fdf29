"""Lines of a terminal, as wide as they are shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_comfy.report.status.fitting import Piece, cut, fitted, one_line, width_of

PIECES = st.lists(st.builds(Piece, st.text(max_size=30), st.integers(0, 12), st.integers(0, 6)), min_size=1, max_size=7)


@pytest.mark.parametrize(
    ("text", "width"), [("abc", 3), ("写真", 4), ("e\u0301", 1), ("🦊", 2), ("a\u200db", 2), ("", 0)]
)
def test_width_is_that_on_the_terminal(text, width):
    assert width_of(text) == width


@given(st.text(), st.integers(0, 40))
def test_what_is_cut_fits_and_begins_as_it_did(text, width):
    short = cut(text, width)
    assert width_of(short) <= width
    assert short == text or not short or (short.endswith("…") and text.startswith(short[:-1]))


@given(PIECES, st.integers(1, 100))
def test_line_fits(pieces, width):
    assert width_of(fitted(pieces, width)) <= width


@given(PIECES)
def test_what_there_is_room_for_stands_whole(pieces):
    assert fitted(pieces, 1000) == "  ".join(piece.text for piece in pieces if piece.text)


def test_least_important_goes_and_the_rest_is_cut():
    pieces = [Piece("2/5", rank=1), Piece("a_long_name.json", least=8, rank=2), Piece("about 2 min left", rank=5)]
    assert fitted(pieces, 40) == "2/5  a_long_name.json  about 2 min left"
    assert fitted(pieces, 36) == "2/5  a_long_name.…  about 2 min left"
    assert fitted(pieces, 21) == "2/5  a_long_name.json"
    assert fitted(pieces, 15) == "2/5  a_long_na…"


@given(st.text())
def test_foreign_text_is_one_line_without_controls(text):
    line = one_line(text)
    assert line.isprintable() or not any(char in line for char in "\x1b\n\r\t\x00\x07\x9b\u202e\u2067\u2028")
    assert len(line) <= 200 and "\n" not in line and "\x1b" not in line
