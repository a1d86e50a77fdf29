"""Seconds by node, of the messages of a run."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from projects import graph, recorded

from pytest_comfy.golden import GoldenRun
from pytest_comfy.golden.timing import seconds_by_node
from pytest_comfy.report.timings import timings

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NODES = st.sampled_from(["3", "9", None])


def executing(at, node, **more):
    return at, "executing", {"node": node, **more}


def test_until_the_next_begins_and_the_last_until_the_end():
    told = [(0.0, "execution_start", {}), executing(1.0, "3"), (1.5, "progress", {}), executing(3.0, "9"),
            (4.5, "execution_success", {}), executing(9.0, None)]  # fmt: skip
    assert seconds_by_node(told) == {"3": 2.0, "9": 1.5}


def test_what_a_node_expands_to_is_the_node_itself():
    told = [executing(0.0, "7"), executing(1.0, "7.0.0.2", display_node="7"), executing(3.0, "9"),
            executing(4.0, None)]  # fmt: skip
    assert seconds_by_node(told) == {"7": 3.0, "9": 1.0}


def test_node_that_raised_ends_with_the_error():
    assert seconds_by_node([executing(0.5, "3"), (2.0, "execution_error", {})]) == {"3": 1.5}


def test_node_whose_end_nobody_told_has_no_seconds():
    assert seconds_by_node([executing(0.5, "3")]) == {}


@given(st.lists(st.tuples(st.floats(0, 1e6), NODES), max_size=20))
def test_they_add_up_to_no_more_than_the_run_took(begins):
    begins.sort(key=lambda begin: begin[0])
    found = seconds_by_node(executing(at, node) for at, node in begins)
    assert all(seconds >= 0 for seconds in found.values())
    took = begins[-1][0] - begins[0][0] if begins else 0
    assert sum(found.values()) <= took + 0.001 * len(begins)


@given(
    st.lists(
        ANYTHING
        | st.tuples(ANYTHING, st.fixed_dictionaries({"type": st.just("executing"), "data": ANYTHING})).map(list)
    )
)
def test_golden_run_of_somebody_makes_rows_that_json_can_hold(events):
    golden = recorded()
    rows = timings(None, GoldenRun({**golden.document, "events": events}, None), live=True)
    assert all(math.isfinite(row["golden"]) for row in rows if row["golden"] is not None)
    json.dumps(rows, allow_nan=False)


@pytest.mark.parametrize("live", [True, False])
def test_golden_nodes_are_those_of_today(live):
    """Another id in the same place is the same node."""
    golden = recorded()
    renamed = {"30" if node == "3" else node: told for node, told in graph().items()}
    renamed["9"]["inputs"]["images"] = ["30", 0]

    class Run:
        prompt = renamed
        events = ()
        cached = frozenset({"9"})

    assert [(row["node"], row["golden"], row["actual"], row["cached"]) for row in timings(Run, golden, live=live)] == [
        ("9", 0.002, None, True), ("30", 0.001, None, False)
    ]  # fmt: skip
