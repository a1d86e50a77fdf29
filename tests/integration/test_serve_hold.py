"""`--hold`: a client that posts before it opens its socket hears its run all the same."""

from __future__ import annotations

import json

import pytest
import requests
import websocket
from commands.test_serve import refused, served
from projects import graph, recorded

from pytest_comfy.golden import GoldenStore
from pytest_comfy.server import FakeComfyServer

LONG = 3600.0
"""s; longer than any test waits."""


def post(url, **more):
    return requests.post(url + "/prompt", json={"prompt": graph(), **more}, timeout=10).json()["prompt_id"]


def ended(url, prompt_id):
    while not (history := requests.get(f"{url}/history/{prompt_id}", timeout=10).json()):
        pass
    return history[prompt_id]["status"]


def listening(url, sid):
    return websocket.create_connection(f"ws{url[4:]}/ws?clientId={sid}", timeout=10)


def heard(socket):
    """The types of the messages up to the end of the run."""
    told = []
    while not told or (told[-1]["type"], told[-1]["data"].get("node", 0)) != ("executing", None):
        told.append(json.loads(socket.recv()))
    return [one["type"] for one in told]


def test_a_run_waits_for_the_socket_of_its_poster():
    with FakeComfyServer(recorded(), hold=LONG) as server:
        prompt_id = post(server.url, client_id="late")
        queue = requests.get(server.url + "/queue", timeout=10).json()
        assert [item[1] for item in queue["queue_running"]] == [prompt_id]
        socket = listening(server.url, "late")
        types = heard(socket)
        socket.close()
    assert types[:2] == ["status", "execution_start"] and "executed" in types


def test_it_waits_by_default(tmp_path):
    GoldenStore(tmp_path).write("x/default", recorded())
    with served(tmp_path) as told:
        post(told["url"], client_id="late")
        socket = listening(told["url"], "late")
        assert heard(socket)[:2] == ["status", "execution_start"]
        socket.close()


@pytest.mark.parametrize("more", [{}, {"client_id": 7}])
def test_a_run_that_no_socket_can_be_of_does_not_wait(more):
    with FakeComfyServer(recorded(), hold=LONG) as server:
        assert ended(server.url, post(server.url, **more))["completed"]


def test_a_client_that_left_is_not_waited_for():
    with FakeComfyServer(recorded(), hold=LONG) as server:
        listening(server.url, "gone").close()
        assert ended(server.url, post(server.url, client_id="gone"))["completed"]


def test_a_run_that_waits_can_be_interrupted():
    with FakeComfyServer(recorded(), hold=LONG) as server:
        prompt_id = post(server.url, client_id="never")
        while not requests.get(server.url + "/queue", timeout=10).json()["queue_running"]:
            pass
        requests.post(server.url + "/interrupt", timeout=10)
        kinds = [kind for kind, _ in ended(server.url, prompt_id)["messages"]]
    assert kinds[-1] == "execution_interrupted"


def test_zero_does_not_wait(tmp_path):
    GoldenStore(tmp_path).write("x/default", recorded())
    with served(tmp_path, "--hold", "0") as told:
        assert ended(told["url"], post(told["url"], client_id="late"))["completed"]
        socket = listening(told["url"], "late")
        # What is heard is the status of now, and then the next run: of the one that is over nothing is left.
        again = post(told["url"], client_id="late")
        starts = []
        while not starts:
            message = json.loads(socket.recv())
            starts += [message["data"]["prompt_id"]] if message["type"] == "execution_start" else []
        socket.close()
        assert starts == [again]


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf"])
def test_wrong_seconds(text):
    done = refused(".", "--hold", text)
    assert done.returncode == 2 and f"'{text}' are no seconds" in done.stderr
