"""The environment of every live run is compared with its golden run's, and what failing cases share is told once."""

from __future__ import annotations

from html import unescape

import pytest
from projects import failure_of, graph, png, recorded, section_of
from reports import report_of

COMFYUI, TORCH = "ComfyUI 0.8.0 -> 0.30.0", "torch 2.12.0 -> 2.13.0"
NAMES = ("blur", "edge", "flat", "grow")
NOW = {"comfyui": "0.30.0", "argv": []}


@pytest.fixture
def upgraded(project, serve):
    """Four workflows, and a ComfyUI 0.30.0 that makes other pictures of the failing ones than their golden runs.

    environments  name -> what its golden run was made with, beside what all have
    """

    def start(failing, environments):
        runs = []
        for color, name in enumerate(NAMES):
            prompt = graph(color)
            project.workflow(name, prompt)
            made = {"prompt": prompt, "workflow": f"workflows/{name}.json"}
            before = {"comfyui": "0.30.0", **environments.get(name, {})}
            project.golden(f"{name}/default", run=recorded(environment=before, **made))
            outputs = {"9": {"images": [png(2 if name in failing else 1)]}}
            runs.append(recorded(outputs=outputs, environment=NOW, **made))
        return serve(*runs)

    return start


def causes_told(result):
    return [line for line in section_of(result, "comfy") if "cause" in line]


def test_what_failing_cases_alone_have_is_the_likely_cause(upgraded, project):
    server = upgraded(["blur", "edge"], {name: {"comfyui": "0.8.0"} for name in ("blur", "edge")})
    result = project.run("--comfy-url", server.url)
    result.assert_outcomes(failed=2, passed=2)
    assert causes_told(result) == [f"likely cause: {COMFYUI} (2 of 2 failing cases, 0 of 2 passing)"]
    assert report_of(project)["causes"] == {
        "failing": 2, "passing": 2,
        "differences": [{"difference": COMFYUI, "failing": 2, "passing": 0, "cause": "likely"}],
    }  # fmt: skip
    page = (project.root / "comfy-report/index.html").read_text(encoding="utf-8")
    assert "<dt>Likely cause</dt>" in page
    assert "2 of 2 failing cases, 0 of 2 passing" in page


def test_the_summary_on_github(upgraded, project, monkeypatch):
    path = project.root / "summary.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    server = upgraded(["blur", "edge"], {name: {"comfyui": "0.8.0"} for name in ("blur", "edge")})
    project.run("--comfy-url", server.url)
    (told,) = [line for line in unescape(path.read_text(encoding="utf-8")).splitlines() if "cause" in line]
    assert told == f"- likely cause: {COMFYUI} (2 of 2 failing cases, 0 of 2 passing)"


def test_what_every_case_has_is_told_as_that(upgraded, project):
    server = upgraded(["blur"], {name: {"comfyui": "0.8.0", "torch": "2.12.0"} for name in NAMES})
    result = project.run("--comfy-url", server.url)
    result.assert_outcomes(failed=1, passed=3)
    assert causes_told(result) == [
        f"may be the cause, though every case has it: {one} (1 of 1 failing case, 3 of 3 passing)"
        for one in (COMFYUI, TORCH)
    ]
    lines = failure_of(result, "blur.json [default]")
    assert "golden: ComfyUI 0.8.0, torch 2.12.0; now: ComfyUI 0.30.0, torch 2.13.0" in lines


def test_without_a_failure_there_is_no_cause(upgraded, project):
    server = upgraded([], {"blur": {"comfyui": "0.8.0"}})
    result = project.run("--comfy-url", server.url, "--comfy-json", "out.json", "--junitxml=junit.xml")
    result.assert_outcomes(passed=4)
    assert causes_told(result) == []
    assert project.read("out.json")["causes"]["differences"] == [
        {"difference": COMFYUI, "failing": 0, "passing": 1, "cause": None}
    ]
    junit = (project.root / "junit.xml").read_text()
    assert junit.count("comfy_differences") == 4
    assert junit.count(COMFYUI.replace(">", "&gt;")) == 1


def test_the_header_tells_what_golden_runs_were_made_with(upgraded, project):
    server = upgraded([], {"blur": {"comfyui": "0.8.0"}})
    header = [line for line in project.run("--comfy-url", server.url).outlines if line.startswith("comfy: ")]
    assert header == [
        f"comfy: live, {server.url}: ComfyUI 0.30.0, torch 2.13.0, cpu",
        "comfy: golden runs were made with ComfyUI 0.30.0, torch 2.13.0, cpu (3); ComfyUI 0.8.0, torch 2.13.0, cpu (1)",
    ]


def test_errors_of_nodes_count_and_reruns_once(project, serve):
    prompt = graph()
    project.workflow(prompt=prompt)
    project.golden(run=recorded(prompt, environment={"comfyui": "0.8.0"}))
    error = {"exception_message": "no", "exception_type": "ValueError", "traceback": []}
    server = serve(*[recorded(prompt, {}, environment=NOW, error=error)] * 2)
    result = project.run("--comfy-url", server.url, "--reruns=1")
    result.assert_outcomes(failed=1)
    assert causes_told(result) == [f"likely cause: {COMFYUI} (1 of 1 failing case, none passed)"]


def test_workers_tell_the_controller(upgraded, project):
    server = upgraded(["blur", "edge"], {name: {"comfyui": "0.8.0"} for name in ("blur", "edge")})
    project.write("pytest.ini", "[pytest]\naddopts = -p no:randomly\n")
    result = project.run_apart("-n2", "--comfy-url", server.url)
    result.assert_outcomes(failed=2, passed=2)
    assert causes_told(result) == [f"likely cause: {COMFYUI} (2 of 2 failing cases, 0 of 2 passing)"]


def test_what_is_approved_counts_neither_way(upgraded, project):
    server = upgraded(["blur"], {"blur": {"comfyui": "0.8.0"}})
    project.run("--comfy-url", server.url, "--comfy-update=changed", "--comfy-json", "out.json")
    assert project.read("out.json")["causes"] == {"failing": 0, "passing": 3, "differences": []}


def test_checks_of_a_test_count_as_one_case(project, serve):
    project.workflow()
    project.write("test_a.py", "def test_a(comfy_run, comfy_golden):\n    run = comfy_run('txt2img.json')\n"
                               "    comfy_golden.check(run, 'one')\n    comfy_golden.check(run, 'two')\n")  # fmt: skip
    for name, seed in (("one", 1), ("two", 2)):
        outputs = {"9": {"images": [png(seed)]}}
        project.golden(f"test_a/test_a/{name}", run=recorded(outputs=outputs, environment={"comfyui": "0.8.0"}))
    result = project.run("test_a.py", "--comfy-url", serve(recorded(environment=NOW)).url)
    result.assert_outcomes(failed=1)
    assert causes_told(result) == [f"likely cause: {COMFYUI} (1 of 1 failing case, none passed)"]
