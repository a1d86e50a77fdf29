"""A small recorded run, made by hand, and a client that speaks the raw protocol."""

from __future__ import annotations

import copy
import json
import struct

import pytest
import requests
import websocket

from pytest_comfy.golden import GoldenRun
from pytest_comfy.server import FakeComfyServer

PNG = b"\x89PNG\r\n\x1a\n picture"
JPEG = b"\xff\xd8\xff preview"
RUN = "<prompt_id>"
PROMPT = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "color": 7}, "_meta": {"title": "Canvas"}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "cap/img"}},
}


def state(node, value, most, name):
    return {"value": value, "max": most, "state": name, "node_id": node, "prompt_id": RUN,
            "display_node_id": node, "parent_node_id": None, "real_node_id": node}  # fmt: skip


def document(filename="img_00001_.png", hold=0.0):
    """hold  seconds, as recorded, between `executing 1` and what follows."""
    image = {"filename": filename, "subfolder": "cap", "type": "output"}
    running, finished = state("1", 0.0, 1.0, "running"), state("1", 1.0, 1.0, "finished")
    both = {"1": finished, "2": state("2", 0.0, 1.0, "running")}
    done = {"1": finished, "2": state("2", 1.0, 1.0, "finished")}
    run = {"prompt_id": RUN}
    events = [
        [0.001, {"type": "execution_start", "data": {**run, "timestamp": 0}}],
        [0.002, {"type": "execution_cached", "data": {"nodes": [], **run, "timestamp": 1}}],
        [0.003, {"type": "progress_state", "data": {**run, "nodes": {"1": running}}}],
        [0.003, {"type": "executing", "data": {"node": "1", "display_node": "1", **run}}],
        [0.004 + hold, {"binary": 4, "data": {"node_id": "1", **run}, "file": "previews/0.jpg"}],
        [0.004 + hold, {"type": "progress", "data": {"value": 1, "max": 1, **run, "node": "1"}}],
        [0.005 + hold, {"type": "progress_state", "data": {**run, "nodes": {"1": finished}}}],
        [0.005 + hold, {"type": "progress_state", "data": {**run, "nodes": both}}],
        [0.006 + hold, {"type": "executing", "data": {"node": "2", "display_node": "2", **run}}],
        [0.007 + hold, {"type": "executed",
                        "data": {"node": "2", "display_node": "2", "output": {"images": [image]}, **run}}],
        [0.008 + hold, {"type": "progress_state", "data": {**run, "nodes": done}}],
        [0.009 + hold, {"type": "execution_success", "data": {**run, "timestamp": 9}}],
        [0.010 + hold, {"type": "executing", "data": {"node": None, **run}}],
    ]  # fmt: skip
    messages = [[e["type"], e["data"]] for _, e in events if str(e.get("type")).startswith("execution_")]
    return {
        "format": 1,
        "prompt": copy.deepcopy(PROMPT),
        "environment": {"comfyui": "0.8.0", "python": "3.11.7", "torch": "2.13.0", "os": "linux",
                        "argv": ["main.py"], "devices": [{"name": "cpu", "type": "cpu"}],
                        "models": {"checkpoints/a.safetensors": {}}},
        "node_definitions": {"EmptyImage": {"output_node": False}, "SaveImage": {"output_node": True}},
        "events": events,
        "status": {"status_str": "success", "completed": True, "messages": messages},
        "ui": {"2": {"images": [image]}},
        "meta": {"2": {"node_id": "2", "display_node": "2", "parent_node": None, "real_node_id": "2"}},
        "outputs": [{"node": "2", "key": "images", "index": 0, "file": "2.images.0.png", "type": "output",
                     "title": "Save", "media_type": "image/png", "sha256": "0"}],
    }  # fmt: skip


def write(folder, content):
    (folder / "previews").mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(content))
    (folder / "2.images.0.png").write_bytes(PNG)
    (folder / "previews/0.jpg").write_bytes(JPEG)
    return GoldenRun.load(folder)


@pytest.fixture
def golden(tmp_path):
    return write(tmp_path / "golden/txt2img/default", document())


@pytest.fixture
def held(tmp_path):
    """A run that, at speed 1, hangs in node 1 for an hour."""
    return write(tmp_path / "golden/held/default", document(hold=3600.0))


@pytest.fixture
def server(golden):
    with FakeComfyServer([golden]) as running:
        yield running


class Peer:
    def __init__(self, server, sid="c", flags=None, path="/ws"):
        self.url = server.url
        self.ws = websocket.create_connection(f"ws{server.url[4:]}{path}?clientId={sid}", timeout=10)
        self.sid = sid
        self.greeting = self.next()
        if flags:
            self.ws.send(json.dumps({"type": "feature_flags", "data": flags}))
            assert self.next()["type"] == "feature_flags"

    def next(self):
        received = self.ws.recv()
        return json.loads(received) if isinstance(received, str) else received

    def until(self, wanted):
        seen = [self.next()]
        while not (isinstance(seen[-1], dict) and wanted(seen[-1])):
            seen.append(self.next())
        return seen

    def until_end(self):
        return self.until(is_end)

    def post(self, prompt=PROMPT, **more):
        body = {"prompt": prompt, "client_id": self.sid, **more}
        return requests.post(self.url + "/prompt", json=body, timeout=10)

    def run(self, prompt=PROMPT, **more):
        prompt_id = self.post(prompt, **more).json()["prompt_id"]
        return prompt_id, self.until_end()

    def history(self, prompt_id):
        return requests.get(f"{self.url}/history/{prompt_id}", timeout=10).json().get(prompt_id)


def is_end(one):
    return one["type"] == "executing" and one["data"]["node"] is None


def idle(one):
    return one["type"] == "status" and one["data"]["status"]["exec_info"]["queue_remaining"] == 0


def short(one):
    """A message in the notation of the protocol's traces."""
    if isinstance(one, bytes):
        return f"BIN{struct.unpack('>I', one[:4])[0]}"
    if one["type"] == "status":
        return f"ST({one['data']['status']['exec_info']['queue_remaining']})"
    if one["type"] in ("executing", "executed"):
        return f"{one['type']} {one['data']['node']}"
    return one["type"]


@pytest.fixture
def connect():
    peers = []

    def connected(*args, **more):
        peers.append(Peer(*args, **more))
        return peers[-1]

    yield connected
    for peer in peers:
        peer.ws.shutdown()  # close() leaves the socket open where the server closed first
