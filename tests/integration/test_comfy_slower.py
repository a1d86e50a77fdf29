"""--comfy-slower: time is told where it is notable, and fails a case by medians of several runs, never by one."""

from __future__ import annotations

import copy

import pytest
from projects import graph, recorded

from pytest_comfy.golden import GoldenRun
from pytest_comfy.server import FakeComfyServer

QUICK, SLOW = 0.05, 0.7


def taking(seconds):
    """A run in which node 3 takes so long."""
    run = recorded(graph())
    document = copy.deepcopy(dict(run.document))
    begun = next(place for place, (_, event) in enumerate(document["events"]) if event["data"].get("node") == "3")
    for row in document["events"][begun + 1 :]:
        row[0] += seconds
    return GoldenRun(document, None, run.blobs)


@pytest.fixture
def live(running):
    """Start servers that take as long as what they replay did."""
    return lambda *seconds: running(FakeComfyServer([taking(one) for one in seconds], speed=1.0))


@pytest.fixture
def old_golden(project):
    """A workflow whose golden run was quick."""
    project.workflow(prompt=graph())
    project.golden(run=taking(QUICK))


SLOWER = [
    "slower: node 3 'Canvas' * s, was 0.* s (medians of 3 runs; 2 times as long is too much)",
    "slower than before: 1 node",
    "  * times: node 3 'Canvas' * s, was 0.* s in workflows/txt2img.json::default",
]


def test_it_is_told_and_no_failure_unless_that_is_asked_for(project, live, old_golden):
    result = project.run("--comfy-url", live(SLOW).url)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(SLOWER[1:])


def test_a_golden_run_that_is_one_run_alone_fails_nothing(project, live, old_golden):
    server = live(SLOW)
    result = project.run("--comfy-url", server.url, "--comfy-slower", 2)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["  1 case not judged for it: *", "  calibrate it with --comfy-calibrate 3*"])
    assert len(server.prompts) == 1


def test_a_calibrated_golden_run_does(project, live, old_golden):
    project.run("--comfy-url", live(QUICK).url, "--comfy-calibrate", 3).assert_outcomes(passed=1)
    server = live(SLOW)
    result = project.run("--comfy-url", server.url, "--comfy-slower", 2)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(SLOWER)
    assert len(server.prompts) == 3


def test_the_old_server_does(project, live):
    project.workflow(prompt=graph())
    new, old = live(SLOW), live(QUICK)
    result = project.run("--comfy-url", new.url, "--comfy-against", old.url, "--comfy-slower", 2)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(SLOWER)
    assert len(new.prompts) == len(old.prompts) == 3


def test_one_run_that_was_disturbed_fails_nothing(project, live):
    project.workflow(prompt=graph())
    new, old = live(SLOW, QUICK, QUICK), live(QUICK)
    result = project.run("--comfy-url", new.url, "--comfy-against", old.url, "--comfy-slower", 2)
    result.assert_outcomes(passed=1)
    assert len(new.prompts) == 3


def test_the_ini_says_it_as_well(project, live):
    project.workflow(prompt=graph())
    project.ini("comfy_slower = 2.0")
    result = project.run("--comfy-url", live(SLOW).url, "--comfy-against", live(QUICK).url)
    result.assert_outcomes(failed=1)


@pytest.mark.parametrize("wrong", ["1", "0.5", "twice", "inf", "nan"])
def test_wrong_values(project, wrong):
    result = project.run("--comfy-slower", wrong)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*comfy_slower '{wrong}': must be a number above 1, such as 2.0"])
