"""Workflow commands, held against how GitHub's runner reads a line of the log."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from pytest_comfy.report.ci.commands import command, neutral

COMMANDS = ("error", "warning", "add-mask", "stop-commands", "group")
HOSTILE = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(
            [
                "::",
                ":",
                "##[",
                "#",
                "[",
                "]",
                "\n",
                "\r",
                " ",
                "\t",
                "\u00a0",
                "\u2028",
                "%0A",
                "%",
                ",",
                "=",
                *COMMANDS,
            ]
        ),
        max_size=12,
    ).map("".join),
)


def commands_in(text):
    """What the runner takes for commands: a line that begins with ::name ...::, or has ##[name ...] anywhere."""
    found = []
    for line in re.split(r"\r\n|\r|\n", text):
        if match := re.match(r"\s*::([^\s:]*)(?: (.*?))?::(.*)$", line, re.DOTALL):
            found.append(match.groups())
        elif match := re.search(r"##\[([^\]]*)\]", line):
            found.append((match[1], None, ""))
    return found


def unescaped(text, more=()):
    for token, char in (("%0D", "\r"), ("%0A", "\n"), *more, ("%25", "%")):
        text = text.replace(token, char)
    return text


def test_reader_of_commands_sees_what_there_is():
    assert commands_in("a\n  ::error file=x::y\n::stop-commands::t") == [
        ("error", "file=x", "y"),
        ("stop-commands", None, "t"),
    ]
    assert commands_in("said ##[add-mask]x") == [("add-mask", None, "")]


@given(HOSTILE)
@example("\u00a0::add-mask::x")
@example("::::error::x")
@example("###[##[[group]")
def test_no_line_of_a_neutral_text_is_a_command(text):
    assert commands_in(neutral(text)) == []


@given(HOSTILE)
def test_neutral_text_says_the_same(text):
    assert re.sub(r"[ ]", "", neutral(text)) == text.replace(" ", "")
    if "::" not in text and "##[" not in text:
        assert neutral(text) == text


@given(HOSTILE, HOSTILE, HOSTILE)
def test_command_is_one_and_holds_what_it_was_given(message, title, file):
    line = command("error", message, file=file, title=title)
    ((name, properties, data),) = commands_in(line)
    assert name == "error" and "\n" not in line and "\r" not in line
    assert unescaped(data) == message.replace("##[", "## [")
    pairs = dict(pair.split("=", 1) for pair in (properties or "").split(",") if pair)
    given_pairs = {"file": file, "title": title}
    told = {key: unescaped(value, (("%3A", ":"), ("%2C", ","))) for key, value in pairs.items()}
    assert told == {key: value.replace("##[", "## [") for key, value in given_pairs.items() if value}
