"""The script that records scenarios from a server: what it writes can be read, and replayed."""

from __future__ import annotations

import json

import pytest
import requests

from pytest_comfy.server import FakeComfyServer

from .capture import main
from .captures import Capture
from .conftest import play
from .life import DATA, Life
from .scenarios import SCENARIOS
from .tape import Recorder

DEFINITIONS = json.loads((DATA / "definitions-0.30.0.json").read_text(encoding="utf-8"))


@pytest.fixture
def server():
    with FakeComfyServer(synthesize=DEFINITIONS, version="0.30.0") as server:
        yield server


def record(server, out, *names):
    only = [part for name in names for part in ("--only", name)]
    main([server.url, str(out), *only, "--hide", "Canvas=Hidden"])


def test_what_was_recorded_can_be_replayed(server, tmp_path):
    names = {"success", "rerun_fully_cached", "refusals", "no_client_id", "uploads"}
    record(server, tmp_path, *names)
    found = play(Life.load(tmp_path))
    assert found.differences == {name: [] for name in names}
    assert found.unused == []


def test_a_capture_says_what_was_sent_and_heard(server, tmp_path):
    record(server, tmp_path, "success")
    capture = Capture.load(tmp_path / "success.json.gz")
    assert (capture.scenario, capture.version) == ("success", "0.30.0")
    (post,) = capture.posts
    assert [one.kind for one in capture.messages(post.prompt_id)][-2:] == ["execution_success", "executing"]
    assert capture.history[post.prompt_id]["status"]["completed"] is True
    assert [key[0] for key in capture.files] == ["output"]
    assert "Hidden" in str(capture.events)
    assert "Canvas" not in str(capture.events)


@pytest.mark.parametrize("asked", ["/settings", "/features"])
def test_the_folder_of_the_user_is_there_again(server, tmp_path, asked):
    requests.get(server.url + asked, timeout=10)
    client = Recorder(server.url, {})
    for path in ("/users", "/settings", "/users"):
        client.ask("GET", path)
    told = [event["response"]["json"].get("migrated") for event in client.tape.events]
    assert told == [asked == "/settings", None, True]
    document = {"scenario": "users", "server": "0.30.0", "events": client.tape.events}
    (tmp_path / "users.json").write_text(json.dumps(document), encoding="utf-8")
    assert play(Life.load(tmp_path)).differences == {"users": []}


def test_scenarios_that_the_server_has_no_classes_for_are_left_out(server, tmp_path, capsys):
    record(server, tmp_path, "interrupt")
    assert not list(tmp_path.iterdir())
    assert "interrupt: left out, the server has no TestSleep" in capsys.readouterr().out


def test_every_scenario_has_a_name_of_its_own():
    assert len({one.name for one in SCENARIOS}) == len(SCENARIOS)
