"""Golden runs of the recorder tell the content of input files, and what the server offers is kept."""

from __future__ import annotations

import hashlib
import json

import pytest
import requests
import websocket
from projects import png, recorded

from pytest_comfy.golden import GoldenRun
from pytest_comfy.golden.exchanges import Exchange, Exchanges
from pytest_comfy.server import FakeComfyServer

from .upstream import Recording

INFO = {
    "LoadImage": {
        "input": {"required": {"image": [[], {"image_upload": True}]}},
        "output": ["IMAGE", "MASK"], "output_node": False, "python_module": "nodes",
    },
    "SaveImage": {"input": {"required": {"images": ["IMAGE", {}]}}, "output": [], "output_node": True},
    "KSampler": {"input": {"required": {"sampler_name": [["euler", "own"], {}]}}, "output": [], "output_node": False},
}  # fmt: skip


def prompt_of(name):
    return {
        "3": {"class_type": "LoadImage", "inputs": {"image": name}, "_meta": {"title": "Load"}},
        "9": {"class_type": "SaveImage", "inputs": {"images": ["3", 0]}, "_meta": {"title": "Save"}},
    }


@pytest.fixture
def upstream():
    told = json.dumps(INFO).encode()
    json_kind = {"Content-Type": "application/json; charset=utf-8"}
    exchanges = Exchanges(
        Exchange("GET", path, (), None, 200, json_kind, content)
        for path, content in (("/object_info", told), ("/features", b'{"supports_preview_metadata": true, "x": 1}'))
    )
    names = ["temp.png", "sub/temp.png", "there.png"]
    runs = [recorded(prompt_of(name), {"9": {"images": [png()]}}, definitions=INFO) for name in names]
    with FakeComfyServer(runs, exchanges=exchanges) as running:
        yield running


@pytest.fixture
def recording(upstream, tmp_path):
    with Recording(upstream.url, tmp_path / "into") as running:
        yield running


def upload(url, content, name="temp.png", **more):
    files = {"image": (name, content)}
    return requests.post(url + "/upload/image", files=files, data=more, timeout=10).json()["name"]


def run_of(recording, name):
    assert requests.post(recording.url + "/prompt", json={"prompt": prompt_of(name)}, timeout=10).status_code == 200
    return GoldenRun.load(recording.next_run())


def told(*contents):
    return {name: {"sha256": hashlib.sha256(content).hexdigest()} for name, content in contents}


def test_uploads_are_told_by_their_content_at_the_time_of_the_post(recording):
    first, second = png(1), png(2)
    upload(recording.url, first)
    one = run_of(recording, "temp.png")
    upload(recording.url, second, overwrite="true")
    upload(recording.url, first, subfolder="sub")
    again = run_of(recording, "temp.png")
    assert one.document["inputs"] == told(("temp.png", first))
    assert again.document["inputs"] == told(("temp.png", second))
    assert run_of(recording, "sub/temp.png").document["inputs"] == told(("sub/temp.png", first))


def test_files_that_were_there_before_are_looked_at(upstream, recording):
    content = png(3)
    upload(upstream.url, content, "there.png")
    assert run_of(recording, "there.png").document["inputs"] == told(("there.png", content))


def test_a_file_that_the_server_does_not_give_is_found_by_its_name(recording):
    assert "inputs" not in run_of(recording, "there.png").document


def test_an_upload_that_is_refused_is_passed_on(recording):
    assert requests.post(recording.url + "/upload/image", data={"x": "1"}, timeout=10).status_code == 400


def test_what_the_server_offers_is_offered_again(recording, tmp_path):
    upload(recording.url, png(1))
    run_of(recording, "temp.png")
    recording.proxy.stop()
    with FakeComfyServer(tmp_path / "into") as server:
        info = requests.get(server.url + "/object_info/KSampler", timeout=10).json()
        assert info["KSampler"]["input"]["required"]["sampler_name"][0] == ["euler", "own"]
        assert requests.get(server.url + "/features?clientId=x", timeout=10).json()["x"] == 1
        socket = websocket.create_connection(f"ws{server.url[4:]}/ws", timeout=10)
        socket.send(json.dumps({"type": "feature_flags", "data": {}}))
        flags = [json.loads(socket.recv()) for _ in range(2)][-1]
        socket.close()
    assert flags == {"type": "feature_flags", "data": {"supports_preview_metadata": True, "x": 1}}
