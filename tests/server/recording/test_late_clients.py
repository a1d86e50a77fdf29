"""A client that posts before it opens its socket hears through the proxy what it would have heard without."""

from __future__ import annotations

import json
import struct

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from pytest_comfy.golden import GoldenRun
from pytest_comfy.server import FakeComfyServer
from pytest_comfy.server.recording import sockets
from pytest_comfy.server.recording.adopting import without_metadata

from ..conftest import JPEG, PROMPT, document, short, write
from .test_runs import picture
from .upstream import Recording


@pytest.fixture
def recording(tmp_path, monkeypatch):
    # No test is to be faster than a clock.
    monkeypatch.setattr(sockets, "_LATE_SECONDS", 3600.0)
    folder = tmp_path / "golden/x/default"
    write(folder, document())
    (folder / "2.images.0.png").write_bytes(picture())
    with FakeComfyServer(folder) as upstream, Recording(upstream.url, tmp_path / "into") as running:
        yield running


def post(recording, sid="late"):
    return requests.post(recording.url + "/prompt", json={"prompt": PROMPT, "client_id": sid}, timeout=10).json()


def kinds(golden):
    return [event.get("type") or f"BIN{event['binary']}" for _, event in golden.events]


@pytest.mark.parametrize("flags", [None, {"supports_preview_metadata": True}])
def test_it_hears_the_whole_run_although_that_is_over(recording, connect, flags):
    prompt_id = post(recording)["prompt_id"]
    first = GoldenRun.load(recording.next_run())
    peer = connect(recording, "late")
    seen = peer.until_end()
    assert peer.greeting["type"] == "status" and peer.greeting["data"]["sid"] == "late"
    told = [short(one) for one in seen if not (isinstance(one, dict) and one["type"] == "status")]
    assert told[0] == "execution_start" and told[-1] == "executing None" and "executed 2" in told
    assert {one["data"]["prompt_id"] for one in seen if isinstance(one, dict) and one["type"] == "executed"} == {
        prompt_id
    }
    # Its own words come after what it has missed: they hold for what follows.
    if flags:
        peer.ws.send(json.dumps({"type": "feature_flags", "data": flags}))
        assert peer.until(lambda one: one["type"] == "feature_flags")[-1]["data"]["supports_preview_metadata"] is True
    # Else all of it comes from the cache, without a preview.
    requests.post(recording.url + "/free", json={"free_memory": True}, timeout=10)
    _, later = peer.run()
    assert ("BIN4" if flags else "BIN1") in map(short, later)
    second = GoldenRun.load(recording.next_run())
    assert kinds(first)[0] == kinds(second)[0] == "execution_start" and kinds(first)[-1] == "executing"


def test_previews_come_without_metadata_to_those_who_have_not_asked(recording, connect):
    post(recording)
    recording.next_run()
    (frame,) = [one for one in connect(recording, "late").until_end() if isinstance(one, bytes)]
    assert frame == struct.pack(">II", 1, 1) + JPEG


def test_what_it_says_reaches_the_server_and_its_end_is_seen(recording, connect):
    post(recording)
    recording.next_run()
    peer = connect(recording, "late")
    peer.until_end()
    peer.ws.send("hello")
    peer.ws.send_binary(b"hello")
    peer.ws.close()
    again = connect(recording, "late")
    _, seen = again.run()
    assert short(seen[-1]) == "executing None"


def test_a_client_that_was_there_before_is_not_told_again(recording, connect):
    early = connect(recording, "c")
    early.run()
    recording.next_run()
    early.ws.close()
    again = connect(recording, "c")
    assert again.greeting["type"] == "status"
    _, seen = again.run()
    assert [short(one) for one in seen].count("execution_start") == 1


@given(st.binary(max_size=64))
def test_no_bytes_break_the_translation(data):
    assert isinstance(without_metadata(data), bytes)


@given(st.dictionaries(st.sampled_from(["image_type", "node_id"]), st.sampled_from(["image/png", "image/jpeg", "1"])))
def test_the_picture_stays(meta):
    head = json.dumps(meta).encode()
    told = without_metadata(struct.pack(">II", 4, len(head)) + head + JPEG)
    assert told == struct.pack(">II", 1, 2 if meta.get("image_type") == "image/png" else 1) + JPEG
