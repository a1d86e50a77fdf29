"""`--upstream`: what is not recorded goes to a real server, and is recorded."""

from __future__ import annotations

import json

import pytest
import requests
import websocket
from commands.test_serve import refused, served
from projects import graph, png, recorded

from pytest_comfy.golden import find_runs
from pytest_comfy.golden.exchanges import Exchange, Exchanges
from pytest_comfy.server import FakeComfyServer, faults
from pytest_comfy.server.behind import Way

from .test_serve_as_it_is import loading, picture, run_of, upload
from .test_serve_hold import heard

PACK = Exchange("GET", "/pack/list", (), None, 200, {"Content-Type": "application/json"}, b'["own"]')


@pytest.fixture
def real():
    runs = [
        recorded(graph(), {"9": {"images": [png(1)]}}),
        run_of("upload.png", png(2), png(5)),
    ]
    with FakeComfyServer(runs, exchanges=Exchanges([PACK])) as server:
        yield server


@pytest.fixture
def into(tmp_path):
    folder = tmp_path / "kept"
    folder.mkdir()
    return folder


@pytest.fixture
def front(real, into):
    with FakeComfyServer(into, upstream=Way(real.url, into)) as server:
        yield server


def post(server, prompt, **more):
    return requests.post(server.url + "/prompt", json={"prompt": prompt, **more}, timeout=10)


def entry_of(server, prompt_id):
    while not (history := requests.get(f"{server.url}/history/{prompt_id}", timeout=10).json()):
        pass
    return history[prompt_id]


def test_what_is_not_recorded_is_run_there_once(real, front, into):
    assert picture(front, graph()) == png(1)
    assert [body["prompt"] for body in real.prompts] == [graph()]
    assert len(list(find_runs(into))) == 1
    real.stop()
    assert picture(front, graph()) == png(1)
    assert front.unmatched == front.refused == front.unused == []
    with FakeComfyServer(into) as alone:
        assert picture(alone, graph()) == png(1)


def test_the_poster_hears_its_run(front):
    socket = websocket.create_connection(f"ws{front.url[4:]}/ws?clientId=c", timeout=10)
    prompt_id = post(front, graph(), client_id="c").json()["prompt_id"]
    types = heard(socket)
    socket.close()
    assert "execution_start" in types and "executed" in types
    assert entry_of(front, prompt_id)["status"]["completed"]


def test_uploads_go_there_under_names_that_are_free(real, front):
    upload(real, png(6))
    assert picture(front, loading(upload(front, png(5)))) == png(2)
    assert [body["prompt"] for body in real.prompts] == [loading("upload (1).png")]
    real.stop()
    assert picture(front, loading(upload(front, png(5), "again.png"))) == png(2)


def test_what_the_real_server_refuses_is_refused_in_its_words(real, front):
    prompt = {**graph(), "9": {"class_type": "Nowhere", "inputs": {}}}
    told = post(front, prompt)
    assert (told.status_code, told.json()) == (400, post(real, prompt).json())
    assert [body["prompt"] for body in front.refused] == [prompt]


def test_without_an_answer_it_is_as_without_the_flag(real, front):
    real.stop()
    told = post(front, graph(color=5))
    assert told.status_code == 400
    assert len(front.unmatched) + len(front.refused) == 1


def test_an_interrupted_run_is_interrupted_there_and_not_kept(real, front, into):
    hold = real.faults.add(faults.hold("executing"))
    prompt_id = post(front, graph()).json()["prompt_id"]
    assert hold.reached.wait(10)
    requests.post(front.url + "/interrupt", timeout=10)
    assert entry_of(front, prompt_id)["status"]["messages"][-1][0] == "execution_interrupted"
    assert list(find_runs(into)) == []
    real.faults.remove(hold)
    assert picture(front, graph()) == png(1)


def test_a_run_that_cannot_be_recorded_ends_in_an_error(real, front):
    real.faults.add(faults.restart("executing"))
    entry = entry_of(front, post(front, graph()).json()["prompt_id"])
    kind, data = entry["status"]["messages"][-1]
    assert kind == "execution_error" and "could not be recorded" in data["exception_message"]


def test_other_answers_come_from_there_and_stay(real, front):
    assert requests.get(front.url + "/pack/list", timeout=10).json() == ["own"]
    info = requests.get(real.url + "/object_info", timeout=10).json()
    assert requests.get(front.url + "/object_info", timeout=10).json() == info
    assert front.version == real.version
    real.stop()
    assert requests.get(front.url + "/pack/list?clientId=x", timeout=10).json() == ["own"]


def test_from_the_command_line(real, into):
    with served(into, "--upstream", real.url) as told:
        prompt_id = requests.post(told["url"] + "/prompt", json={"prompt": graph()}, timeout=10).json()["prompt_id"]
        while not requests.get(f"{told['url']}/history/{prompt_id}", timeout=10).json():
            pass
    assert "prompts: 1 answered, 0 without a recording, 0 refused" in told["out"]
    assert told["code"] == 0 and json.loads((into / "exchanges.json").read_text())["exchanges"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--synthesize", "x.json", "--upstream", "http://127.0.0.1:1"], "name GOLDEN_DIR"),
        ([".", "--upstream", "ftp://x"], "ftp://x"),
    ],
)
def test_wrong_usage(words, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = refused(*words)
    assert done.returncode == 2 and sentence in done.stderr and "Traceback" not in done.stderr
