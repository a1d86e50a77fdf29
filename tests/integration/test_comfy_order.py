"""--comfy-order: cases that share a checkpoint follow each other, or the longest go first; tests keep their places."""

from __future__ import annotations

import pytest
from projects import graph, lines_of, recorded


@pytest.fixture
def cases(project, serve):
    """Write cases that load a model file: cases({"a": "one.safetensors"}), and how many seconds they took."""

    def make(models, seconds=None):
        runs = []
        for name, model in models.items():
            loader = {
                "class_type": "CheckpointLoaderSimple",
                "inputs": {"ckpt_name": model},
                "_meta": {"title": "Load"},
            }
            prompt = graph(color=ord(name), **({"4": loader} if model else {}))
            run = recorded(prompt, definitions={"CheckpointLoaderSimple": {"output_node": False, "output": ["MODEL"]}})
            run.document["events"][-1][0] = (seconds or {}).get(name, 1.0)
            project.workflow(name, prompt)
            project.golden(f"{name}/default", run=run)
            runs.append(run)
        return runs, [serve(*runs) for _ in range(2)]

    return make


def order_of(result):
    return "".join(line.split("::")[0].rpartition("/")[2][0] for line in lines_of(result) if "%]" in line)


MODELS = {"a": "one.safetensors", "b": "two.ckpt", "c": "one.safetensors", "d": "", "e": "two.ckpt", "f": ""}


@pytest.mark.parametrize(
    ("words", "order"),
    [
        ((), "abcdef"), (("--comfy-order=file",), "abcdef"), (("--comfy-order=model",), "acbedf"),
        (("--comfy-order", "longest"), "fedcba"),
    ],
)  # fmt: skip
def test_of_one_server(project, cases, words, order):
    _, (server, _) = cases(MODELS, {name: at + 1.0 for at, name in enumerate("abcdef")})
    result = project.run("workflows", "-v", "--comfy-url", server.url, "--comfy-preflight=off", *words)
    result.assert_outcomes(passed=6)
    assert order_of(result) == order
    assert [chr(body["prompt"]["3"]["inputs"]["color"]) for body in server.prompts] == [*order]


def test_several_servers_have_the_longest_first(project, cases):
    _, servers = cases(MODELS, {"c": 9.0, "e": 5.0})
    words = [word for server in servers for word in ("--comfy-url", server.url)]
    result = project.run("workflows", "-v", *words, "--comfy-preflight=off")
    assert order_of(result) == "ceabdf"
    result = project.run("workflows", "-v", *words, "--comfy-preflight=off", "--comfy-order=file")
    assert order_of(result) == "abcdef"


def test_by_ini_and_offline(project, cases):
    cases(MODELS)
    project.ini("comfy_order = model")
    assert order_of(project.run("workflows", "-v")) == "acbedf"


def test_python_tests_keep_their_places(project, cases):
    cases(MODELS)
    project.write("workflows/cc/test_between.py", "def test_it(): pass\n")
    project.workflow("z", graph(color=ord("z")), folder="workflows/zz")
    project.golden("zz/z/default", prompt=graph(color=ord("z")))
    before, after = (order_of(project.run("workflows", "-v", f"--comfy-order={one}")) for one in ("file", "model"))
    # Before pytest 8 the files of a folder come before its folders.
    assert (before, after) in [("abctdefz", "acbtdfze"), ("abcdeftz", "acbedftz")]


def test_models_of_files_in_ui_form_and_of_values(project, cases):
    from pytest_comfy.cases.models import models_asked
    from pytest_comfy.workflow import Workflow

    nodes = [
        {"id": 1, "type": "UNETLoader", "widgets_values": ["flux.safetensors", "default"], "inputs": [], "outputs": []},
        {"id": 2, "type": "VAELoader", "widgets_values": ["ae.sft"], "inputs": [], "outputs": []},
        {"id": 3, "type": "Note", "widgets_values": ["no model"], "inputs": [], "outputs": []},
    ]
    ui = Workflow.from_graph({"nodes": nodes, "links": [], "version": 0.4})
    assert models_asked(ui, {}) == (("flux.safetensors",), ("ae.sft",))
    (api, *_), _ = cases({"a": "one.safetensors"})
    workflow = Workflow.from_graph(dict(api.prompt))
    assert models_asked(workflow, {"4.ckpt_name": "other.ckpt"}) == (("other.ckpt",), ())
    assert models_asked(workflow, {"nowhere.x": 1}) == ((), ())


def test_name_that_is_none(project, cases):
    cases(MODELS)
    result = project.run("workflows", "--comfy-order=models")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "did you mean 'model'?" in result.stderr.str()
