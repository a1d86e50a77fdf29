"""--comfy-calibrate: how far a case moves by itself is measured, kept in its golden run, and allowed."""

from __future__ import annotations

import pytest
from computing import ComputingServer, sampling


@pytest.fixture
def server(running):
    """Start servers that compute, of which a node may wander from run to run."""
    return lambda **more: running(ComputingServer(**more))


@pytest.fixture
def golden(project):
    """Approve the workflow on a server; returns run.json as it is now."""
    project.workflow(prompt=sampling())

    def approve(server, *words):
        project.run("--comfy-url", server.url, "--comfy-update", *words).assert_outcomes(passed=1)
        return lambda: project.read("golden/txt2img/default/run.json")

    return approve


def test_what_stands_still_has_a_floor_of_nothing(project, server, golden):
    still = server()
    document = golden(still)
    result = project.run("--comfy-url", still.url, "--comfy-calibrate", 3)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["calibrated: 1, of which 0 move by themselves"])
    result.stdout.no_fnmatch_line("cache: *")
    assert document()["outputs"][0]["floor"] == {"runs": 3, "servers": 1, "distance": 0.0, "parts": {}}
    kept = document()["calibration"]
    assert (kept["runs"], kept["servers"], kept["multiple"]) == (3, 1, 2.0)
    assert {len(seconds) for seconds in kept["seconds"].values()} == {3}
    assert len(still.prompts) == 4


def test_what_moves_a_little_is_allowed_to(project, server, golden):
    wandering = server(wander={"6": 0.9})
    document = golden(wandering)
    strict = ("--comfy-url", wandering.url, "--comfy-tolerance", "strict")
    wandering.computed = 1
    project.run(*strict).assert_outcomes(failed=1)
    wandering.computed = 0
    result = project.run("--comfy-url", wandering.url, "--comfy-calibrate", 3)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["calibrated: 1, of which 1 moves by itself", "  *of a limit: workflows/txt2img.json*"])
    floor = document()["outputs"][0]["floor"]
    assert 0 < floor["distance"] <= 2 and 0 < floor["parts"]["luma_rms"] < 3
    wandering.computed = 1
    project.run(*strict).assert_outcomes(passed=1)
    wandering.computed = 30
    result = project.run(*strict)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*strict widened by the noise floor allows*"])


def test_what_moves_too_far_is_not_testable_and_the_node_is_named(project, server, golden):
    wild = server(wander={"4": 25})
    document = golden(wild)
    before = document()
    result = project.run("--comfy-url", wild.url, "--comfy-calibrate", 2)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "not testable: output 9.images.0 moves by * times its limit from run to run on one server, and loose "
            "allows 2 (*); likely cause: first difference at node 4 'My Sample' (inputs identical, as far *"
        ]
    )
    assert document() == before


def test_servers_run_it_once_each(project, server, golden):
    one, other = server(), server(shifts={"6": 1})
    document = golden(one)
    result = project.run("--comfy-url", one.url, "--comfy-url", other.url, "--comfy-calibrate", 2)
    result.assert_outcomes(passed=1)
    assert document()["outputs"][0]["floor"]["servers"] == 2
    assert (len(one.prompts), len(other.prompts)) == (2, 1)


def test_it_is_approved_and_calibrated_in_one_session(project, server):
    project.workflow(prompt=sampling())
    still = server()
    project.run("--comfy-url", still.url, "--comfy-calibrate", 2, "--comfy-update").assert_outcomes(passed=1)
    assert project.read("golden/txt2img/default/run.json")["calibration"]["runs"] == 2
    project.run().assert_outcomes(passed=1)


def test_the_floor_outlives_the_picture(project, server, golden):
    wandering = server(wander={"6": 0.9})
    document = golden(wandering)
    wandering.computed = 0
    project.run("--comfy-url", wandering.url, "--comfy-calibrate", 2).assert_outcomes(passed=1)
    kept = document()["outputs"][0]["floor"]
    other = server(shifts={"6": 40})
    project.run("--comfy-url", other.url, "--comfy-update").assert_outcomes(passed=1)
    assert document()["outputs"][0]["floor"] == kept
    assert "seconds" not in document()["calibration"] and document()["calibration"]["runs"] == 2


def test_two_servers_may_be_as_far_apart_as_one_moves(project, server, golden):
    one, other = server(wander={"6": 0.9}), server(shifts={"6": 2})
    golden(one)
    strict = ("--comfy-url", other.url, "--comfy-against", server().url, "--comfy-tolerance", "strict")
    project.run(*strict).assert_outcomes(failed=1)
    one.computed = 0
    project.run("--comfy-url", one.url, "--comfy-calibrate", 3).assert_outcomes(passed=1)
    project.run(*strict).assert_outcomes(passed=1)


def test_without_golden_run_it_says_what_to_do(project, server):
    project.workflow(prompt=sampling())
    result = project.run("--comfy-url", server().url, "--comfy-calibrate", 2)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["there is no golden run for workflows/txt2img.json::default *--comfy-update"])


def test_tests_of_python_are_calibrated_as_well(project, server):
    project.workflow(prompt=sampling())
    project.write("test_it.py", "def test_it(comfy_run, comfy_golden): comfy_golden.check(comfy_run('txt2img.json'))")
    still = server()
    words = ("test_it.py", "--comfy-url", still.url)
    project.run(*words, "--comfy-update").assert_outcomes(passed=1)
    project.run(*words, "--comfy-calibrate", 3).assert_outcomes(passed=1)
    assert len(still.prompts) == 1 + 2 + 2  # the test's own run had to be made anew


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--comfy-calibrate", "1"], "--comfy-calibrate '1': must be a number of runs from 2 up"),
        (["--comfy-calibrate", "few"], "--comfy-calibrate 'few'"),
        (["--comfy-calibrate", "3"], "*give the server with --comfy-url"),
        (["--comfy-calibrate", "3", "--comfy-url", "http://x", "--comfy-against", "http://y"], "*give one of them"),
    ],
)
def test_wrong_usage(project, words, told):
    result = project.run(*words)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{told}*"])
