"""Golden runs that the recording proxy writes: whole whatever clients and server do, and replayed alike."""

from __future__ import annotations

import copy
import io
import json
import socket
import time

import pytest
import requests
from aiohttp import web
from PIL import Image
from projects import graph, recorded

from pytest_comfy.golden import GoldenRun, find_runs
from pytest_comfy.server import FakeComfyServer
from pytest_comfy.server.recording import RecordingProxy, results

from ..conftest import JPEG, PROMPT, Peer, document, short, write
from .upstream import AppUpstream, Recording


def picture():
    buffer = io.BytesIO()
    Image.new("RGB", (16, 8), (200, 30, 40)).save(buffer, "PNG")
    return buffer.getvalue()


def golden_run(folder, hold=0.0):
    golden = write(folder, document(hold=hold))
    (folder / "2.images.0.png").write_bytes(picture())
    return golden


@pytest.fixture
def upstream(tmp_path):
    with FakeComfyServer([golden_run(tmp_path / "golden/txt2img/default")]) as running:
        yield running


@pytest.fixture
def slow_upstream(tmp_path):
    """Hangs in node 1 for an hour, or until it is interrupted."""
    with FakeComfyServer([golden_run(tmp_path / "golden/held/default", hold=3600.0)], speed=1.0) as running:
        yield running


@pytest.fixture
def recording(upstream, tmp_path):
    with Recording(upstream.url, tmp_path / "into") as running:
        yield running


def kinds(golden):
    return [event.get("type") or f"BIN{event['binary']}" for _, event in golden.events]


def post(server, **more):
    return requests.post(server.url + "/prompt", json={"prompt": PROMPT, **more}, timeout=10).json()


def in_node_1(one):
    return one["type"] == "executing" and one["data"]["node"] == "1"


def eventually(true):
    """Wait for what no message tells."""
    until = time.monotonic() + 10
    while not true():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("flags", [None, {"supports_preview_metadata": True}])
def test_what_is_recorded_is_replayed_alike(recording, connect, flags):
    """Same messages in the same order, same history, same bytes; the client saw what it sees without proxy."""
    peer = connect(recording, flags=flags)
    prompt_id, seen = peer.run()
    entry = peer.history(prompt_id)
    folder = recording.next_run()
    with FakeComfyServer(recording.into) as replayed:
        again = connect(replayed, flags=flags)
        second_id, heard = again.run()
        assert [short(one) for one in heard] == [short(one) for one in seen]
        assert [one for one in heard if isinstance(one, bytes) and one[:4] == b"\0\0\0\1"] == [
            one for one in seen if isinstance(one, bytes) and one[:4] == b"\0\0\0\1"
        ]
        told = again.history(second_id)
        assert told["outputs"] == entry["outputs"]
        assert told["meta"] == entry["meta"]
        for server in (recording, replayed):
            url = server.url + "/view?filename=img_00001_.png&subfolder=cap"
            assert requests.get(url, timeout=10).content == picture()
    golden = GoldenRun.load(folder)
    assert golden.prompt == PROMPT
    assert [(one.name, one.size, one.file) for one in golden.outputs] == [("2.images.0", (16, 8), "2.images.0.png")]
    assert golden.environment["comfyui"] == "0.8.0"
    assert set(golden.document["node_definitions"]) == {"EmptyImage", "SaveImage"}
    assert (folder / "previews/0.jpg").read_bytes() == JPEG
    assert prompt_id not in (folder / "run.json").read_text()


def test_folders_count_the_recordings_of_a_prompt(upstream, tmp_path, connect):
    for expected in ("0001", "0002"):
        with Recording(upstream.url, tmp_path / "into") as recording:
            peer = connect(recording, expected)
            peer.run()
            folder = recording.next_run()
            assert folder.name == expected
            assert folder.parent.name.startswith("cap-img-") and len(folder.parent.name) == len("cap-img-") + 8
    assert len(list(find_runs(tmp_path / "into"))) == 2


def test_without_previews(upstream, tmp_path, connect):
    with Recording(upstream.url, tmp_path / "into", previews=False) as recording:
        connect(recording).run()
        assert not (recording.next_run() / "previews").exists()


@pytest.mark.parametrize("path", ["/prompt", "/api/prompt"])
def test_a_client_without_socket(recording, path):
    """It polls, or does not even do that: the proxy listens in its place."""
    requests.post(recording.url + path, json={"prompt": PROMPT, "client_id": "deaf"}, timeout=10)
    golden = GoldenRun.load(recording.next_run())
    assert kinds(golden)[0] == "execution_start" and kinds(golden)[-2:] == ["execution_success", "executing"]
    assert kinds(golden).count("executed") == 1
    assert len(golden.outputs) == 1


@pytest.mark.parametrize("client_id", [None, "", 5, ["x"], "sp ace/%2F+é"])
def test_strange_client_ids(recording, client_id):
    answer = post(recording, client_id=client_id)
    golden = GoldenRun.load(recording.next_run())
    assert golden.document["status"]["status_str"] == "success"
    assert answer["prompt_id"] not in json.dumps(golden.document)


def test_progress_of_a_prompt_without_client_id_is_heard(recording):
    requests.post(recording.url + "/prompt", json={"prompt": PROMPT}, timeout=10)
    told = kinds(GoldenRun.load(recording.next_run()))
    assert {"progress", "progress_state", "BIN1"} <= set(told)


def test_two_clients_at_once(upstream, recording, connect):
    first, second = connect(recording, "one"), connect(recording, "two")
    bystander = connect(recording, "three")
    first.post(prompt_id="a")
    second.post(prompt_id="b")
    first.until_end(), second.until_end()
    runs = {recording.next_run(), recording.next_run()}
    for folder in runs:
        told = kinds(GoldenRun.load(folder))
        assert told.count("execution_start") == told.count("execution_success") == 1
    assert len(runs) == 2 and bystander.greeting["type"] == "status"


def test_an_id_posted_twice_gives_two_runs(recording, connect):
    peer = connect(recording)
    for _ in range(2):
        peer.post(prompt_id="same")
        peer.until_end()
        assert kinds(GoldenRun.load(recording.next_run())).count("execution_start") == 1


@pytest.mark.parametrize("farewell", ["says Close", "dies"])
def test_a_client_that_leaves_in_the_middle(slow_upstream, tmp_path, connect, farewell):
    with Recording(slow_upstream.url, tmp_path / "into") as recording:
        peer = connect(recording, "left")
        peer.post()
        peer.until(in_node_1)
        old = slow_upstream.hub._clients["left"]
        peer.ws.close() if farewell == "says Close" else peer.ws.sock.close()
        eventually(lambda: slow_upstream.hub._clients.get("left") not in (None, old))
        requests.post(recording.url + "/interrupt", timeout=10)
        golden = GoldenRun.load(recording.next_run())
    assert kinds(golden)[-2:] == ["execution_interrupted", "executing"]
    assert golden.document["status"]["status_str"] == "error"


def test_a_client_that_comes_back_gets_its_messages(slow_upstream, tmp_path, connect):
    """The proxy's own socket under this id gives way: ComfyUI sends to the latest only."""
    with Recording(slow_upstream.url, tmp_path / "into") as recording:
        post(recording, client_id="late")
        peer = connect(recording, "late")
        requests.post(recording.url + "/interrupt", timeout=10)
        assert [short(one) for one in peer.until_end()][-3:] == ["execution_interrupted", "ST(0)", "executing None"]
        assert GoldenRun.load(recording.next_run()).document["status"]["status_str"] == "error"


def test_a_run_over_just_before_the_stop_is_written(upstream, tmp_path):
    with Recording(upstream.url, tmp_path / "into") as recording:
        peer = Peer(recording)
        peer.run()
        peer.ws.close()
    assert len(list(find_runs(tmp_path / "into"))) == 1
    assert recording.proxy.problems == []


def test_a_run_that_has_not_ended_is_told_and_not_written(slow_upstream, tmp_path, connect):
    with Recording(slow_upstream.url, tmp_path / "into") as recording:
        peer = connect(recording)
        answer = peer.post().json()
        peer.until(in_node_1)
    assert recording.proxy.problems == [
        f"prompt {answer['prompt_id']} is not recorded: it had not ended when the recording was stopped"
    ]
    assert list(find_runs(tmp_path / "into")) == []


def test_a_server_that_dies_in_the_middle(slow_upstream, tmp_path, connect, monkeypatch):
    monkeypatch.setattr(results, "_GONE", 0.5)
    with Recording(slow_upstream.url, tmp_path / "into") as recording:
        peer = connect(recording)
        requests.get(recording.url + "/features", timeout=10)
        peer.post(prompt_id="p")
        peer.until(in_node_1)
        slow_upstream.stop()
        assert "prompt p is not recorded: the server died" in recording.complaints.get(timeout=20)
        assert requests.get(recording.url + "/queue", timeout=10).status_code == 502
    assert list(find_runs(tmp_path / "into")) == []
    assert (tmp_path / "into/exchanges.json").exists()


def test_a_prompt_taken_off_the_queue(slow_upstream, tmp_path, connect):
    with Recording(slow_upstream.url, tmp_path / "into") as recording:
        peer = connect(recording)
        peer.post(prompt_id="runs")
        peer.until(in_node_1)
        post(recording, prompt_id="gone")
        requests.post(recording.url + "/queue", json={"delete": ["gone"]}, timeout=10)
        assert "prompt gone is not recorded: it is neither" in recording.complaints.get(timeout=20)
        requests.post(recording.url + "/interrupt", timeout=10)
        recording.next_run()


def test_history_deleted_at_once_is_recorded_before(recording, connect):
    peer = connect(recording)
    for number in range(5):
        prompt_id, _ = peer.run()
        requests.post(recording.url + "/history", json={"delete": [prompt_id]}, timeout=10)
        assert recording.next_run().name == f"000{number + 1}"


def test_refused_prompts_are_not_recorded(recording):
    prompt = copy.deepcopy(PROMPT)
    prompt["1"]["inputs"]["color"] = 8
    for body in ({"prompt": prompt}, {"prompt": {}}, {}, [], {"prompt": [1]}):
        requests.post(recording.url + "/prompt", json=body, timeout=10)
    requests.post(recording.url + "/prompt", data=b"{", timeout=10)
    post(recording)
    assert recording.next_run().name == "0001"
    assert len(list(find_runs(recording.into))) == 1


def test_secrets_are_not_written(tmp_path):
    """Keys in inputs, in extra_data and in the picture's own metadata."""
    from PIL.PngImagePlugin import PngInfo

    told = PngInfo()
    told.add_text("prompt", '{"api_key": "sk-very-secret"}')
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "PNG", pnginfo=told)
    golden = document()
    golden["prompt"]["1"]["inputs"]["api_key"] = "sk-very-secret"
    folder = tmp_path / "golden/a/b"
    write(folder, golden)
    (folder / "2.images.0.png").write_bytes(buffer.getvalue())
    with FakeComfyServer([folder]) as upstream, Recording(upstream.url, tmp_path / "into") as recording:
        extra = {"api_key_comfy_org": "comfy-secret-key"}
        body = {"prompt": golden["prompt"], "extra_data": extra, "client_id": "c"}
        assert requests.post(recording.url + "/prompt", json=body, timeout=10).status_code == 200
        recording.next_run()
    written = b"".join(path.read_bytes() for path in (tmp_path / "into").rglob("*") if path.is_file())
    assert b"secret" not in written and b"\x89PNG" in written


def test_targets_of_a_partial_run_are_kept(recording):
    post(recording, partial_execution_targets=["2"])
    assert GoldenRun.load(recording.next_run()).document["partial_execution_targets"] == ["2"]


def test_texts_sent_by_nodes_keep_their_place(tmp_path):
    golden = document()
    golden["events"].insert(6, [0.0045, {"binary": 3, "data": {"node_id": "1", "text": "see /home/me/x.txt"}}])
    write(tmp_path / "golden/a/b", golden)
    with FakeComfyServer([tmp_path / "golden"]) as upstream, Recording(upstream.url, tmp_path / "into") as recording:
        post(recording, client_id="c")
        recorded = GoldenRun.load(recording.next_run())
    told = kinds(recorded)
    assert told[told.index("BIN3") - 1] in ("BIN4", "progress") and told.index("BIN3") < told.index("executed")
    assert recorded.events[told.index("BIN3")][1]["data"] == {"node_id": "1", "text": "see …/x.txt"}


def test_a_client_that_hangs_up_on_the_answer(tmp_path):
    """The prompt was queued all the same, and its answer read to the end."""
    prompt_id = "11111111-2222-4333-8444-555555555555"
    entry = {"prompt": [0, prompt_id, {}, {}, []], "outputs": {}, "status": {"status_str": "success"}, "meta": {}}

    async def handler(request):
        if request.method == "POST":
            hung_up.append(peer.close())
            return web.json_response({"prompt_id": prompt_id, "number": 0, "node_errors": {}})
        return web.json_response({prompt_id: entry} if request.path.startswith("/history") else {})

    hung_up = []
    with AppUpstream(handler) as upstream, Recording(upstream.url, tmp_path / "into") as recording:
        host, port = recording.url[7:].split(":")
        peer = socket.create_connection((host, int(port)))
        body = json.dumps({"prompt": PROMPT}).encode()
        peer.sendall(b"POST /prompt HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        assert GoldenRun.load(recording.next_run()).document["status"] == {"status_str": "success"}
    assert hung_up == [None]


def test_an_output_that_is_not_given_is_told(tmp_path):
    entry = {"prompt": [0, "p", {}, {}, []], "status": {}, "meta": {},
             "outputs": {"2": {"images": [{"filename": "../../etc/passwd", "subfolder": "/", "type": "output"}],
                               "text": ["hello", None, {"a": 1}], "animated": [False]}}}  # fmt: skip

    async def handler(request):
        if request.path == "/prompt":
            return web.json_response({"prompt_id": "p", "number": 0})
        if request.path == "/view":
            return web.Response(status=404)
        return web.json_response({"p": entry} if request.path == "/history/p" else [])

    with AppUpstream(handler) as upstream, Recording(upstream.url, tmp_path / "into") as recording:
        post(recording)
        golden = GoldenRun.load(recording.next_run())
        assert "output 2.images.0 is not kept: the server answers 404" in recording.complaints.get(timeout=10)
    assert [one.name for one in golden.outputs] == ["2.text.0", "2.text.2"]
    assert {path.name for path in golden.folder.iterdir()} == {"run.json", "2.text.0.txt", "2.text.2.json"}


def test_names_from_prompts_never_become_paths(tmp_path):
    async def handler(request):
        if request.path == "/prompt":
            return web.json_response({"prompt_id": "../../p", "number": 0})
        return web.json_response({"../../p": {"prompt": [0], "outputs": {"../../up": {"../k": ["text"]}}}})

    prompt = {"../../up": {"class_type": "SaveImage", "inputs": {"filename_prefix": "../../../etc/\0cron.d"}}}
    with AppUpstream(handler) as upstream, Recording(upstream.url, tmp_path / "a/into") as recording:
        requests.post(recording.url + "/prompt", json={"prompt": prompt}, timeout=10)
        folder = recording.next_run()
    assert folder.parent.parent == tmp_path / "a/into"
    assert folder.parent.name.startswith("etc-cron-d-")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("facts", [{"size": 9, "modified": "2026-11-26T00:26:47.946Z", "sshs_model_hash": "ab"}, {}])
def test_model_files_are_recorded_as_the_server_tells_them(tmp_path, facts):
    prompt = {**graph(), "5": {"class_type": "EmptyImage", "inputs": {"width": 8, "name": "a.safetensors"}}}
    told = {"a.safetensors": {"folder": "vae", **facts}} if facts else {"a.safetensors": {}}
    upstream = recorded(prompt, environment={"models": told})
    with FakeComfyServer([upstream]) as server, RecordingProxy(server.url, tmp_path) as proxy:
        requests.post(f"{proxy.url}/prompt", json={"prompt": prompt, "client_id": "c"}, timeout=10)
    (folder,) = proxy.recorded
    assert GoldenRun.load(folder).environment["models"] == told


def test_a_server_of_today_is_recorded_and_replayed_alike(tmp_path, connect):
    """Its messages say the workflow's id, its files their size; it tells of exported assets in the midst of a run."""
    content = document()
    content["environment"]["comfyui"] = "0.38.0"
    content["ui"]["2"]["images"][0] |= {"metadata": {"kind": "image", "width": 16}, "id": "a-1", "preview_id": "a-2"}
    content["events"][9][1]["data"]["output"] = content["ui"]["2"]
    content["events"].insert(6, [0.005, {"type": "asset_export", "data": {"id": "x", "status": "done"}}])
    source = tmp_path / "golden/today/default"
    golden = write(source, content)
    (source / "2.images.0.png").write_bytes(picture())
    extra_data = {"workflow_metadata": {"workflow_id": "w-1"}}
    with FakeComfyServer([golden]) as upstream, Recording(upstream.url, tmp_path / "into") as recording:
        peer = connect(recording)
        prompt_id = peer.post(extra_data=extra_data).json()["prompt_id"]
        heard = peer.until_end()
        run = recording.next_run()
        assert recording.complaints.empty()
    assert {"asset_export", "executed"} <= {one["type"] for one in heard if isinstance(one, dict)}
    kept = GoldenRun.load(run)
    assert kept.document["environment"]["comfyui"] == "0.38.0"
    assert "w-1" not in (run / "run.json").read_text()
    assert kept.document["ui"]["2"]["images"][0]["metadata"] == {"kind": "image", "width": 16}
    with FakeComfyServer([kept]) as again:
        peer = connect(again)
        _, told = peer.run(extra_data={"workflow_metadata": {"workflow_id": "w-2"}})
    ids = {one["data"].get("workflow_id") for one in told if isinstance(one, dict) and "prompt_id" in one["data"]}
    assert ids == {"w-2"}
    assert prompt_id not in json.dumps([one for one in told if isinstance(one, dict)])


@pytest.mark.parametrize(("version", "told"), [("0.38.2", 0), ("0.99.0", 1)])
def test_a_server_that_nobody_knows_is_recorded_and_said_once(tmp_path, connect, caplog, version, told):
    content = document()
    content["environment"]["comfyui"] = version
    golden = write(tmp_path / "golden/late/default", content)
    with FakeComfyServer([golden]) as upstream, Recording(upstream.url, tmp_path / "into") as recording:
        peer = connect(recording)
        for _ in range(2):
            peer.run()
            recording.next_run()
    said = [one.getMessage() for one in caplog.records if one.name.startswith("pytest_comfy.server.recording")]
    assert said == ["ComfyUI 0.99.0 is newer than 0.38.0, the newest that is known: it is taken to do the same"] * told
