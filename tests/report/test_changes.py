"""The closing table: what changed, output by output and kind by kind."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from pytest_comfy.report.changes import (
    Changed,
    cases_of,
    changed_in,
    grouped,
    parts_of,
    rows,
    told_distance,
    worst_first,
)
from pytest_comfy.report.document import servers_of

CHANGES = st.builds(
    Changed,
    case=st.sampled_from("abc"),
    output=st.sampled_from(["node 9 'Save' images 0", "node 9 'Save' images 1"]),
    change=st.sampled_from(["softer", "darker", "missing"]),
    message=st.just(""),
    distance=st.none() | st.floats(1.0, math.inf),
    parts=st.dictionaries(st.sampled_from(["luma", "cast"]), st.floats(0.1, math.inf)),
    files=st.just({}),
)


def nothing(changed):
    """No more lines below an output."""
    return ()


def parts(changed):
    """The distances of all parts, on a terminal of 40 columns."""
    return parts_of(changed, 40)


def change(case, kind, distance, **parts):
    return Changed(case, "node 9 'Save Image' images 0", kind, "", distance, parts, {})


def test_a_line_an_output_below_its_kind():
    changes = [change("a", "darker", 1.52), change("b", "softer", 2.0, sharpness=2.0), change("c", "softer", math.inf)]
    assert list(rows(changes, 10, nothing)) == [
        "changed outputs: 3 (with their distances, of which 1 is the limit)",
        "  softer in 2 cases",
        "      inf  c: node 9 'Save Image' images 0",
        "        2  b: node 9 'Save Image' images 0",
        "  darker",
        "     1.52  a: node 9 'Save Image' images 0",
    ]


def test_parts_and_the_most_of_a_kind():
    changes = [change("a", "softer", 3.0, sharpness=3.0, luma=1.25, cast=1), change("b", "softer", 2.0)]
    assert list(rows(changes, 1, parts))[1:] == [
        "  softer in 2 cases",
        "        3  a: node 9 'Save Image' images 0",
        "           sharpness 3, luma 1.25, cast",
        "           1",
        "           and 1 more",
    ]


def test_nothing_changed_and_nothing_is_told():
    assert list(rows([], 10, parts)) == []


@given(st.lists(CHANGES))
def test_groups_hold_each_change_once_and_the_worst_first(changes):
    groups = grouped(changes)
    assert sorted(map(id, changes)) == sorted(id(one) for _, group in groups for one in group)
    counts = [cases_of(group) for _, group in groups]
    assert counts == sorted(counts, reverse=True)
    for name, group in groups:
        assert {one.change for one in group} == {name}
        far = [one.far for one in group]
        assert far == sorted(far, reverse=True)


@given(st.lists(CHANGES), st.integers(1, 5), st.sampled_from([nothing, parts]))
def test_no_row_is_lost_without_a_word(changes, most, below):
    told = list(rows(changes, most, below))
    shown = sum(": node 9" in row for row in told)
    more = sum(int(row.split()[1]) for row in told if row.lstrip().startswith("and "))
    assert shown + more == len(changes)


def test_distance_in_words():
    assert [told_distance(one) for one in (None, math.inf, 1.0, 3.14159, 12345.6)] == ["-", "inf", "1", "3.14", "12346"]


def test_cases_that_passed_or_failed_as_expected_are_left_out():
    output = {
        "node": "9", "title": "Save", "key": "images", "index": 0, "verdict": "different", "group": "softer",
        "message": "softer (x)", "distance": "inf", "parts": [{"name": "luma", "distance": 0.0}], "files": {},
    }  # fmt: skip
    within = {**output, "verdict": "within tolerance"}
    cases = [
        {"node_id": name, "outcome": name, "outputs": [output, within]}
        for name in ("failed", "passed", "xfailed", "approved")
    ]
    (found,) = changed_in({"cases": cases})
    assert (found.case, found.change, found.distance, found.parts) == ("failed", "softer", math.inf, {})


def test_title_of_a_node_leaves_room_for_which_output_it_is():
    output = {
        "node": "9", "title": "A" * 10**6, "key": "images", "index": 3, "verdict": "different", "group": "softer",
        "message": "softer", "distance": 2.0, "parts": [], "files": {},
    }  # fmt: skip
    (found,) = changed_in({"cases": [{"node_id": "a", "outcome": "failed", "outputs": [output]}]})
    assert found.output.endswith("images 3") and len(found.output) < 200


def case(name, *distances, **more):
    outputs = [{"verdict": "different", "distance": one} for one in distances]
    return {"node_id": name, "error": None, "failure": None, "outputs": outputs, **more}


def test_worst_cases_first_and_what_was_not_judged_before_all():
    cases = [case("near", 1.5), case("far", 1.1, 30.0), case("gone", None), case("error", error={}), case("inf", "inf")]
    assert [one["node_id"] for one in worst_first(cases)] == ["gone", "error", "inf", "far", "near"]


def test_server_is_told_once():
    told = {"http://a:1", "http://a:1 (ComfyUI 0.30.0)", "http://a:12", "gpu"}
    assert sorted(servers_of(told)) == ["gpu", "http://a:1 (ComfyUI 0.30.0)", "http://a:12"]
