"""--comfy-json: the report's document at a place of one's own, also when all was identical."""

from __future__ import annotations

import pytest
from projects import WITH_XDIST, png, recorded, section_of
from reports import DOCUMENT, report_of


def test_same_document(project, serve):
    project.both()
    url = serve(recorded(outputs={"9": {"images": [png(2)]}})).url
    project.run("workflows", "--comfy-url", url, "--comfy-json=out/of/ci.json").assert_outcomes(failed=1)
    assert project.read("out/of/ci.json") == report_of(project)


def test_session_in_which_all_is_identical(project):
    project.both("a")
    project.both("b")
    project.run("workflows", "--comfy-json=ci.json").assert_outcomes(passed=2)
    document = project.read("ci.json")
    assert list(document) == list(DOCUMENT)
    assert (document["cases"], document["counts"]["cases"]["passed"], document["counts"]["outputs"]["identical"]) == (
        [], 2, 2
    )  # fmt: skip
    assert not (project.root / "comfy-report").exists()


def test_session_without_cases(project):
    project.write("test_plain.py", "def test_plain():\n    pass\n")
    project.run("--comfy-json=ci.json").assert_outcomes(passed=1)
    assert set(project.read("ci.json")["counts"]["cases"].values()) == {0}


def test_session_that_could_not_collect(project):
    project.write("test_broken.py", "import nothing_of_this_name\n")
    result = project.run("--comfy-json=ci.json")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert project.read("ci.json")["interrupted"] is True


def test_nothing_is_written_when_nothing_is_run(project):
    project.both()
    project.run("--collect-only", "--comfy-json=ci.json")
    assert not (project.root / "ci.json").exists()


def test_workers_write_it_once(project):
    project.write("pytest.ini", WITH_XDIST)
    for name in "abc":
        project.both(name)
    project.run_apart("workflows", "-n2", "--comfy-json=ci.json").assert_outcomes(passed=3)
    assert project.read("ci.json")["counts"]["cases"]["passed"] == 3


def test_place_that_cannot_be_written_is_told_and_costs_no_verdict(project):
    project.both()
    project.write("out", "a file in its place")
    result = project.run("workflows", "--comfy-json=out/ci.json")
    result.assert_outcomes(passed=1)
    assert result.ret == 0
    assert section_of(result, "comfy")[-1] == "report: out/ci.json: cannot be written (File exists)"
