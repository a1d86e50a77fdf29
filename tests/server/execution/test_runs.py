"""Traces of runs, as the protocol reference numbers them (T1, T2, ...)."""

from __future__ import annotations

import copy

import pytest
import requests

from pytest_comfy.server import FakeComfyServer

from ..conftest import JPEG, PNG, PROMPT, document, idle, short, write

T1 = [
    "ST(1)", "ST(1)", "execution_start", "execution_cached", "progress_state", "executing 1",
    "progress", "BIN1",
    "progress_state", "progress_state", "executing 2", "executed 2", "progress_state",
    "execution_success", "ST(0)", "executing None",
]  # fmt: skip


def with_nonce(value):
    prompt = copy.deepcopy(PROMPT)
    prompt["1"]["inputs"]["_pytest_comfy_nonce"] = value
    return prompt


def file_of(entry, node="2"):
    return entry["outputs"][node]["images"][0]["filename"]


def test_a_run_sends_trace_1_and_fills_history(server, connect):
    peer = connect(server)
    prompt_id, seen = peer.run(extra_data={"extra_pnginfo": {"a": 1}})
    assert [short(one) for one in seen] == T1
    entry = peer.history(prompt_id)
    number, told, prompt, extra, outputs = entry["prompt"]
    assert (number, told, prompt, outputs) == (0, prompt_id, PROMPT, ["2"])
    assert extra.keys() == {"client_id", "extra_pnginfo", "create_time"}
    assert entry["status"]["completed"] is True
    names = [kind for kind, _ in entry["status"]["messages"]]
    assert names == ["execution_start", "execution_cached", "execution_success"]
    assert entry["status"]["messages"][0][1]["timestamp"] >= extra["create_time"]
    image = entry["outputs"]["2"]["images"][0]
    assert requests.get(server.url + "/view", params=image, timeout=10).content == PNG


def test_an_identical_post_is_answered_from_the_cache(server, connect):
    peer = connect(server)
    peer.run()
    prompt_id, seen = peer.run()
    assert [short(one) for one in seen] == [
        "ST(1)", "ST(1)", "execution_start", "execution_cached", "executed 2", "progress_state",
        "execution_success", "ST(0)", "executing None",
    ]  # fmt: skip
    assert seen[3]["data"]["nodes"] == ["1", "2"]
    assert file_of(peer.history(prompt_id)) == "img_00001_.png"


def test_a_nonce_makes_the_run_execute_again_with_new_names(server, connect):
    peer = connect(server)
    peer.run(with_nonce(1))
    prompt_id, seen = peer.run(with_nonce(2))
    assert [short(one) for one in seen] == T1
    assert seen[11]["data"]["output"]["images"][0]["filename"] == "img_00002_.png"
    assert file_of(peer.history(prompt_id)) == "img_00002_.png"


def test_free_memory_forgets_the_cache(server, connect):
    peer = connect(server)
    peer.run()
    requests.post(server.url + "/free", json={"free_memory": True}, timeout=10)
    assert [short(one) for one in peer.run()[1]] == T1


def test_node_ids_are_those_of_the_posted_prompt(tmp_path, connect):
    content = document()
    child = {"node": "1.0.0.5", "display_node": "1", "prompt_id": "<prompt_id>"}
    content["events"].insert(4, [0.003, {"type": "executing", "data": child}])
    golden = write(tmp_path / "g/w/default", content)
    prompt = {"7": PROMPT["1"], "8": {**PROMPT["2"], "inputs": {**PROMPT["2"]["inputs"], "images": ["7", 0]}}}
    with FakeComfyServer([golden]) as server:
        peer = connect(server)
        prompt_id, seen = peer.run(prompt)
        nodes = [one["data"]["node"] for one in seen if isinstance(one, dict) and one["type"] == "executing"]
        assert nodes == ["7", "7.0.0.5", "8", None]
        entry = peer.history(prompt_id)
        assert entry["outputs"].keys() == entry["meta"].keys() == {"8"}
        assert entry["prompt"][4] == ["8"]


def test_only_the_owner_hears_of_a_run(server, connect):
    owner, other = connect(server, "a"), connect(server, "b")
    owner.run()
    assert [short(one) for one in other.until(idle)] == ["ST(1)", "ST(1)", "ST(0)"]


def test_without_client_id_progress_is_for_everyone(server, connect):
    peer = connect(server, flags={"supports_preview_metadata": True})
    posted = requests.post(server.url + "/api/prompt", json={"prompt": PROMPT}, timeout=10).json()
    seen = {short(one) for one in peer.until(idle)}
    assert seen == {"ST(1)", "ST(0)", "progress_state", "progress", "BIN1"}
    assert file_of(peer.history(posted["prompt_id"])) == "img_00001_.png"


def test_previews_carry_metadata_only_where_negotiated(server, connect):
    peer = connect(server, flags={"supports_preview_metadata": True})
    _, seen = peer.run()
    names = [short(one) for one in seen]
    assert names.index("BIN4") == names.index("progress") - 1
    assert "BIN1" not in names
    frame = seen[names.index("BIN4")]
    assert b'"image_type": "image/jpeg"' in frame
    assert frame.endswith(JPEG)


def test_flags_count_only_in_the_first_message(server, connect):
    peer = connect(server)
    peer.ws.send('{"type": "hello"}')
    peer.ws.send('{"type": "feature_flags", "data": {"supports_preview_metadata": true}}')
    names = [short(one) for one in peer.run()[1]]
    assert "feature_flags" not in names
    assert "BIN1" in names


@pytest.mark.parametrize("lost", ["end", "start", "all"])
def test_an_incomplete_recording_is_replayed_to_its_end(tmp_path, connect, lost):
    content = document()
    content["events"] = {"end": content["events"][:5], "start": content["events"][5:], "all": []}[lost]
    content["status"] = {}
    with FakeComfyServer([write(tmp_path / "g/w/default", content)]) as server:
        peer = connect(server)
        prompt_id, seen = peer.run()
        names = [short(one) for one in seen]
        assert names[:4] == T1[:4]
        assert names[-3:] == T1[-3:]
        assert names.count("executed 2") == 1
        assert peer.history(prompt_id)["status"]["status_str"] == "success"


def test_history_is_filled_when_the_end_is_told(held, connect):
    with FakeComfyServer([held], speed=1.0) as server:
        peer = connect(server)
        prompt_id = peer.post().json()["prompt_id"]
        peer.until(lambda one: short(one) == "executing 1")
        assert peer.history(prompt_id) is None
        requests.post(server.url + "/interrupt", timeout=10)
        peer.until(idle)
        assert peer.history(prompt_id)["status"]["status_str"] == "error"


@pytest.mark.parametrize("body", [None, {"prompt_id": "mine"}])
def test_interrupt(held, connect, body):
    with FakeComfyServer([held], speed=1.0) as server:
        peer = connect(server)
        peer.post(prompt_id="mine")
        peer.until(lambda one: short(one) == "executing 1")
        requests.post(server.url + "/interrupt", json={"prompt_id": "other"}, timeout=10)
        assert requests.get(server.url + "/prompt", timeout=10).json()["exec_info"]["queue_remaining"] == 1
        requests.post(server.url + "/interrupt", json=body, timeout=10)
        seen = peer.until_end()
        assert [short(one) for one in seen] == ["execution_interrupted", "ST(0)", "executing None"]
        assert seen[0]["data"]["node_type"] == "EmptyImage"
        assert peer.history("mine")["status"]["messages"][-1][0] == "execution_interrupted"


def test_a_deleted_pending_prompt_is_heard_of_no_more(held, connect):
    with FakeComfyServer([held], speed=1.0) as server:
        peer = connect(server)
        peer.post(prompt_id="first")
        peer.until(lambda one: short(one) == "executing 1")
        assert peer.post(prompt_id="second").json()["number"] == 1
        queue = requests.get(server.url + "/queue", timeout=10).json()
        assert [item[1] for item in queue["queue_running"] + queue["queue_pending"]] == ["first", "second"]
        requests.post(server.url + "/queue", json={"delete": ["second", "unknown"]}, timeout=10)
        assert [short(peer.next()) for _ in range(3)] == ["ST(2)", "ST(1)", "ST(1)"]
        assert requests.get(server.url + "/queue", timeout=10).json()["queue_pending"] == []
        assert peer.history("second") is None


def test_a_client_that_comes_back_is_told_the_current_node(held, connect):
    with FakeComfyServer([held], speed=1.0) as server:
        peer = connect(server)
        peer.post()
        peer.until(lambda one: short(one) == "executing 1")
        peer.ws.close()
        again = connect(server)
        assert again.greeting["data"]["sid"] == "c"
        assert again.next() == {"type": "executing", "data": {"node": "1"}}


def test_the_nth_post_replays_the_nth_recording(tmp_path, connect):
    first = write(tmp_path / "g/w/a", document("one_00001_.png"))
    write(tmp_path / "g/w/b", document("two_00001_.png"))
    with FakeComfyServer(tmp_path / "g") as server:
        assert server.unused == [first.folder, tmp_path / "g/w/b"]
        peer = connect(server)
        names = [file_of(peer.history(peer.run(with_nonce(n))[0])) for n in range(3)]
        assert names == ["one_00001_.png", "two_00001_.png", "two_00002_.png"]
        assert server.unused == []
