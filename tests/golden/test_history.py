"""What an approval keeps of its time, and how it is read again, whatever somebody wrote there."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from projects import ENVIRONMENT, recorded

from pytest_comfy.golden.history import Moved, Replaced, moved_in, steps_of, told_of

LATER = {**ENVIRONMENT, "torch": "2.14.0"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def test_first_approval_tells_of_its_environment_alone():
    assert told_of(ENVIRONMENT, None) == {"environment": "ComfyUI 0.8.0, torch 2.13.0, cpu"}


def test_later_one_tells_what_changed_and_how_far_outputs_moved():
    moved = {
        "9.images.0": Moved("different", 3.14159265),
        "9.images.1": Moved("different", math.inf),
        "10.images.0": Moved("within tolerance", 0.5),
        "11.images.0": Moved("missing"),
        "12.images.0": Moved("identical", 0.0),
        "13.images.0": Moved("ignored"),
    }
    told = told_of(LATER, Replaced(ENVIRONMENT, moved))
    assert told["changed"] == ["torch 2.13.0 -> 2.14.0"]
    assert told["distance"] == {
        "9.images.0": {"verdict": "different", "distance": 3.1416},
        "9.images.1": {"verdict": "different", "distance": None},
        "10.images.0": {"verdict": "within tolerance", "distance": 0.5},
        "11.images.0": {"verdict": "missing", "distance": None},
    }


def test_nothing_moved_is_told_and_not_compared_is_not():
    assert told_of(LATER, Replaced(LATER, {}))["distance"] == {}
    assert "distance" not in told_of(LATER, Replaced(LATER, None))


def test_many_changes_are_counted():
    before, after = ({f"m{number}.safetensors": {"size": size} for number in range(30)} for size in (1, 2))
    (*_, last) = told_of({**LATER, "models": after}, Replaced({**LATER, "models": before}))["changed"]
    assert last == "and 10 more"


def test_what_moved_most():
    approvals = [
        {"distance": {"a": {"verdict": "different", "distance": 2.0}, "b": {"verdict": "missing", "distance": None}}},
        {"distance": {"a": {"verdict": "different", "distance": 2.0}, "b": {"verdict": "different", "distance": 3}}},
        {"distance": {}},
    ]
    steps = steps_of(recorded(approvals=approvals))
    assert [step.worst for step in steps] == [Moved("missing"), Moved("different", 3.0), None]


def test_older_golden_runs_tell_when_and_why():
    (step,) = steps_of(recorded(approvals=[{"at": "2026-01-02T03:04:05Z", "by": "somebody", "reason": "first"}]))
    assert (step.at, step.reason, step.environment) == ("2026-01-02T03:04:05Z", "first", "")
    assert step.changed is step.moved is None


@pytest.mark.parametrize("approvals", [None, {}, "none", [1, None, "x"]])
def test_approvals_that_are_none(approvals):
    run = recorded()
    run.document["approvals"] = approvals
    assert steps_of(run) == []


def test_texts_are_one_line_without_escapes():
    (step,) = steps_of(recorded(approvals=[{"reason": "a\nb\x1b[31m", "changed": ["c\nd"], "by": 7}]))
    assert (step.reason, step.changed, step.by) == ("a b", ("c d",), "")


@given(st.lists(st.dictionaries(st.sampled_from(["at", "by", "reason", "environment", "changed", "distance"]), JSON)))
def test_whatever_approvals_hold_is_read(approvals):
    run = recorded()
    run.document["approvals"] = approvals
    for step in steps_of(run):
        assert "\n" not in f"{step.at}{step.by}{step.reason}{step.environment}{''.join(step.changed or ())}"


@given(JSON)
def test_distances_are_those_that_could_have_been_kept(value):
    try:
        found = moved_in(value)
    except ValueError as error:
        assert str(error)
    else:
        json.dumps({name: one.distance for name, one in found.items()}, allow_nan=False)
        assert all(one.distance is None or one.distance >= 0 for one in found.values())
