"""`pytest-comfy convert`."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from projects import graph
from ui_form import definitions, dice, nested, node, plain

from pytest_comfy import GoldenRun, Workflow
from pytest_comfy.client import ComfyClient
from pytest_comfy.golden import GoldenStore
from pytest_comfy.golden.record import Approval, record


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "object_info.json").write_text(json.dumps(definitions()))
    (tmp_path / "workflows").mkdir()
    return tmp_path


@pytest.fixture
def run(folder, monkeypatch):
    """Run the command in the folder: run("x.json", ...) -> the finished process."""

    def start(*words):
        command = [sys.executable, "-m", "pytest_comfy.commands", "convert", *map(str, words)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
        assert "Traceback" not in done.stderr
        return done

    return start


def write(folder, name, document):
    (folder / name).write_text(json.dumps(document))
    return name


def prompt_of(document, **more):
    return Workflow.from_graph(document).converted(definitions(), **more).prompt()


def refused(done):
    """The one sentence of an error, without the command's name."""
    assert done.returncode == 1 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line.removeprefix("pytest-comfy convert: ")


def golden_of(folder, live, document, key="w/default"):
    """Record a run of a workflow in golden/."""
    with ComfyClient(live.url) as client:
        workflow = client.converted(Workflow.from_graph(document))
        done = client.run(workflow)
        approval = Approval("workflows/w.json", "default", "test", converted=workflow)
        golden = record(done, approval, {"comfyui": "0.8.0"}, client.definitions(workflow.classes()))
    return GoldenStore(folder / "golden").write(key, golden)


def test_prints_the_api_form(folder, run):
    done = run(write(folder, "edit.json", nested()), "--definitions", "object_info.json")
    assert done.returncode == 0 and done.stderr == ""
    assert json.loads(done.stdout) == prompt_of(nested())


def test_result_is_a_workflow_whose_subgraphs_can_be_addressed(folder, run):
    run(write(folder, "edit.json", nested()), "--definitions", "object_info.json", "-o", "api.json")
    workflow = Workflow.load(folder / "api.json").patched({"Edit > Inner > ImageBlur.sigma": 0.5})
    assert workflow.form == "api" and workflow.prompt()["9:8:2"]["inputs"]["sigma"] == 0.5


def test_writes_a_file_whole(folder, run):
    done = run(write(folder, "edit.json", nested()), "--definitions", "object_info.json", "-o", "api.json")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert json.loads((folder / "api.json").read_text()) == prompt_of(nested())
    assert sorted(path.name for path in folder.iterdir()) == [
        "api.json", "edit.json", "object_info.json", "workflows"
    ]  # fmt: skip


def test_what_cannot_be_converted_leaves_the_file_alone(folder, run):
    broken = plain()
    broken["nodes"].append(node(20, "Elsewhere"))
    (folder / "api.json").write_text("before")
    told = refused(run(write(folder, "w.json", broken), "--definitions", "object_info.json", "-o", "api.json"))
    assert told.startswith("w.json: the server has no node class 'Elsewhere'")
    assert (folder / "api.json").read_text() == "before"


def test_server(folder, run, live):
    done = run(write(folder, "edit.json", nested()), "--comfy-url", live.url)
    assert json.loads(done.stdout) == prompt_of(nested())


def test_server_of_the_environment(folder, run, live, monkeypatch):
    monkeypatch.setenv("COMFY_URL", f"{live.url},http://127.0.0.1:1")
    done = run(write(folder, "edit.json", nested()))
    assert json.loads(done.stdout) == prompt_of(nested())


def test_server_that_does_not_answer(folder, run, dead_url):
    assert "connection refused" in refused(run(write(folder, "edit.json", nested()), "--comfy-url", dead_url))


def test_golden_runs_of_the_project(folder, run, live):
    golden_of(folder, live, nested())
    assert json.loads(run(write(folder, "edit.json", nested())).stdout) == prompt_of(nested())


@pytest.mark.parametrize("what", ["golden", "golden/w/default", "golden/w/default/run.json"])
def test_definitions_of_golden_runs(folder, run, live, what):
    golden_of(folder, live, nested())
    (folder / "elsewhere").mkdir()
    (folder / "golden").rename(folder / "elsewhere/golden")
    done = run(write(folder, "edit.json", nested()), "--definitions", f"elsewhere/{what}")
    assert json.loads(done.stdout) == prompt_of(nested())


def test_date_and_choices_are_those_of_the_case(folder, run, live):
    """The file's case under pytest, and this command, make the same prompt of it."""
    document = dice(prefix="%date:yyyy%")
    where = golden_of(folder, live, document)
    golden = json.loads((where / "run.json").read_text())
    golden["conversion"]["date"] = "2001-02-03T04:05:06"
    (where / "run.json").write_text(json.dumps(golden))
    assert GoldenRun.load(where)
    done = run(write(folder, "workflows/w.json", document))
    found = json.loads(done.stdout)
    assert found["9"]["inputs"]["filename_prefix"] == "2001"
    assert found["20"] == prompt_of(document, seed="w/default")["20"]


def test_seed_and_date_of_the_command_line(folder, run):
    document = dice(prefix="%date:yyyy%")
    name = write(folder, "w.json", document)
    for seed in ("1", "2", "x"):
        done = run(name, "--definitions", "object_info.json", "--seed", seed, "--date", "1999-12-31")
        found = json.loads(done.stdout)
        assert found["20"] == prompt_of(document, seed=seed)["20"]
        assert found["9"]["inputs"]["filename_prefix"] == "1999"
    found = json.loads(run(name, "--definitions", "object_info.json", "--seed", "false").stdout)
    assert found["20"]["inputs"]["text"] == "a {red|green|blue|black|white|grey} fox"


def test_warnings_go_to_stderr(folder, run):
    document = dice()
    document["nodes"][0]["widgets_values"].pop()
    done = run(write(folder, "w.json", document), "--definitions", "object_info.json")
    assert done.returncode == 0 and json.loads(done.stdout)
    (line,) = done.stderr.splitlines()
    assert line.startswith("warning: w.json: node 3 'Canvas' (3 values are saved for 4 widgets)")


@pytest.mark.parametrize("words", [("--widgets", "packs.toml"), ()])
def test_widgets(folder, run, words):
    pack = {"input": {"required": {"a": ["INT", {}], "b": ["INT", {}]}}, "output": [], "output_node": True,
            "name": "Two", "display_name": "Two", "python_module": "custom_nodes.two"}  # fmt: skip
    found = plain()
    found["nodes"].append(node(20, "Two", [1, "button", 2]))
    table = '["Two"]\nwidgets = ["a", {name = "x", sent = false}, "b"]\n'
    (folder / ("packs.toml" if words else "comfy-widgets.toml")).write_text(table)
    write(folder, "object_info.json", definitions(Two=pack))
    done = run(write(folder, "w.json", found), "--definitions", "object_info.json", *words)
    assert json.loads(done.stdout)["20"]["inputs"] == {"a": 1, "b": 2}


def test_api_form_is_passed_through(folder, run):
    assert json.loads(run(write(folder, "w.json", graph())).stdout) == graph()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["gone.json"], "gone.json: cannot be read (No such file or directory)"),
        (["object_info.json"], "object_info.json: JSON, but no ComfyUI workflow"),
        (["w.json"], "w.json: in UI form, whose conversion needs node definitions: give a server with --comfy-url"),
        (["w.json", "--definitions", "gone.json"], "gone.json: cannot be read (No such file or directory)"),
        (["w.json", "--definitions", "list.json"], "list.json: holds no node definitions: save what /object_info"),
        (["w.json", "--definitions", "bad.json"], "bad.json: is no JSON ("),
        (["w.json", "--definitions", "workflows"], "workflows: holds no golden run with node definitions: give a"),
        (["w.json", "--date", "soon"], "--date 'soon': write it like 2026-11-24"),
        (["w.json", "--widgets", "gone.toml"], "--widgets: gone.toml: cannot be read (No such file or directory)"),
        (["w.json", "--definitions", "object_info.json", "-o", "no/where.json"], "no/where.json: cannot be written ("),
        (["w.json", "--definitions", "object_info.json", "-o", "w.json"], "w.json: is the workflow itself, which"),
    ],
)
def test_errors_are_one_sentence(folder, run, words, told):
    write(folder, "w.json", plain())
    write(folder, "list.json", [])
    (folder / "bad.json").write_text("{")
    assert refused(run(*words)).startswith(told)
    assert json.loads((folder / "w.json").read_text()) == plain()


def test_wrong_usage(run):
    done = run()
    assert done.returncode == 2 and "usage: pytest-comfy convert" in done.stderr
