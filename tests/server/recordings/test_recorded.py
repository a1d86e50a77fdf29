"""Golden runs of other hands: replayed as well, whatever our own recorder would have written besides."""

from __future__ import annotations

import copy

import pytest
import requests

from pytest_comfy.golden import GoldenRun
from pytest_comfy.server import FakeComfyServer
from pytest_comfy.server.recordings.whole import whole

from ..conftest import PNG, RUN, document, is_end, short

NAMES = ["ST(1)", "ST(1)", "execution_start", "execution_cached"]


def replayed(content, connect):
    golden = GoldenRun(content, None, {"2.images.0.png": PNG, "previews/0.jpg": b"\xff\xd8\xff"})
    with FakeComfyServer([golden]) as server:
        peer = connect(server)
        prompt_id, seen = peer.run()
        entry = peer.history(prompt_id)
        (image,) = entry["outputs"]["2"]["images"]
        assert requests.get(server.url + "/view", params=image, timeout=10).content == PNG
        assert is_end(seen[-1]) and entry["status"]["completed"]
        texts = [one for one in seen if isinstance(one, dict) and one["type"] != "status"]
        assert all(one["data"]["prompt_id"] == prompt_id for one in texts)
        times = [one["data"]["timestamp"] for one in texts if "timestamp" in one["data"]]
        created = entry["prompt"][3]["create_time"]
        assert times == sorted(times) and all(0 <= at - created < 60_000 for at in times)
        return seen, entry


def test_our_own_are_left_as_they_are():
    content = document()
    assert whole(content) == content


def test_without_ui_and_meta_history_is_made_of_the_messages(connect):
    content = document()
    del content["ui"], content["meta"]
    _, entry = replayed(content, connect)
    assert entry["meta"]["2"] == {"node_id": "2", "display_node": "2", "parent_node": None, "real_node_id": "2"}


def test_without_any_messages_history_is_made_of_the_outputs(connect):
    content = document()
    for key in ("ui", "meta", "events", "status"):
        del content[key]
    seen, _ = replayed(content, connect)
    assert [short(one) for one in seen] == [
        *NAMES, "executing 2", "executed 2", "execution_success", "ST(0)", "executing None",
    ]  # fmt: skip


def test_messages_that_say_only_what_they_must(connect):
    content = document()
    bare = []
    for at, event in content["events"]:
        data = event.get("data") or {}
        keep = {key: data[key] for key in ("node", "output", "nodes", "value", "max") if key in data}
        if event.get("type") in ("execution_start", "execution_cached", "execution_success"):
            keep = {}
        bare.append([at, {**event, "data": keep} if "type" in event else event])
    content["events"] = bare
    del content["status"]
    seen, _ = replayed(content, connect)
    assert {"display_node", "node", "prompt_id"} == set(
        next(one for one in seen if short(one) == "executing 1")["data"]
    )


@pytest.mark.parametrize("prompt_id", [RUN, "4a70a03c-175a"])
def test_the_recorded_runs_own_clock_and_id(connect, prompt_id):
    def dated(value):
        if isinstance(value, dict):
            return {key: item + 1_795_470_979_650 if key == "timestamp" else dated(item) for key, item in value.items()}
        if isinstance(value, list):
            return [dated(item) for item in value]
        return prompt_id if value == RUN else value

    content = copy.deepcopy(document())
    seen, entry = replayed({**content, **{key: dated(content[key]) for key in ("events", "status", "meta")}}, connect)
    assert "4a70a03c-175a" not in str(seen) + str(entry)
