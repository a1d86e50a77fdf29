"""HTTP: refusals, files, uploads, and the server's own life."""

from __future__ import annotations

import copy
import threading

import pytest
import requests

from pytest_comfy.server import FakeComfyServer

from ..conftest import PNG, PROMPT, short


def test_a_prompt_without_recording_is_told_what_differs(server, connect):
    prompt = copy.deepcopy(PROMPT)
    prompt["1"]["inputs"]["color"] = 8
    reply = connect(server).post(prompt)
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert error["type"] == "pytest_comfy_no_recording"
    assert "txt2img/default: node 1 EmptyImage.color is 8, was 7." in error["message"]
    assert error["extra_info"]["differences"] == ["node 1 EmptyImage.color is 8, was 7"]
    assert [body["prompt"] for body in server.unmatched] == [prompt]
    assert server.prompts == []


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({}, "no_prompt"),
        ({"prompt": {}}, "prompt_no_outputs"),
        ({"prompt": {"4": {"inputs": {}}}}, "invalid_prompt"),
        ({"prompt": PROMPT, "partial_execution_targets": []}, "prompt_no_outputs"),
    ],
)
def test_refused_prompts(server, body, kind):
    reply = requests.post(server.url + "/prompt", json=body, timeout=10)
    assert reply.status_code == 400
    assert reply.json()["error"]["type"] == kind


@pytest.mark.parametrize("text", ["{", "[1", '{"prompt": [1]}', '{"number": null}', "null"])
def test_bad_bodies_are_trouble(server, text):
    reply = requests.post(server.url + "/prompt", data=text, timeout=10)
    assert reply.status_code == 500
    assert reply.text == "500 Internal Server Error\n\nServer got itself in trouble"


def test_unknown_paths_and_methods(server):
    assert requests.get(server.url + "/nowhere", timeout=10).status_code == 404
    assert requests.post(server.url + "/nowhere", timeout=10).status_code == 405
    assert requests.delete(server.url + "/queue", timeout=10).status_code == 405
    assert requests.get(server.url + "/ws", timeout=10).status_code == 400
    foreign = {"Origin": "http://evil"}
    assert requests.get(server.url + "/queue", headers=foreign, timeout=10).status_code == 403


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 404),
        ({"filename": ""}, 400),
        ({"filename": "none.png"}, 404),
        ({"filename": "/etc/passwd"}, 400),
        ({"filename": "../x.png"}, 400),
        ({"filename": "a..b.png"}, 400),
        ({"filename": "x.png", "type": "nonsense"}, 400),
        ({"filename": "x.png", "subfolder": "../.."}, 403),
        ({"filename": "x.png", "subfolder": "/etc"}, 403),
        ({"filename": "run.json"}, 404),
        ({"filename": "img_00001_.png", "subfolder": "cap"}, 200),
        ({"filename": "img_00001_.png [output]", "subfolder": "cap/./", "type": "temp"}, 200),
    ],
)
def test_view(server, connect, query, status):
    connect(server).run()
    assert requests.get(server.url + "/view", params=query, timeout=10).status_code == status


def test_view_headers_and_ranges(server, connect):
    connect(server).run()
    url = server.url + "/view?filename=img_00001_.png&subfolder=cap"
    reply = requests.get(url, timeout=10)
    assert reply.headers["Content-Disposition"] == 'filename="img_00001_.png"'
    assert reply.headers["Content-Type"] == "image/png"
    part = requests.get(url, headers={"Range": "bytes=0-3"}, timeout=10)
    assert (part.status_code, part.content) == (206, PNG[:4])
    assert part.headers["Content-Range"] == f"bytes 0-3/{len(PNG)}"
    assert requests.get(url, headers={"Range": "bytes=999-"}, timeout=10).status_code == 416
    assert requests.get(url, headers={"If-None-Match": reply.headers["Etag"]}, timeout=10).status_code == 304


def test_uploads_keep_or_change_their_names(server):
    def upload(content, **fields):
        files = {"image": ("x.png", content)}
        return requests.post(server.url + "/upload/image", files=files, data=fields, timeout=10)

    assert upload(b"a").json() == {"name": "x.png", "subfolder": "", "type": "input"}
    assert upload(b"a").json()["name"] == "x.png"
    assert upload(b"b").json()["name"] == "x (1).png"
    assert upload(b"c", overwrite="true").json()["name"] == "x.png"
    params = {"filename": "x.png", "type": "input"}
    assert requests.get(server.url + "/view", params=params, timeout=10).content == b"c"
    assert upload(b"d", subfolder="../..").status_code == 400
    assert upload(b"d", type="nonsense").status_code == 500


def test_history_is_sliced_deleted_and_cleared(server, connect):
    peer = connect(server)
    for name in "abc":
        peer.run(prompt_id=name)

    def ids(**query):
        return list(requests.get(server.url + "/history", params=query, timeout=10).json())

    assert ids() == ["a", "b", "c"]
    assert ids(max_items=2) == ["b", "c"]
    assert ids(max_items=0) == []
    assert ids(max_items=0, offset=1) == ["b"]
    assert requests.get(server.url + "/history?max_items=x", timeout=10).status_code == 500
    requests.post(server.url + "/history", json={"delete": ["b"]}, timeout=10)
    assert ids() == ["a", "c"]
    requests.post(server.url + "/history", json={"clear": True}, timeout=10)
    assert ids() == []


def test_the_server_tells_of_its_recordings(server):
    def get(path):
        return requests.get(server.url + path, timeout=10).json()

    assert get("/object_info/SaveImage") == {"SaveImage": {"output_node": True}}
    assert get("/api/object_info/Nothing") == {}
    assert get("/system_stats")["system"]["comfyui_version"] == "0.8.0"
    assert get("/models/checkpoints") == ["a.safetensors"]
    assert get("/features")["supports_preview_metadata"] is True


def test_reset_begins_a_new_life_for_connected_clients(held, golden, connect):
    with FakeComfyServer([held], speed=1.0) as server:
        peer = connect(server)
        peer.post()
        peer.until(lambda one: short(one) == "executing 1")
        server.reset([golden])
        assert server.prompts == []
        assert peer.post().json()["number"] == 0
        assert short(peer.until_end()[-1]) == "executing None"
        assert len(requests.get(server.url + "/history", timeout=10).json()) == 1


def test_stop_leaves_nothing_behind_while_a_run_hangs(held, connect):
    server = FakeComfyServer([held], speed=1.0).start()
    peer = connect(server)
    peer.post()
    peer.until(lambda one: short(one) == "executing 1")
    url = server.url
    server.stop()
    server.stop()
    assert not [one for one in threading.enumerate() if one.name == "fake-comfy-server"]
    with pytest.raises(requests.ConnectionError):
        requests.get(url + "/queue", timeout=10)
    with pytest.raises(RuntimeError):
        _ = server.url


def test_add_while_running(golden, connect):
    with FakeComfyServer() as server:
        peer = connect(server)
        assert "has none" in peer.post().json()["error"]["message"]
        server.add(golden)
        assert peer.run()[1]
