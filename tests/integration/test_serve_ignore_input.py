"""`--ignore-input`: prompts that differ from a recording in inputs that do not matter."""

from __future__ import annotations

import pytest
import requests
from commands.test_serve import served
from hypothesis import given
from hypothesis import strategies as st
from projects import graph, png, recorded

from pytest_comfy.golden import GoldenStore
from pytest_comfy.server import FakeComfyServer
from pytest_comfy.server.recordings.likeness import with_contents, without_inputs


def post(url, prompt):
    return requests.post(url + "/prompt", json={"prompt": prompt}, timeout=10)


def renamed(prompt):
    """The same prompt under other node ids."""
    ids = {node_id: f"n{node_id}" for node_id in prompt}
    return {
        ids[node_id]: {
            **node,
            "inputs": {
                name: [ids[value[0]], value[1]] if isinstance(value, list) else value
                for name, value in node["inputs"].items()
            },
        }
        for node_id, node in prompt.items()
    }


@pytest.mark.parametrize("pattern", ["*.color", "EmptyImage.color", "3.color", "EmptyImage.*", "*"])
def test_what_is_ignored_may_differ(pattern):
    with FakeComfyServer(recorded(), ignore_inputs=[pattern]) as server:
        assert post(server.url, graph(color=5)).status_code == 200


@pytest.mark.parametrize("patterns", [[], ["color"], ["SaveImage.*"], ["9.color"], ["*.colour"]])
def test_all_else_is_compared(patterns):
    with FakeComfyServer(recorded(), ignore_inputs=patterns) as server:
        assert post(server.url, graph(color=5)).status_code == 400


def test_outputs_are_those_of_the_posted_nodes():
    picture = png()
    with FakeComfyServer(recorded(graph(), {"9": {"images": [picture]}}), ignore_inputs=["*.color"]) as server:
        prompt_id = post(server.url, renamed(graph(color=5))).json()["prompt_id"]
        while not (history := requests.get(f"{server.url}/history/{prompt_id}", timeout=10).json()):
            pass
        (item,) = history[prompt_id]["outputs"]["n9"]["images"]
        assert requests.get(server.url + "/view", params=item, timeout=10).content == picture


def test_a_recording_of_the_very_prompt_comes_first():
    pictures = {7: png(1), 5: png(2)}
    runs = [recorded(graph(color=color), {"9": {"images": [one]}}) for color, one in pictures.items()]
    with FakeComfyServer(runs, ignore_inputs=["*.color"]) as server:
        assert post(server.url, graph(color=5)).status_code == 200
        assert [run.prompt for run in server.unused] == [graph(color=7)]


def test_from_the_command_line(tmp_path):
    GoldenStore(tmp_path).write("x/default", recorded())
    with served(tmp_path, "--ignore-input", "*.color", "--ignore-input", "*.filename_prefix") as told:
        assert post(told["url"], graph(color=5)).status_code == 200


JSON = st.recursive(
    st.none() | st.booleans() | st.text(max_size=3) | st.just(["1", 0]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["class_type", "inputs", "a"]), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["1", "2"]), JSON), st.lists(st.text(max_size=3), max_size=2))
def test_no_prompt_breaks_it(prompt, patterns):
    before = repr(prompt)
    left = without_inputs(prompt, patterns)
    assert left.keys() == prompt.keys() == with_contents(prompt, {"a": "b"}).keys()
    assert repr(prompt) == before and (patterns or left == prompt)
