"""What clients that nobody here wrote have found: ComfyUI's web page, its own execution tests, scripts in a shell."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
import requests
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from pytest_comfy.golden import GoldenRun
from pytest_comfy.server import FakeComfyServer
from pytest_comfy.server.recordings.accepted import loosened
from pytest_comfy.server.recordings.choices import with_choices_of

from .conftest import RUN, document, state
from .recording.upstream import AppUpstream, Recording

EXTENSIONS = ["/extensions/core/groupNode.js", "/extensions/some pack/js/main.js"]
ARGV = ["main.py", "--cpu", "--listen", "10.0.0.7", "--disable-api-nodes", "--enable-manager"]


async def page(request):
    answers = {
        "/extensions": EXTENSIONS,
        "/system_stats": {"system": {"argv": ARGV, "comfyui_version": "0.8.0"}, "devices": []},
        "/assets/map.json": {"of": "the page"},
    }
    return web.json_response(answers[request.path.removeprefix("/api")])


def prompt_of(**values):
    load = {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": values.get("model", "a.safetensors")}}
    node = {"class_type": values.get("class_type", "Own"), "inputs": {"value": values.get("value", 0.5)}}
    if "image" in values:
        node["inputs"]["image"] = values["image"]
    if "link" in values:
        node["inputs"]["link"] = values["link"]
    return {"1": node, "2": load}


def golden(module="custom_nodes.pack", models=None, more=None, **values):
    """A golden run of a node with a range, of which /object_info does not tell that its pack checks it itself."""
    prompt = prompt_of(**values)
    model = prompt["2"]["inputs"]["ckpt_name"]
    inputs = {"value": ["FLOAT", {"min": 0.0, "max": 1.0}], **(more or {})}
    definitions = {
        "Own": {"input": {"required": inputs}, "output": [], "output_node": True, "python_module": module},
        "CheckpointLoaderSimple": {
            "input": {"required": {"ckpt_name": [[model], {}]}}, "output": ["MODEL"], "output_node": True,
            "python_module": "nodes",
        },
    }  # fmt: skip
    environment = {"comfyui": "0.8.0", "models": models or {}}
    return GoldenRun(
        {"format": 1, "prompt": prompt, "node_definitions": definitions, "environment": environment, "events": []}
    )


def post(server, prompt):
    return requests.post(server.url + "/prompt", json={"prompt": prompt}, timeout=10)


@pytest.fixture
def recorded_page(tmp_path):
    with AppUpstream(page) as upstream, Recording(upstream.url, tmp_path / "page") as recording:
        for path in ("/api/extensions", "/api/system_stats", "/assets/map.json"):
            assert requests.get(recording.url + path, timeout=10).status_code == 200
    with FakeComfyServer(tmp_path / "page") as server:
        yield server


def test_the_pages_scripts_keep_their_addresses(recorded_page):
    assert requests.get(recorded_page.url + "/extensions", timeout=10).json() == EXTENSIONS


def test_the_page_sees_the_flags_it_asks_for_and_no_others(recorded_page):
    told = requests.get(recorded_page.url + "/api/system_stats", timeout=10).json()
    assert told["system"]["argv"] == ["main.py", "--cpu", "--disable-api-nodes", "--enable-manager"]


def test_files_of_the_page_are_not_recorded(recorded_page):
    assert requests.get(recorded_page.url + "/assets/map.json", timeout=10).status_code == 404


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_serve_ends_on_sigint_in_the_background_of_a_script(tmp_path):
    # A shell has what it starts with & ignore SIGINT, and Python leaves it so.
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); "
        "from pytest_comfy.commands.__main__ import main; main()"
    )
    command = [sys.executable, "-c", code, "serve", str(tmp_path), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline().startswith("http://")
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert "prompts: 0 answered" in out and err == ""


def test_golden_runs_of_one_class_with_different_models():
    first = golden(models={"a.safetensors": {"folder": "checkpoints", "size": 5}})
    second = golden(model="sub/b.safetensors", models={"sub/b.safetensors": {"folder": "checkpoints", "size": 6}})
    with FakeComfyServer([first, second]) as server:
        assert [post(server, one.prompt).status_code for one in (first, second)] == [200, 200]
        told = requests.get(server.url + "/object_info/CheckpointLoaderSimple", timeout=10).json()
        folders = requests.get(server.url + "/models", timeout=10).json()
        models = requests.get(server.url + "/models/checkpoints", timeout=10).json()
    (choices, _) = told["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"]
    assert choices == models == ["a.safetensors", "sub/b.safetensors"]
    assert not {"a.safetensors", "sub"} & set(folders)


def test_a_model_of_which_nothing_is_told_is_no_folder():
    with FakeComfyServer([golden(models={"a.safetensors": {}})]) as server:
        assert "a.safetensors" not in requests.get(server.url + "/models", timeout=10).json()


@pytest.mark.parametrize(
    ("more", "values"),
    [
        ({}, {"value": 5.0}),
        ({}, {"value": -5.0}),
        ({"image": [["a", "b"], {}]}, {"image": "c"}),
        ({"image": ["COMBO", {"options": ["a", "b"]}]}, {"image": "c"}),
        ({"link": ["IMAGE", {}]}, {"link": ["2", 0]}),
        ({"image": [["a"], {}], "link": ["IMAGE", {}]}, {"value": 2.0, "image": "c", "link": ["2", 0]}),
    ],
    ids=["more than max", "less than min", "no choice", "no choice of a COMBO", "type of a link", "all"],
)
def test_what_a_real_server_accepted_is_not_refused_for_what_a_node_pack_decides(more, values):
    only = {"1"}
    run, core = golden(more=more, **values), golden("nodes", more=more, **values)
    for one in (run, core):
        # The loader is no output here: the answer must be that of the node alone.
        one.document["node_definitions"]["CheckpointLoaderSimple"]["output_node"] = False
    with FakeComfyServer([run]) as server:
        assert post(server, run.prompt).status_code == 200
        other = prompt_of(**values | {"value": 77.0})
        refused = post(server, other).json()
        assert refused["error"]["type"] == "prompt_outputs_failed_validation" and set(refused["node_errors"]) == only
    with FakeComfyServer([core]) as server:
        # Of core classes it is known which checks they take upon themselves.
        assert set(post(server, core.prompt).json()["node_errors"]) == only


def test_a_file_that_a_golden_run_names_is_there_and_another_one_only_when_it_is_uploaded():
    run = golden(more={"image": [["a.png"], {"image_upload": True}]}, image="b.png")
    run.document["node_definitions"]["CheckpointLoaderSimple"]["output_node"] = False
    run.document["status"] = {"status_str": "success"}
    with FakeComfyServer([run]) as server:
        assert post(server, run.prompt).status_code == 200
        (error,) = post(server, prompt_of(image="c.png")).json()["node_errors"]["1"]["errors"]
    assert error["type"] == "value_not_in_list"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["input", "required", "x"]), inner),
    max_leaves=12,
)


@given(JSON, JSON)
def test_no_definitions_break_the_joining_of_choices(one, other):
    before = json.dumps(one)
    with_choices_of(one, other)
    assert json.dumps(one) == before


@given(st.dictionaries(st.sampled_from(["input", "python_module"]), JSON | st.just("custom_nodes.x"), max_size=2), JSON)
def test_no_definition_breaks_the_loosening_of_rules(definition, told):
    for kind in ("value_smaller_than_min", "value_not_in_list", "return_type_mismatch", "exception_during_validation"):
        error = {"type": kind, "extra_info": {"input_name": "x", "received_value": told}}
        loosened({"A": definition}, {"1": {"class_type": "A", "errors": [error]}})


def test_nodes_are_named_in_the_order_in_which_they_began(connect):
    content = document()
    rows = [row for row in content["events"] if row[1].get("type") != "progress_state"]
    begun = ["9", "10", "1"]
    states = [{node: state(node, 0.0, 1.0, "running") for node in sorted(begun[:count])} for count in (1, 2, 3)]
    told = [{"type": "progress_state", "data": {"prompt_id": RUN, "nodes": nodes}} for nodes in states]
    rows[2:2] = [[0.003, event] for event in told]
    content["events"] = rows
    with FakeComfyServer([GoldenRun(content)]) as server:
        _, seen = connect(server).run()
    found = [one["data"]["nodes"] for one in seen if isinstance(one, dict) and one["type"] == "progress_state"]
    assert [list(nodes) for nodes in found] == [begun[:1], begun[:2], begun]
