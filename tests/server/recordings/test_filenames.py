"""Replay of files that are named by bare text: found where they were, and called otherwise in every run."""

from __future__ import annotations

import json

import pytest
import requests
from projects import Item, graph, png, recorded

from pytest_comfy.client import ComfyClient
from pytest_comfy.server import FakeComfyServer

MODEL = b"Kaydara FBX Binary  \0\x1a\0"
VIEW = {"4": {"class_type": "Save3DAdvanced", "inputs": {"model_3d": ["3", 0]}, "_meta": {"title": "View"}}}


@pytest.fixture
def server():
    items = [Item("3d/a_00001.fbx", MODEL), Item({}), Item("temp/bg_1.png", png(), "temp")]
    definitions = {"Save3DAdvanced": {"output_node": True}}
    run = recorded(graph(saves=(), **VIEW), {"4": {"result": items}}, definitions=definitions, files=True)
    with FakeComfyServer([run]) as one:
        yield one, run.prompt


def view(server, name, subfolder="", kind="output"):
    params = {"filename": name, "subfolder": subfolder, "type": kind}
    return requests.get(server.url + "/view", params=params, timeout=10)


def test_the_counter_goes_on_and_each_file_is_there(server):
    fake, prompt = server
    with ComfyClient(fake.url) as client:
        first, second = (client.run(prompt, fresh=True) for _ in range(2))
    assert first.ui["4"]["result"] == ["3d/a_00001.fbx", {}, "temp/bg_1.png"]
    assert second.ui["4"]["result"] == ["3d/a_00002.fbx", {}, "temp/bg_1.png"]
    (told,) = (event.data["output"] for event in second.events if event.type == "executed")
    assert told == second.ui["4"]
    assert [(one.name, one.type, one.data[:4]) for one in second.outputs] == [
        ("4.result.0", "output", b"Kayd"), ("4.result.1", "output", b"{}"), ("4.result.2", "temp", b"\x89PNG"),
    ]  # fmt: skip
    assert [view(fake, f"a_0000{number}.fbx", "3d").status_code for number in (1, 2, 3)] == [200, 200, 404]
    assert view(fake, "bg_1.png", kind="temp").status_code == 200
    assert view(fake, "bg_1.png", "temp").status_code == 404


def test_from_the_cache_it_is_called_as_before(server):
    fake, prompt = server
    with ComfyClient(fake.url) as client:
        client.run(prompt, use_cache=True)
        again = client.run(prompt, use_cache=True)
    assert again.ui["4"]["result"][0] == "3d/a_00001.fbx"
    assert json.loads(json.dumps(again.ui)) == again.ui
