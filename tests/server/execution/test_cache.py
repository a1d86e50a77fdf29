"""What a prompt's neighbours in the queue have to do with it: cache, partial targets, versions, reconnection."""

from __future__ import annotations

import copy

import pytest
import requests

from pytest_comfy.server import FakeComfyServer, faults

from ..conftest import PROMPT, RUN, document, short, state, write

TWO_OUTPUTS = {
    **PROMPT,
    "3": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
    "4": {"class_type": "PreviewImage", "inputs": {"images": ["3", 0]}},
}


def other(prefix):
    """The prompt, saved under another name: node 1 means the same, node 2 does not."""
    prompt = copy.deepcopy(PROMPT)
    prompt["2"]["inputs"]["filename_prefix"] = prefix
    return prompt


def recorded(tmp_path, name, prompt, **more):
    content = document(**more)
    content["prompt"] = prompt
    return write(tmp_path / f"g/{name}/default", content)


def two_outputs():
    """A golden run with a second branch from node 1: 3 -> 4."""
    content = document()
    content["prompt"] = copy.deepcopy(TWO_OUTPUTS)
    content["node_definitions"] |= {"ImageInvert": {"output_node": False}, "PreviewImage": {"output_node": True}}
    preview = {"filename": "ComfyUI_temp_abcde_00001_.png", "subfolder": "", "type": "temp"}
    done = {"1": state("1", 1.0, 1.0, "finished"), "2": state("2", 1.0, 1.0, "finished")}
    rows = []
    for node in ("3", "4"):
        done[node] = state(node, 0.0, 1.0, "running")
        rows.append({"type": "progress_state", "data": {"prompt_id": RUN, "nodes": dict(done)}})
        rows.append({"type": "executing", "data": {"node": node, "display_node": node, "prompt_id": RUN}})
        if node == "4":
            told = {"node": "4", "display_node": "4", "output": {"images": [preview]}, "prompt_id": RUN}
            rows.append({"type": "executed", "data": told})
        done[node] = state(node, 1.0, 1.0, "finished")
        rows.append({"type": "progress_state", "data": {"prompt_id": RUN, "nodes": dict(done)}})
    content["events"][-2:-2] = [[0.008, row] for row in rows]
    content["ui"]["4"] = {"images": [preview]}
    content["meta"]["4"] = {"node_id": "4", "display_node": "4", "parent_node": None, "real_node_id": "4"}
    return content


def shorts(seen):
    return [short(one) for one in seen]


def test_nodes_that_the_prompt_before_had_are_cached(tmp_path, connect):
    recorded(tmp_path, "a", PROMPT)
    recorded(tmp_path, "b", other("cap/other"), filename="other_00001_.png")
    with FakeComfyServer(tmp_path / "g") as server:
        peer = connect(server)
        peer.run(other("cap/other"))
        peer.run()
        prompt_id, seen = peer.run(other("cap/other"))
        assert shorts(seen) == [
            "ST(1)", "ST(1)", "execution_start", "execution_cached",
            "progress_state", "executing 2", "executed 2", "progress_state",
            "execution_success", "ST(0)", "executing None",
        ]  # fmt: skip
        assert seen[3]["data"]["nodes"] == ["1"]
        assert [list(seen[at]["data"]["nodes"]) for at in (4, 7)] == [["2"], ["2"]]
        assert peer.history(prompt_id)["outputs"]["2"]["images"][0]["filename"] == "other_00002_.png"


def test_a_cached_output_is_told_of_before_the_rest_runs(tmp_path, connect):
    golden = write(tmp_path / "g/w/default", two_outputs())
    with FakeComfyServer([golden]) as server:
        peer = connect(server)
        assert shorts(peer.run(TWO_OUTPUTS)[1])[-4:] == [
            "progress_state",
            "execution_success",
            "ST(0)",
            "executing None",
        ]
        changed = copy.deepcopy(TWO_OUTPUTS)
        changed["3"]["inputs"]["_pytest_comfy_nonce"] = 1
        prompt_id, seen = peer.run(changed)
        assert seen[3]["data"]["nodes"] == ["1", "2"]
        assert shorts(seen)[4:-3] == [
            "executed 2", "progress_state",
            "progress_state", "executing 3", "progress_state",
            "progress_state", "executing 4", "executed 4", "progress_state",
        ]  # fmt: skip
        finished = seen[5]["data"]["nodes"]["2"]
        assert (finished["value"], finished["max"], finished["state"]) == (1, 1, "finished")
        assert set(peer.history(prompt_id)["outputs"]) == {"2", "4"}


def test_the_cache_holds_what_was_made_last(tmp_path, connect):
    """Two recordings of one prompt, both executed: the third post tells of the second one's file."""
    for name in ("a", "b"):
        recorded(tmp_path, name, PROMPT)
    with FakeComfyServer(tmp_path / "g") as server:
        peer = connect(server)
        names = [peer.history(peer.run()[0])["outputs"]["2"]["images"][0]["filename"] for _ in range(3)]
    assert names == ["img_00001_.png", "img_00002_.png", "img_00002_.png"]


@pytest.mark.parametrize("name", ["clip_{:05}_.png", "clip_{:05}.mp4", "clip_{:05}-audio.mp4"])
def test_a_run_that_executes_again_counts_its_files_on(tmp_path, connect, name):
    for folder in ("a", "b"):
        recorded(tmp_path, folder, PROMPT, filename=name.format(1))
    with FakeComfyServer(tmp_path / "g") as server:
        peer = connect(server)
        names = [peer.history(peer.run()[0])["outputs"]["2"]["images"][0]["filename"] for _ in range(2)]
    assert names == [name.format(1), name.format(2)]


def test_renumbered_nodes_are_cached_as_well(server, connect):
    peer = connect(server)
    peer.run()
    renumbered = {"8": PROMPT["1"], "9": {**PROMPT["2"], "inputs": {**PROMPT["2"]["inputs"], "images": ["8", 0]}}}
    prompt_id, seen = peer.run(renumbered)
    assert seen[3]["data"]["nodes"] == ["8", "9"]
    assert set(peer.history(prompt_id)["outputs"]) == {"9"}


def test_an_input_file_that_changed_is_loaded_again(tmp_path, connect):
    prompt = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "x.png"}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "cap/img"}},
    }
    content = document()
    content["prompt"] = prompt
    content["node_definitions"]["LoadImage"] = {"input": {"required": {"image": [["x.png"], {"image_upload": True}]}}}

    def upload(data):
        files = {"image": ("x.png", data, "image/png")}
        requests.post(server.url + "/upload/image", files=files, data={"overwrite": "true"}, timeout=10)

    with FakeComfyServer([write(tmp_path / "g/w/default", content)]) as server:
        peer = connect(server)
        upload(b"first")
        peer.run(prompt)
        assert peer.run(prompt)[1][3]["data"]["nodes"] == ["1", "2"]
        upload(b"first")
        assert peer.run(prompt)[1][3]["data"]["nodes"] == ["1", "2"]
        upload(b"second")
        assert peer.run(prompt)[1][3]["data"]["nodes"] == []


def test_what_ran_before_an_interrupt_stays_cached(golden, connect):
    with FakeComfyServer([golden]) as server:
        peer = connect(server)
        hold = server.faults.add(faults.hold("executing", node="2"))
        peer.post()
        assert hold.reached.wait(10)
        requests.post(server.url + "/interrupt", timeout=10)
        assert "execution_interrupted" in shorts(peer.until_end())
        assert peer.run()[1][3]["data"]["nodes"] == ["1"]


@pytest.mark.parametrize(("version", "outputs"), [("0.8.0", set()), ("0.3.64", {"2"})])
def test_a_cached_run_of_nobody_has_no_outputs_in_the_newer_version(golden, connect, version, outputs):
    with FakeComfyServer([golden], version=version) as server:
        peer = connect(server)
        ids = [requests.post(server.url + "/prompt", json={"prompt": PROMPT}, timeout=10).json()["prompt_id"]
               for _ in range(2)]  # fmt: skip
        peer.run()
        assert set(peer.history(ids[0])["outputs"]) == {"2"}
        assert set(peer.history(ids[1])["outputs"]) == outputs


def test_partial_targets_run_a_part_of_the_recording(tmp_path, connect):
    golden = write(tmp_path / "g/w/default", two_outputs())
    with FakeComfyServer([golden]) as server:
        peer = connect(server)
        prompt_id, seen = peer.run(TWO_OUTPUTS, partial_execution_targets=["4"])
        assert [one for one in shorts(seen) if one.startswith("exec")] == [
            "execution_start", "execution_cached", "executing 1", "executing 3", "executing 4", "executed 4",
            "execution_success", "executing None",
        ]  # fmt: skip
        assert not any("2" in one["data"]["nodes"] for one in seen if short(one) == "progress_state")
        entry = peer.history(prompt_id)
        assert set(entry["outputs"]) == {"4"} and entry["prompt"][4] == ["4"]


def test_a_recording_of_the_same_targets_comes_first(tmp_path, connect):
    whole, part = two_outputs(), two_outputs()
    part["partial_execution_targets"] = ["2"]
    part["ui"] = {"2": {"images": [{"filename": "part_00001_.png", "subfolder": "", "type": "output"}]}}
    runs = [write(tmp_path / "g/w/a", whole), write(tmp_path / "g/w/b", part)]
    with FakeComfyServer(runs) as server:
        peer = connect(server)
        prompt_id, _ = peer.run(TWO_OUTPUTS, partial_execution_targets=["2"])
        assert peer.history(prompt_id)["outputs"]["2"]["images"][0]["filename"] == "part_00001_.png"
        assert server.unused == [runs[0].folder]


@pytest.mark.parametrize("targets", [[], ["1"], ["none"]])
def test_targets_that_are_no_outputs_are_refused(server, connect, targets):
    answer = connect(server).post(partial_execution_targets=targets)
    assert answer.status_code == 400 and answer.json()["error"]["type"] == "prompt_no_outputs"


@pytest.mark.parametrize(("version", "shown"), [("0.8.0", False), ("0.3.64", True)])
def test_secrets_in_the_queue_are_seen_in_the_older_version_only(golden, connect, version, shown):
    with FakeComfyServer([golden], version=version) as server:
        peer = connect(server)
        hold = server.faults.add(faults.hold("run"))
        peer.post(extra_data={"api_key_comfy_org": "s3cret"}, prompt_id="p")
        assert hold.reached.wait(10)
        (item,) = requests.get(server.url + "/queue", timeout=10).json()["queue_running"]
        assert ("api_key_comfy_org" in item[3]) is shown
        assert ("create_time" in item[3]) is not shown
        hold.release()
        peer.until_end()
        assert "s3cret" not in str(peer.history("p"))


def test_a_socket_that_reconnects_before_the_old_one_closed_goes_deaf(server, connect):
    old, new = connect(server), connect(server)
    old.ws.close()
    onlooker = connect(server, "onlooker")
    prompt_id = new.post().json()["prompt_id"]
    onlooker.until(lambda one: short(one) == "ST(0)")
    assert new.history(prompt_id) is not None
    new.ws.settimeout(0.05)
    with pytest.raises(Exception, match="timed out"):
        new.next()


def test_the_same_number_and_id_twice_is_queued_and_refused(golden, connect):
    with FakeComfyServer([golden]) as server:
        peer = connect(server)
        hold = server.faults.add(faults.hold("run"))
        peer.post(number=1, prompt_id="running")
        assert hold.reached.wait(10)
        assert peer.post(number=2, prompt_id="twice", extra_data={"a": 1}).status_code == 200
        assert peer.post(number=2, prompt_id="twice", extra_data={"a": 2}).status_code == 500
        queue = requests.get(server.url + "/queue", timeout=10).json()
        assert [item[1] for item in queue["queue_pending"]] == ["twice", "twice"]
        hold.release()


def test_no_extra_data_at_all_is_an_error_or_the_workers_death(golden):
    def post(server):
        body = {"prompt": PROMPT, "extra_data": None}
        return requests.post(server.url + "/prompt", json=body, timeout=10).status_code

    with FakeComfyServer([golden], version="0.8.0") as server:
        assert post(server) == 500
    with FakeComfyServer([golden], version="0.3.64") as server:
        assert [post(server), post(server)] == [200, 200]
        queue = requests.get(server.url + "/queue", timeout=10).json()
        assert [len(queue["queue_running"]), len(queue["queue_pending"])] in ([1, 1], [0, 2])


def test_history_is_trimmed_when_it_is_full(golden, connect, monkeypatch):
    monkeypatch.setattr("pytest_comfy.server.execution.engine.MOST_HISTORY", 2)
    with FakeComfyServer([golden]) as server:
        peer = connect(server)
        ids = [peer.run()[0] for _ in range(4)]
        assert list(requests.get(server.url + "/history", timeout=10).json()) == ids[1:]
