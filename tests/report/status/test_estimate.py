"""What is left of a session, by what golden runs took."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from projects import recorded

from pytest_comfy.golden import GoldenStore
from pytest_comfy.report.status.estimate import Estimate
from pytest_comfy.session.projects import Projects
from pytest_comfy.session.settings import Settings


def lasting(seconds):
    run = recorded()
    run.document["events"][-1][0] = seconds
    return run


@pytest.fixture
def estimate(project):
    """Cases a and b, whose golden runs took 10 and 30 seconds, and c, which has none."""
    for name, seconds in (("a", 10.0), ("b", 30.0)):
        project.golden(f"{name}/default", lasting(seconds))
    settings = Settings(project.root, golden_dir=project.root / "golden")
    found = Estimate(Projects(settings))
    found.expect([f"workflows/{name}.json::default" for name in "abc"] + ["tests/test_x.py::test_own"])
    return found


A, B, C = (f"workflows/{name}.json::default" for name in "abc")


def test_cases_alone_are_counted(estimate):
    assert estimate.cases == (A, B, C)


def test_nothing_is_told_before_all_was_looked_up(estimate):
    told = [estimate.left({A: 0.0})]
    while estimate.read_one():
        told.append(estimate.left({A: 0.0}))
    assert told == [None, None, None, 60.0]  # one without a golden run takes as long as the others do on average


def test_what_runs_counts_down_and_workers_share(estimate):
    while estimate.read_one():
        pass
    assert estimate.left({A: 4.0}) == 56.0
    assert estimate.left({A: 4.0, B: 10.0}) == (6.0 + 20.0 + 20.0) / 2


def test_first_cases_tell_the_pace_of_this_server(estimate):
    while estimate.read_one():
        pass
    estimate.took(A, 5.0)
    estimate.done.add(A)
    assert estimate.left({B: 0.0}) == 25.0


def test_one_that_is_late_tells_it_before_it_is_over(estimate):
    while estimate.read_one():
        pass
    assert estimate.left({A: 20.0}) == 2 * (30.0 + 20.0)


def test_golden_runs_of_a_project_below_the_root(project):
    project.write("packages/one/comfy.toml", "")
    project.workflow("a", folder="packages/one/workflows")
    GoldenStore(project.root / "packages/one/golden").write("a/default", lasting(7.0))
    found = Estimate(Projects(Settings(project.root, golden_dir=project.root / "golden")))
    found.expect(["packages/one/workflows/a.json::default"])
    assert found.read_one() and found.left({}) == 7.0


@pytest.mark.parametrize("damage", ["{", '{"format": 1, "prompt": {}, "events": [7]}', '{"format": 9}'])
def test_golden_runs_that_cannot_be_read_tell_nothing(estimate, project, damage):
    for name in "ab":
        project.write(f"golden/{name}/default/run.json", damage)
    while estimate.read_one():
        pass
    assert estimate.left({A: 1.0}) is None


@given(st.lists(st.sampled_from([A, B, C])), st.dictionaries(st.sampled_from([A, B, C]), st.floats(0, 1e6), max_size=3))
def test_what_is_left_is_a_time(done, running):
    found = Estimate(Projects(Settings(Path())))
    found.cases = (A, B, C)
    found._recorded = {A: 10.0, B: None, C: 0.0}
    for case in done:
        found.took(case, 3.0)
        found.done.add(case)
    left = found.left(running)
    assert left is not None and left >= 0.0
