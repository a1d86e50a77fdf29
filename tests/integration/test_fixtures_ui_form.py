"""Files in UI form, given to the fixtures."""

from __future__ import annotations

import pytest
from projects import lines_of
from ui_form import definitions, dice, nested, node, plain

from pytest_comfy import FakeComfyServer


def script(project, text):
    project.write("test_them.py", text)


def test_run_of_a_file_checked_live_and_offline(project, live):
    project.write("workflows/edit.json", nested())
    script(
        project,
        """
def test_edit(comfy_run, comfy_golden):
    run = comfy_run("edit.json", {"Edit > Blur.sigma": 0.25, "Edit.blur_radius": 4})
    assert run.prompt["9:5"]["inputs"]["sigma"] == 0.25
    assert run.prompt["9:5"]["inputs"]["blur_radius"] == 4
    assert run.output("Edit > Save").node == "9:6"
    comfy_golden.check(run)
""",
    )
    flags = ("test_them.py", "--comfy-url", live.url, "--comfy-update")
    project.run(*flags).assert_outcomes(passed=1)
    run = project.read("golden/test_them/test_edit/default/run.json")
    assert {"ImageInvert", "PreviewImage"} <= set(run["node_definitions"])
    assert run["conversion"]["seed"] == "edit/default"
    project.run("test_them.py").assert_outcomes(passed=1)


def test_golden_run_of_the_workflow_s_own_case_is_replayed(project, live):
    """Dates and dynamic prompts are settled as for the case `default` of the file."""
    project.workflow(prompt=dice(prefix="%date:yyyy-MM-dd hh-mm-ss%"))
    project.run("workflows", "--comfy-url", live.url, "--comfy-update").assert_outcomes(passed=1)
    script(
        project,
        """
def test_txt2img(comfy_run):
    assert len(comfy_run("txt2img.json").outputs) == 2
""",
    )
    project.run("test_them.py").assert_outcomes(passed=1)


@pytest.mark.parametrize("name", ["None", "'named'"])
def test_date_of_the_test_s_golden_run(project, live, name):
    project.write("workflows/dated.json", plain(prefix="%date:yyyy-MM-dd hh-mm-ss%"))
    script(
        project,
        f"""
def test_dated(comfy_run, comfy_golden):
    comfy_golden.check(comfy_run("dated.json"), {name})
""",
    )
    project.run("test_them.py", "--comfy-url", live.url, "--comfy-update").assert_outcomes(passed=1)
    path = f"golden/test_them/test_dated/{'default' if name == 'None' else 'named'}/run.json"
    run = project.read(path)
    run["conversion"]["date"] = "2001-02-03T04:05:06"
    run["prompt"]["9"]["inputs"]["filename_prefix"] = "2001-02-03 04-05-06"
    project.write(path, run)
    project.run("test_them.py").assert_outcomes(passed=1)


def test_workflow_stays_as_it_is_until_it_runs(project, live):
    project.write("workflows/edit.json", nested())
    script(
        project,
        """
import pytest
from pytest_comfy import WorkflowError

def test_edit(comfy_workflow, comfy_client):
    workflow = comfy_workflow("edit.json", {"9:5.sigma": 0.25})
    assert workflow.form == "ui"
    assert workflow.classes() == {"EmptyImage", "ImageBlur", "ImageInvert", "PreviewImage", "SaveImage"}
    with pytest.raises(WorkflowError, match="needs node definitions"):
        workflow.prompt()
    prompt = comfy_client.converted(workflow).prompt()
    assert prompt["9:5"]["inputs"]["sigma"] == 0.25
    run = comfy_client.run(workflow)
    assert run.prompt == prompt
    assert run.workflow.origin.workflow == workflow
""",
    )
    project.run("test_them.py", "--comfy-url", live.url).assert_outcomes(passed=1)


def test_hook_and_project_file_hold_for_fixtures_too(project):
    pack = {"input": {"required": {"a": ["INT", {}], "b": ["INT", {}]}}, "output": [], "output_node": True,
            "name": "Two", "display_name": "Two", "python_module": "custom_nodes.two"}  # fmt: skip
    found = plain()
    found["nodes"].append(node(20, "Two", [1, "button", 2]))
    project.write("workflows/two.json", found)
    project.write("comfy-widgets.toml", '["Two"]\nwidgets = ["a", {name = "x", sent = false}, "b"]\n')
    script(
        project,
        """
def test_two(comfy_client, comfy_workflow):
    assert comfy_client.converted(comfy_workflow("two.json")).prompt()["20"]["inputs"] == {"a": 1, "b": 2}
""",
    )
    with FakeComfyServer((), synthesize=definitions(Two=pack)) as live:
        project.run("test_them.py", "--comfy-url", live.url).assert_outcomes(passed=1)


def test_warning_is_told_once_a_test(project, live):
    short = plain()
    short["nodes"][0]["widgets_values"].pop()
    project.write("workflows/short.json", short)
    script(
        project,
        """
def test_short(comfy_run):
    comfy_run("short.json")
    comfy_run("short.json", {"Canvas.color": 3})
""",
    )
    project.ini("filterwarnings = always::pytest_comfy.workflow.graph.ConversionWarning")
    result = project.run("test_them.py", "--comfy-url", live.url)
    result.assert_outcomes(passed=1)
    assert len([line for line in lines_of(result) if "ConversionWarning: workflows/short.json: " in line]) == 1


def test_class_that_no_golden_run_knows(project):
    project.both()
    project.write("workflows/edit.json", nested())
    script(project, "def test_edit(comfy_run):\n    comfy_run('edit.json')\n")
    result = project.run("test_them.py")
    result.assert_outcomes(failed=1)
    assert "no golden run has the definition of 'ImageBlur': record it live" in result.stdout.str()
