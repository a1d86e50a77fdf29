"""Foreign text in Markdown."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_comfy.report.ci.markdown import escaped, row
from pytest_comfy.report.telling import line

HOSTILE = st.one_of(st.text(), st.text(alphabet="|`*_[]()<>!#&\\\n -.~$@:/w1h"))
BARE = re.compile(r"(?:&#\d+;|[^!-/:-@\[-`{-~]|(?<=[^\W_])[-./](?=[^\W_]))*")


@given(HOSTILE)
@example("_/1")
@example("a_.b")
def test_no_mark_is_left_outside_of_words(text):
    assert BARE.fullmatch(escaped(text))


@given(HOSTILE)
def test_it_is_shown_as_it_was_said(text):
    assert html.unescape(escaped(text)) == line(text)


@pytest.mark.parametrize("text", ["<img src=x>", "[a](http://b)", "a|b", "`a`", "**a**", "# a", "- a", "1. a", "@ann"])
def test_marks(text):
    assert not set("<>[]()|`*#@") & set(re.sub(r"&#\d+;", "", escaped(text)))


def test_addresses_are_no_links():
    text = escaped("see http://evil.example, www.evil.example and WWW.evil.example")
    assert "://" not in text and "www." not in text.lower()


def test_what_people_read_stays_readable():
    assert escaped("workflows/txt2img.json night") == "workflows/txt2img.json night"
    assert row(("a", "b")) == "| a | b |\n"
