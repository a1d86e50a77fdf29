"""`pytest-comfy lint`: workflows held against definitions, without a server."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from projects import Project, graph
from ui_form import definitions, node, plain

ROOT = Path(__file__).parents[2]


@pytest.fixture
def lint(project):
    """Run the command in the project: lint(words) -> the finished process."""

    def start(*words, cwd=None):
        command = [sys.executable, "-m", "pytest_comfy.commands", "lint", *map(str, words)]
        done = subprocess.run(command, cwd=cwd or project.root, capture_output=True, text=True, timeout=60)
        assert "Traceback" not in done.stderr
        return done

    return start


def broken():
    prompt = graph()
    prompt["3"]["inputs"]["width"] = 99999
    return prompt


def given(project: Project, **more):
    return project.write("object_info.json", definitions(**more))


def kept(*names):
    return {name: definitions()[name] for name in names}


def test_workflows_of_the_project_are_held_against_a_file(project, lint):
    project.workflow("good")
    project.workflow("bad", broken())
    done = lint("--definitions", given(project).name)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "against object_info.json",
        "",
        "workflows/bad.json",
        "  error    node 3 'Canvas' (EmptyImage): input 'width' is 99999, above its max",
        "           of 16384",
        "",
        "2 workflows, 1 of them sure to break: 1 error, 0 warnings, 0 notes",
    ]


def test_without_definitions_golden_runs_have_them(project, lint):
    project.both("good", definitions=kept("EmptyImage", "SaveImage"))
    project.workflow("bad", broken())
    done = lint()
    assert done.returncode == 1
    assert "against the node definitions that golden runs keep" in done.stdout
    assert "workflows/bad.json" in done.stdout and "workflows/good.json" not in done.stdout


def test_what_no_golden_run_knows_is_told_and_no_error(project, lint):
    project.workflow()
    done = lint("-v")
    assert done.returncode == 0
    assert "no golden run has the definition of its class" in " ".join(done.stdout.split())


def test_nothing_wrong_is_status_0(project, lint):
    project.workflow()
    done = lint("--definitions", given(project))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "1 workflow: 0 errors, 0 warnings, 0 notes"


def test_drift_since_the_golden_run_is_told(project, lint):
    project.both("txt2img", definitions=kept("EmptyImage", "SaveImage"))
    now = definitions()
    now["EmptyImage"]["input"]["required"]["width"][1]["min"] = 16
    now["EmptyImage"]["deprecated"] = True
    done = lint("-v", "--definitions", project.write("now.json", now))
    told = " ".join(done.stdout.split())
    assert done.returncode == 0
    assert "warning node 3 'Canvas' (EmptyImage): its class is deprecated" in told
    assert "info node 3 'Canvas' (EmptyImage): input 'width' has the min 16 (was 1)" in told


def test_cases_are_told_apart(project, lint):
    project.workflow(sidecar="[cases.default]\n[cases.wide.set]\n'Canvas.width' = 99999\n")
    done = lint("--definitions", given(project), "--json")
    (workflow,) = json.loads(done.stdout)["workflows"]
    assert workflow["cases"] == ["default", "wide"]
    assert [(one["kind"], one["cases"]) for one in workflow["findings"]] == [("out-of-range", ["wide"])]
    assert "(case wide)" in " ".join(lint("--definitions", "object_info.json").stdout.split())


def test_cases_that_are_skipped_are_not_looked_at(project, lint):
    project.workflow(prompt=broken(), sidecar='skip = "not now"\n')
    done = lint("--definitions", given(project))
    assert done.returncode == 0


def test_files_that_a_sidecar_sends_are_no_missing_choice(project, lint):
    prompt = graph()
    prompt["4"] = {"class_type": "VAELoader", "inputs": {"vae_name": "depth.safetensors"}}
    prompt["5"] = {"class_type": "VAEDecode", "inputs": {"vae": ["4", 0], "samples": ["6", 0]}}
    prompt["6"] = {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}}
    prompt["9"]["inputs"]["images"] = ["5", 0]
    known = definitions()
    known["Decoder"] = known["VAELoader"]
    prompt["4"]["class_type"] = "Decoder"
    project.workflow(prompt=prompt, sidecar='inputs = ["depth.safetensors"]\n')
    assert lint("--definitions", project.write("now.json", known)).returncode == 1
    project.write("workflows/inputs/depth.safetensors", b"x")
    assert lint("--definitions", "now.json").returncode == 0


def test_json_has_all_that_is_found(project, lint):
    project.workflow(prompt=broken())
    document = json.loads(lint("--definitions", given(project), "--json").stdout)
    assert document["schema"] == 1
    assert document["counts"] == {"error": 1, "warning": 0, "info": 0}
    assert document["workflows"] == [
        {
            "workflow": "workflows/txt2img.json",
            "cases": ["default"],
            "findings": [
                {
                    "severity": "error", "kind": "out-of-range", "node": "3", "title": "Canvas",
                    "class_type": "EmptyImage", "input": "width",
                    "sentence": "input 'width' is 99999, above its max of 16384", "cases": ["default"],
                }
            ],
        }
    ]  # fmt: skip


def test_same_of_several_nodes_is_one_line(project, lint):
    known = definitions()
    known["SaveImage"]["deprecated"] = True
    project.workflow(prompt=graph(saves=("9", "10", "11")))
    done = lint("--definitions", project.write("now.json", known))
    assert [line for line in done.stdout.splitlines() if line.startswith("  warning")] == [
        "  warning  nodes 9, 10, 11 (SaveImage): its class is deprecated: a later ComfyUI",
    ]


@pytest.mark.parametrize("name", ["workflows/bad.json", "workflows/bad.toml", "workflows", "workflows/comfy.toml"])
def test_files_may_be_workflows_sidecars_and_folders(project, lint, name):
    project.workflow("bad", broken(), sidecar="timeout = 3\n")
    project.write("workflows/comfy.toml", "timeout = 3\n")
    project.write("workflows/notes.json", {"a": 1})
    done = lint(name, "--definitions", given(project))
    assert done.returncode == 1
    assert "workflows/bad.json" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("1 workflow, 1 of them")


def test_folder_outside_of_the_globs_is_looked_at_all_the_same(project, lint):
    project.workflow("bad", broken(), folder="others")
    assert "others/bad.json" in lint("others", "--definitions", given(project)).stdout


def test_files_of_others_are_left_alone(project, lint):
    project.golden()
    project.write("package.json", {"name": "x"})
    done = lint("package.json", "golden/txt2img/default/run.json")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "0 workflows: 0 errors, 0 warnings, 0 notes")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nowhere.json"], "nowhere.json: is not there"),
        ([], "has no workflows, as comfy_workflows (workflows/**/*.json) matches no file"),
        (["--definitions", "nowhere.json"], "has no workflows"),
        (["--root", "nowhere"], "nowhere: is no folder"),
    ],
)
def test_wrong_usage_is_status_2(lint, words, told):
    done = lint(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("pytest-comfy lint: ") and told in done.stderr


@pytest.mark.parametrize("content", ["[]", "{", '{"a": 1}', "{}"])
def test_definitions_that_are_none_are_status_2(project, lint, content):
    project.workflow()
    done = lint("--definitions", project.write("now.json", content))
    assert done.returncode == 2
    assert "now.json: " in done.stderr


def test_workflow_that_cannot_be_read_is_an_error_of_its_own(project, lint):
    project.write("workflows/cut.json", '{"3": {"class_type"')
    project.workflow("side", sidecar="nonsense = 1\n")
    project.workflow("good")
    done = lint("--definitions", given(project))
    told = " ".join(done.stdout.split())
    assert done.returncode == 1
    assert "workflows/cut.json error" in told and "broken JSON" in told and "nonsense" in told
    assert "3 workflows, 2 of them sure to break" in told


def test_values_that_fit_no_node_are_an_error_of_their_own(project, lint):
    project.workflow(sidecar="[set]\n'Nobody.width' = 3\n")
    done = lint("--definitions", given(project))
    assert done.returncode == 1
    assert "'Nobody" in done.stdout


def test_seed_left_on_randomize_is_a_note(project, lint):
    page = plain()
    page["nodes"].append(node(20, "KSampler", [1, "randomize", 20, 7.0, "euler", "normal", 1.0]))
    project.workflow(prompt=page)
    done = lint("--definitions", given(project), "-v")
    assert "info node 20 (KSampler): input 'seed' is left on randomize" in " ".join(done.stdout.split())


def test_projects_below_the_root_have_their_own_golden_runs(project, lint):
    project.ini("comfy_workflows = packages/*/workflows/**/*.json")
    project.write("packages/one/workflows/bad.json", broken())
    project.workflow("good")
    done = lint("--definitions", given(project))
    assert "packages/one/workflows/bad.json" in done.stdout


@pytest.mark.parametrize("cwd", ["", "packages/one"])
def test_projects_that_no_glob_names_are_found_as_pytest_finds_them(project, lint, cwd):
    for name in ("packages/one", "packages/two", "node_modules/three"):
        project.write(f"{name}/comfy.toml", "")
        project.write(f"{name}/workflows/bad.json", broken())
    done = lint("--definitions", given(project), cwd=project.root / cwd)
    assert done.returncode == 1
    assert "packages/one/workflows/bad.json" in done.stdout and "packages/two/workflows/bad.json" in done.stdout
    assert "three" not in done.stdout


def test_hostile_names_are_text(project, lint):
    prompt = graph()
    prompt["3"]["_meta"]["title"] = "\x1b[31mred\u202e"
    prompt["3"]["inputs"]["width"] = "\x1b]0;x\x07"
    project.workflow(prompt=prompt)
    done = lint("--definitions", given(project))
    assert done.returncode == 1
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", done.stdout)


def test_no_server_is_asked(project, lint, dead_url, monkeypatch):
    monkeypatch.setenv("COMFY_URL", dead_url)
    project.workflow()
    assert lint("--definitions", given(project)).returncode == 0


class TestPreCommit:
    HOOKS = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")

    def value(self, name):
        return re.search(rf"^  {name}: (.*)$", self.HOOKS, re.MULTILINE)[1]

    @pytest.mark.parametrize(
        ("path", "wanted"),
        [
            ("workflows/a.json", True), ("packages/one/workflows/deep/a.json", True), ("workflows/a.toml", True),
            ("comfy.toml", True), ("workflows/comfy.toml", True), ("golden/a/default/run.json", False),
            ("package.json", False), ("myworkflows/a.json", False),
        ],
    )  # fmt: skip
    def test_hook_takes_workflows_and_what_stands_beside_them(self, path, wanted):
        assert bool(re.search(self.value("files"), path)) is wanted

    def test_hook_starts_a_command_that_is_there(self):
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        script, command = self.value("entry").split()
        assert script in project["scripts"]
        done = subprocess.run([sys.executable, "-m", "pytest_comfy.commands", command, "--help"], capture_output=True)
        assert done.returncode == 0

    def test_as_pre_commit_calls_it(self, project, lint):
        project.workflow("bad", broken())
        given(project)
        assert lint("workflows/bad.json", "--definitions", "object_info.json").returncode == 1
