"""GITLAB_CI: the pictures of a case that failed are attached to it in the JUnit document."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from projects import WITH_XDIST, png, recorded


@pytest.fixture
def gitlab(monkeypatch, project):
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("CI_PROJECT_DIR", str(project.root))


def out_of(test):
    return (test.findtext("system-out") or "").splitlines()


def run(project, serve, *words, apart=False):
    project.both("a")
    project.both("b", outputs={"9": {"images": [png(2)]}})
    server = serve(recorded(outputs={"9": {"images": [png(2)]}}))
    runner = project.run_apart if apart else project.run
    return runner("workflows", "--comfy-url", server.url, "--junit-xml=junit.xml", *words)


FILES = [f"[[ATTACHMENT|comfy-report/a/default/9.images.0.{what}.png]]" for what in ("difference", "actual", "golden")]


@pytest.mark.usefixtures("gitlab")
def test_files_of_a_case_that_failed(project, serve):
    run(project, serve).assert_outcomes(failed=1, passed=1)
    outs = [out_of(test) for test in ET.parse(project.root / "junit.xml").iter("testcase")]
    assert outs == [FILES, []]
    for line in FILES:
        assert (project.root / line[len("[[ATTACHMENT|") : -2]).is_file()


@pytest.mark.usefixtures("gitlab")
def test_what_the_test_said_stays(project, serve):
    project.write("conftest.py", "import pytest\n@pytest.fixture(autouse=True)\ndef speak():\n    print('spoken')\n")
    run(project, serve, "-o", "junit_logging=system-out").assert_outcomes(failed=1, passed=1)
    first = next(ET.parse(project.root / "junit.xml").iter("testcase"))
    assert out_of(first)[-3:] == FILES and "spoken" in out_of(first)


@pytest.mark.usefixtures("gitlab")
def test_paths_are_those_from_the_project_of_gitlab(project, serve, monkeypatch):
    monkeypatch.setenv("CI_PROJECT_DIR", str(project.root.parent))
    run(project, serve)
    first = next(ET.parse(project.root / "junit.xml").iter("testcase"))
    assert out_of(first)[0] == FILES[0].replace("|", f"|{project.root.name}/")


@pytest.mark.usefixtures("gitlab")
def test_report_outside_of_the_project_is_not_attached(project, serve, tmp_path_factory):
    run(project, serve, f"--comfy-report={tmp_path_factory.mktemp('elsewhere')}").assert_outcomes(failed=1, passed=1)
    assert [out_of(test) for test in ET.parse(project.root / "junit.xml").iter("testcase")] == [[], []]


@pytest.mark.usefixtures("gitlab")
def test_workers_leave_it_to_the_controller(project, serve):
    project.write("pytest.ini", WITH_XDIST)
    run(project, serve, "-n2", apart=True).assert_outcomes(failed=1, passed=1)
    outs = sorted(out_of(test) for test in ET.parse(project.root / "junit.xml").iter("testcase"))
    assert outs == [[], FILES]


def test_elsewhere_the_document_is_as_pytest_writes_it(project, serve):
    run(project, serve).assert_outcomes(failed=1, passed=1)
    assert "ATTACHMENT" not in (project.root / "junit.xml").read_text()


@pytest.mark.usefixtures("gitlab")
def test_without_a_junit_document_there_is_nothing_to_attach_to(project, serve):
    project.both("a")
    server = serve(recorded(outputs={"9": {"images": [png(2)]}}))
    project.run("workflows", "--comfy-url", server.url).assert_outcomes(failed=1)
    assert not list(project.root.glob("*.xml"))
