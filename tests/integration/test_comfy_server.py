"""The fixture `comfy_server`: what it says at the end of a test."""

from __future__ import annotations

TEST = """
import json, requests
from pathlib import Path

def post(server, color):
    prompt = json.loads(Path("workflows/txt2img.json").read_text())
    prompt["3"]["inputs"]["color"] = color
    return requests.post(server.url + "/prompt", json={"prompt": prompt}, timeout=10).status_code

"""


def project_of(project, body):
    project.workflow()
    project.golden()
    project.write("test_app.py", TEST + body)
    return project


def test_a_failed_test_tells_its_unmatched_prompts_and_unused_golden_runs(project):
    project_of(project, "def test_it(comfy_server):\n    assert post(comfy_server, 8) == 200\n")
    result = project.run("test_app.py")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([
        "*fake ComfyUI*",
        "unmatched prompt: *nearest is txt2img/default: node 3 EmptyImage.color is 8, was 7*",
        "golden runs never asked for: golden/txt2img/default",
    ])  # fmt: skip


def test_the_summary_lists_unmatched_prompts_of_passed_tests_as_well(project):
    project_of(project, "def test_it(comfy_server):\n    assert post(comfy_server, 8) == 400\n")
    result = project.run("test_app.py")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["prompts that no golden run answers: 1", "  test_app.py::test_it: *color is 8, was 7*"]
    )


def test_nothing_is_said_where_all_prompts_have_an_answer(project):
    project_of(project, "def test_it(comfy_server):\n    assert post(comfy_server, 7) == 200\n    assert False\n")
    result = project.run("test_app.py")
    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*fake ComfyUI*")
    result.stdout.no_fnmatch_line("*no golden run answers*")
