"""What the status line tells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_comfy.report.status.board import Standing, lines, short, told_left
from pytest_comfy.report.status.fitting import width_of

SAMPLING = Standing("workflows/txt2img.json::night", 100.0, node="KSampler", step=3.0, steps=20.0, seen=True)


def alone(standing, size=(80, 24), done=1, total=5, left=130.0):
    (line,) = lines([standing], done, total, left, 112.4, size)
    return line


def test_one_process_in_one_line():
    assert alone(SAMPLING) == "2/5  txt2img.json::night  12 s  KSampler  3/20  about 2 min left"


def test_forty_columns():
    assert alone(SAMPLING, (40, 24)) == "2/5  txt2img.jso…  12 s  KSampler  3/20"


@pytest.mark.parametrize(
    ("standing", "told"),
    [
        (Standing("a.json::default", 100.0), "waiting"),
        (Standing("a.json::default", 100.0, ahead=3), "3 ahead in the queue"),
        (Standing("a.json::default", 100.0, seen=True), "comparing"),
        (Standing("a.json::default", 100.0, node="写真 \x1b[31m\nred", seen=True), "写真 red"),
    ],
)
def test_what_a_run_does(standing, told):
    assert alone(standing, left=None) == f"2/5  a.json  12 s  {told}"


@pytest.mark.parametrize(
    ("node_id", "name"),
    [
        ("workflows/sub/a.json::default", "a.json"),
        ("workflows/a.json::night", "a.json::night"),
        ("tests/test_x.py::test_one[a/b]", "test_x.py::test_one[a/b]"),
    ],
)
def test_names_are_short(node_id, name):
    assert short(node_id) == name


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (None, ""),
        (0.0, "about 1 s left"),
        (3.2, "about 4 s left"),
        (31.0, "about 35 s left"),
        (95.0, "about 2 min left"),
        (5000.0, "about 1 h 23 min left"),
    ],
)
def test_what_is_left_in_words(seconds, told):
    assert told_left(seconds) == told


def test_a_line_for_each_worker_and_one_for_the_whole():
    two = [
        Standing("a.json::default", 100.0, node="KSampler", step=1, steps=8, worker="gw0", server="one:8188"),
        Standing("b.json::default", 110.0, worker="gw1", server="two:8188"),
    ]
    assert lines(two, 3, 9, 20.0, 112.0, (80, 24)) == [
        "gw0  a.json  12 s  KSampler  1/8  one:8188",
        "gw1  b.json  2 s  waiting  two:8188",
        "3/9 done  about 20 s left",
    ]
    assert lines(two, 3, 9, 20.0, 112.0, (30, 4)) == ["gw0  a.json  12 s  KSampler", "3/9 done  about 20 s left"]
    assert lines(two, 3, 9, None, 112.0, (30, 4))[1:] == ["3/9 done  1 more at work"]


def test_nothing_runs_and_nothing_is_told():
    assert lines([], 3, 9, 20.0, 112.0, (80, 24)) == []


STANDINGS = st.builds(
    Standing,
    st.text(),
    st.floats(0, 1e9),
    node=st.text(max_size=40),
    step=st.floats(0, 1e6),
    steps=st.floats(0, 1e6),
    seen=st.booleans(),
    ahead=st.integers(0, 10**6),
    worker=st.sampled_from(["", "gw0", "gw11"]),
    server=st.text(max_size=40),
)


@given(
    st.lists(STANDINGS, max_size=6),
    st.integers(0, 999),
    st.integers(0, 999),
    st.none() | st.floats(0, 1e7),
    st.tuples(st.integers(1, 120), st.integers(1, 60)),
)
def test_status_fits_the_terminal(standings, done, total, left, size):
    told = lines(standings, done, total, left, 1e9, size)
    assert all(width_of(line) < max(2, size[0]) and "\n" not in line and "\x1b" not in line for line in told)
    assert len(told) < max(3, size[1])
