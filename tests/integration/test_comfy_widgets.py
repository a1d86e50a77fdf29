"""`comfy_widgets` and comfy-widgets.toml, and the hook pytest_comfy_widgets."""

from __future__ import annotations

import pytest
from projects import failure_of
from ui_form import definitions, node, plain

from pytest_comfy import FakeComfyServer

RUN = "golden/txt2img/default/run.json"
HEAD = "txt2img.json [default]"
PAINT = {
    "input": {"required": {"image": ["IMAGE"], "strength": ["FLOAT", {"default": 1.0}], "mode": [["add", "cut"]]}},
    "input_order": {"required": ["image", "strength", "mode"]}, "output": [], "output_is_list": [], "output_name": [],
    "output_node": True, "name": "Paint", "display_name": "Paint", "python_module": "custom_nodes.paint",
}  # fmt: skip
TABLE = '["Paint"]\nwidgets = ["strength", {name = "a button", sent = false}, "mode"]\n'
OTHER = '["Paint"]\nwidgets = ["strength", "mode", {name = "a button", sent = false}]\n'
HOOK = """
def pytest_comfy_widgets(class_type, definition):
    if class_type == "Paint":
        assert definition["python_module"] == "custom_nodes.paint"
        return {"widgets": ["strength", {"name": "a button", "sent": False}, "mode"]}
"""


@pytest.fixture
def live():
    with FakeComfyServer((), synthesize=definitions(Paint=PAINT)) as server:
        yield server


@pytest.fixture(autouse=True)
def workflow(project):
    """A node whose pack's JavaScript puts a button between its two widgets."""
    found = plain()
    found["nodes"].append(node(20, "Paint", [0.5, "pressed", "cut"], [("image", "IMAGE", 20)]))
    found["nodes"][0]["outputs"][0]["links"].append(20)
    found["links"].append([20, 3, 0, 20, 0, "IMAGE"])
    return project.workflow(prompt=found)


def sent(project, live):
    result = project.run("workflows", "--comfy-url", live.url, "--comfy-update")
    result.assert_outcomes(passed=1)
    inputs = project.read(RUN)["prompt"]["20"]["inputs"]
    project.run("workflows").assert_outcomes(passed=1)  # offline as well
    return inputs


EXPECTED = {"strength": 0.5, "mode": "cut", "image": ["3", 0]}


def test_without_a_word_it_is_refused(project, live):
    result = project.run("workflows", "--comfy-url", live.url, "--comfy-update")
    result.assert_outcomes(failed=1)
    assert "node 20 'Paint'" in failure_of(result, HEAD)[0]


def test_file_of_the_project(project, live):
    project.write("comfy-widgets.toml", TABLE)
    assert sent(project, live) == EXPECTED


def test_files_of_the_ini_replace_it_and_the_last_one_wins(project, live):
    project.write("comfy-widgets.toml", "no TOML at all")
    project.write("packs/a.toml", OTHER)
    project.write("packs/b.toml", TABLE)
    project.ini("comfy_widgets =", "    packs/a.toml", "    packs/b.toml")
    assert sent(project, live) == EXPECTED


def test_hook(project, live):
    project.write("conftest.py", HOOK)
    assert sent(project, live) == EXPECTED


def test_hook_goes_before_the_file(project, live):
    project.write("comfy-widgets.toml", OTHER)
    project.write("conftest.py", HOOK)
    assert sent(project, live) == EXPECTED


def test_hook_of_a_folder_holds_for_its_workflows(project, live):
    project.write("workflows/conftest.py", HOOK)
    assert sent(project, live) == EXPECTED


def test_first_hook_that_knows_the_class_answers(project, live):
    project.write("conftest.py", "def pytest_comfy_widgets(class_type): return None\n")
    project.write("workflows/conftest.py", HOOK)
    assert sent(project, live) == EXPECTED


@pytest.mark.parametrize(
    ("table", "told"),
    [("{'widgts': []}", "unknown key 'widgts' (did you mean 'widgets'?)"), ("5", "5")],
)
def test_hook_that_answers_something_else(project, live, table, told):
    project.write("conftest.py", f"def pytest_comfy_widgets(class_type): return {table}\n")
    result = project.run("workflows", "--comfy-url", live.url)
    result.assert_outcomes(failed=1)
    (line,) = failure_of(result, HEAD)
    assert line.startswith("hook pytest_comfy_widgets for '") and told in line


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("widgets = [", "broken TOML: "),
        ('["Paint"]\nwidgts = []\n', "Paint: unknown key 'widgts' (did you mean 'widgets'?)"),
        ('["Paint"]\nwidgets = 5\n', "Paint.widgets: 5 is not what the key takes"),
        (b"\xff\xfe", "not UTF-8 text (byte 0)"),
    ],
)
@pytest.mark.parametrize("named", [False, True])
def test_wrong_file_is_a_usage_error(project, content, told, named):
    project.write("packs.toml" if named else "comfy-widgets.toml", content)
    if named:
        project.ini("comfy_widgets = packs.toml")
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in result.errlines if line.startswith("ERROR: ")]
    assert line.startswith("ERROR: comfy_widgets: ") and told in line
    assert ("packs.toml" if named else "comfy-widgets.toml") in line
    assert "Traceback" not in result.stderr.str()


def test_file_that_is_not_there(project):
    project.ini("comfy_widgets = gone.toml")
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "gone.toml: cannot be read (No such file or directory)" in result.stderr.str()


def test_hook_is_known_to_pytest(project):
    """Unknown hooks of conftest files are errors where pluggy is told to check; ours takes only these arguments."""
    project.write("conftest.py", "def pytest_comfy_widgets(class_type, other): pass\n")
    result = project.run_apart("workflows")
    assert result.ret != 0
    assert "pytest_comfy_widgets" in result.stderr.str() + result.stdout.str()
