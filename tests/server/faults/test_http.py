"""Faults of HTTP, and what our own client makes of them."""

from __future__ import annotations

import http.client
import io
import json
import threading
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import requests
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from pytest_comfy.client import ComfyClient, ComfyError, DownloadError, PromptRejected, ServerUnreachable, finish
from pytest_comfy.client import following as client_module
from pytest_comfy.client.errors import GatewayAnswered
from pytest_comfy.server import FakeComfyServer, faults
from pytest_comfy.server.faults.model import RequestFault
from pytest_comfy.server.faults.requests import _broken_json

from ..conftest import PNG, PROMPT, document, short, write


@pytest.fixture
def client(server):
    with ComfyClient(server.url, timeout=10, stall_timeout=5) as one:
        yield one


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(finish, "_HISTORY_LAG", 0.3)


def get(server, path="/queue", **more):
    return requests.get(server.url + path, timeout=10, **more)


SURVIVED = {
    "slow post": lambda: faults.slow(0.05, path="/prompt"),
    "slow handshake": lambda: faults.slow(0.05, path="/ws"),
    "refused download": lambda: faults.http_status(503, path="/view", times=2),
    "redirected download": lambda: faults.http_status(302, path="/view"),
    "truncated download": lambda: faults.truncated(path="/view"),
    "dropped download": lambda: faults.drop_connection(path="/view", times=2),
    "slow download": lambda: faults.slow(0.05, path="/view"),
    "trickled history": lambda: faults.trickle(0.001, chunk=200, path="/history/*"),
    "trickled download": lambda: faults.trickle(0.001, chunk=1, path="/view"),
    "truncated answer to the post": lambda: faults.truncated(path="/prompt"),
    "truncated history": lambda: faults.truncated(path="/history/*"),
    "empty history": lambda: faults.truncated(0.0, path="/history/*"),
    "malformed history": lambda: faults.malformed_json(path="/history/*"),
    "no history once": lambda: faults.http_status(503, path="/history/*"),
    "history cut off": lambda: faults.drop_connection(path="/history/*", times=2),
    "history late": lambda: faults.history_lags(3),
    "wrong content types": lambda: faults.content_type(times=0),
}


@pytest.mark.parametrize("name", SURVIVED)
def test_a_client_gets_over(server, client, name):
    fault = server.faults.add(SURVIVED[name]())
    run = client.run(PROMPT)
    assert fault.fired >= 1
    assert [output.data for output in run.outputs] == [PNG]
    assert run.status["completed"] is True
    assert run.complete
    assert len(server.prompts) == 1


NO_JSON = "answered 200 with what is no JSON"
FATAL = [
    (lambda: faults.http_status(503, path="/ws"), ServerUnreachable, "no WebSocket at /ws .*503"),
    (lambda: faults.drop_connection(path="/ws"), ServerUnreachable, "no WebSocket at /ws"),
    (lambda: faults.http_status(503, text="busy\n", path="/prompt"), GatewayAnswered, r"answers 503 \(busy\)"),
    (lambda: faults.http_status(401, path="/prompt"), GatewayAnswered, r"/prompt: asks for a login \(401\)"),
    (lambda: faults.http_status(500, text="oops", path="/prompt"), PromptRejected, "answers 500 to the prompt: oops"),
    (lambda: faults.malformed_json(path="/prompt"), ServerUnreachable, NO_JSON),
    (lambda: faults.drop_connection(path="/prompt"), ServerUnreachable, "/prompt: connection lost"),
    (lambda: faults.http_status(503, path="/history/*", times=0), GatewayAnswered, "/history/.* answers 503"),
    (lambda: faults.malformed_json(path="/history/*", times=0), ServerUnreachable, NO_JSON),
    (lambda: faults.drop_connection(path="/history/*", times=0), ServerUnreachable, "connection lost"),
    (lambda: faults.truncated(path="/history/*", times=0), ServerUnreachable, "broke off"),
    (lambda: faults.image_missing(), DownloadError, "node 2 .*img_00001_.png.* answers 404 when asked for it"),
    (lambda: faults.http_status(503, path="/view", times=0), ServerUnreachable, "node 2 .*/view: .* answers 503"),
    (lambda: faults.http_status(302, path="/view", times=0), ServerUnreachable, r"node 2 .*/view: is sent on"),
    (lambda: faults.http_status(401, path="/view", times=0), ServerUnreachable, "node 2 .*/view: asks for a login"),
    (lambda: faults.truncated(path="/view", times=0), ServerUnreachable, "node 2 .*broke off"),
    (lambda: faults.truncated(0.0, path="/view", times=0), ServerUnreachable, "node 2 .*broke off"),
    (lambda: faults.drop_connection(path="/view", times=0), ServerUnreachable, "node 2 .*connection lost"),
    (lambda: faults.trickle(0.2, chunk=1, path="/view", times=0), ServerUnreachable, "node 2 .*no whole answer in"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "kind", "words"), FATAL)
@pytest.mark.usefixtures("impatient")
def test_a_client_says_what_went_wrong(server, client, monkeypatch, make, kind, words):
    monkeypatch.setattr(client_module, "DOWNLOAD_SECONDS", 0.5)
    fault = server.faults.add(make())
    with pytest.raises(ComfyError, match=words) as caught:
        client.run(PROMPT, timeout=2)
    assert type(caught.value) is kind
    assert fault.reached.is_set()
    server.faults.clear()
    # The client itself is none the worse.
    assert [output.data for output in client.run(PROMPT, use_cache=True).outputs] == [PNG]


def test_only_refusals_by_comfyui_are_the_workflows_fault(server, client):
    server.faults.add(faults.http_status(502, path="/prompt"), faults.http_status(500, path="/prompt", nth=2))
    verdicts = []
    for _ in range(2):
        with pytest.raises(ComfyError) as caught:
            client.run(PROMPT)
        verdicts.append(caught.value.judged)
    assert verdicts == [False, True]


def test_the_answer_to_a_post_may_come_after_the_whole_run(server, connect):
    peer = connect(server)
    server.faults.add(faults.slow(3600, path="/prompt"))
    answered = []

    def post():
        try:
            answered.append(peer.post(prompt_id="p").status_code)
        except requests.ConnectionError:
            answered.append("cut")

    thread = threading.Thread(target=post)
    thread.start()
    assert short(peer.until_end()[-1]) == "executing None"
    assert peer.history("p")["status"]["completed"] is True
    assert answered == []
    server.stop()
    thread.join()
    assert answered == ["cut"]


def test_late_history_is_counted_by_what_it_hides(server, connect):
    fault = server.faults.add(faults.history_lags(2))
    peer = connect(server)
    assert peer.history("p") is None
    peer.run(prompt_id="p")
    assert fault.fired == 0
    assert not fault.reached.is_set()
    assert [peer.history("p") is None for _ in range(4)] == [True, True, False, False]
    assert fault.fired == 2
    # The whole list is another question.
    assert list(get(server, "/history").json()) == ["p"]


def test_the_second_lagging_entry_is_hit_by_nth(server, connect):
    server.faults.add(faults.history_lags(1, nth=2))
    peer = connect(server)
    peer.run(prompt_id="p")
    assert [peer.history("p") is None for _ in range(3)] == [False, True, False]


@pytest.fixture
def picture(tmp_path):
    golden = write(tmp_path / "golden/noise/default", document())
    stream = io.BytesIO()
    Image.effect_noise((64, 64), 80).save(stream, "PNG")
    (golden.folder / "2.images.0.png").write_bytes(stream.getvalue())
    return golden, stream.getvalue()


def test_a_corrupted_image_is_no_image(picture):
    golden, content = picture
    with FakeComfyServer([golden]) as server, ComfyClient(server.url) as client:
        server.faults.add(faults.corrupted_image())
        [output] = client.run(PROMPT).outputs
        assert len(output.data) == len(content)
        assert output.data[: len(content) // 2] == content[: len(content) // 2]
        assert output.media_type == "image/png"
        with pytest.raises((OSError, SyntaxError)):
            _ = output.image


def test_a_full_disk_refuses_uploads_with_a_bare_500(server, client):
    fault = faults.disk_full()
    with server.faults.active(fault), pytest.raises(ComfyError, match=r"refuses the upload of 'x.png' \(500\)"):
        client.upload(b"a" * 300_000, "x.png")
    assert fault.fired == 1
    params = {"filename": "x.png", "type": "input"}
    assert get(server, "/view", params=params).status_code == 404
    assert client.upload(b"a", "x.png").startswith("pytest-comfy/x-")


def test_broken_node_definitions(server, client):
    server.faults.add(faults.malformed_json(path="/object_info*"))
    with pytest.raises(ServerUnreachable, match=NO_JSON):
        client.definition("SaveImage")
    assert client.definition("SaveImage") == {"output_node": True}


def test_a_refusal_is_explained_without_node_definitions(server, client):
    server.faults.add(faults.malformed_json(path="/object_info*", times=0))
    prompt = {**PROMPT, "1": {"class_type": "EmptyImage", "inputs": {"width": 65}}}
    with pytest.raises(PromptRejected, match="width is 65, was 64"):
        client.run(prompt)


def test_content_type_leaves_the_body_alone(server):
    server.faults.add(faults.content_type("text/plain", path="/queue"))
    reply = get(server)
    assert reply.headers["Content-Type"] == "text/plain"
    assert reply.json() == {"queue_running": [], "queue_pending": []}
    assert get(server).headers["Content-Type"].startswith("application/json")


def test_a_truncated_body_is_sent_in_part(server):
    server.faults.add(faults.truncated(0.5, path="/queue"))
    # Not requests: with an urllib3 before 2 it takes what it got for the whole.
    with pytest.raises((http.client.IncompleteRead, ConnectionError)), urlopen(server.url + "/queue") as reply:
        reply.read()
    server.faults.add(faults.truncated(0.5, path="/queue"))
    with requests.get(server.url + "/queue", stream=True, timeout=10) as reply:
        whole = len(b'{"queue_running": [], "queue_pending": []}')
        assert reply.headers["Content-Length"] == str(whole)
        assert reply.raw.read(whole // 2) == b'{"queue_running": [],'


@pytest.fixture
def large(tmp_path):
    golden = write(tmp_path / "golden/large/default", document())
    content = bytes(range(256)) * 16_384
    (golden.folder / "2.images.0.png").write_bytes(content)
    with FakeComfyServer([golden]) as server:
        yield server, content


WHERE = {"filename": "img_00001_.png", "subfolder": "cap"}


def test_a_truncated_large_body_is_sent_to_the_byte(large, connect):
    server, content = large
    connect(server).run()
    server.faults.add(faults.truncated(0.5, path="/view"))
    with urlopen(f"{server.url}/view?{urlencode(WHERE)}") as reply:
        half = len(content) // 2
        assert reply.read(half) == content[:half]
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            reply.read()


@pytest.mark.parametrize("make", [lambda: faults.trickle(0, chunk=1_000), lambda: faults.truncated(0.9)])
def test_a_client_that_goes_away_is_no_error_of_the_server(large, connect, make):
    server, _ = large
    connect(server).run()
    over = threading.Event()
    errors = []

    async def watch(request, handler):
        try:
            return await handler(request)
        except ConnectionError as error:
            errors.append(error)
            raise
        finally:
            over.set()

    fault = server.faults.add(make(), RequestFault("watch", watch, "GET", "/view", 1, 1))
    requests.get(server.url + "/view", params=WHERE, stream=True, timeout=10).close()
    assert over.wait(10)
    assert fault.fired == 1
    assert errors == []


STATUSES = [
    ({}, [418, 200, 200, 200]),
    ({"nth": 2}, [200, 418, 200, 200]),
    ({"nth": 2, "times": 2}, [200, 418, 418, 200]),
    ({"nth": 3, "times": 0}, [200, 200, 418, 418]),
    ({"times": 0}, [418] * 4),
    ({"path": "/que*"}, [418, 200, 200, 200]),
    ({"path": "/api/queue", "times": 2}, [418, 418, 200, 200]),
    ({"path": "/history"}, [200] * 4),
    ({"method": "get"}, [418, 200, 200, 200]),
    ({"method": "POST"}, [200] * 4),
]


@pytest.mark.parametrize("prefix", ["", "/api"])
@pytest.mark.parametrize(("aim", "statuses"), STATUSES)
def test_aiming(server, prefix, aim, statuses):
    fault = server.faults.add(faults.http_status(418, **aim))
    assert [get(server, f"{prefix}/queue").status_code for _ in statuses] == statuses
    assert fault.fired == statuses.count(418)
    assert fault.reached.is_set() is (418 in statuses)


def test_every_fault_counts_for_itself(server):
    first = faults.http_status(501, path="/queue")
    second = faults.http_status(502, path="/queue", nth=2)
    server.faults.add(first, second)
    assert [get(server).status_code for _ in range(3)] == [501, 502, 200]


def test_the_fault_added_last_is_the_outermost(server):
    inner, outer = faults.http_status(501, text="{}"), faults.content_type("text/x")
    server.faults.add(inner, outer)
    reply = get(server)
    assert (reply.status_code, reply.headers["Content-Type"]) == (501, "text/x")
    hidden, hiding = faults.content_type("text/y"), faults.http_status(502)
    server.faults.add(hidden, hiding)
    assert get(server).status_code == 502
    assert (hidden.fired, hidden.reached.is_set(), hiding.fired) == (0, False, 1)


def test_faults_of_bodies_let_sockets_pass(server, connect):
    made = [faults.truncated(), faults.trickle(0), faults.content_type(), faults.malformed_json()]
    server.faults.add(*made)
    connect(server)
    assert [fault.fired for fault in made] == [0] * 4


def test_answers_without_a_body_stay_as_they_are(server, connect):
    peer = connect(server)
    peer.run()
    params = {"filename": "img_00001_.png", "subfolder": "cap"}
    etag = get(server, "/view", params=params).headers["Etag"]
    server.faults.add(faults.trickle(0, path="/view"), faults.corrupted_image())
    assert get(server, "/view", params=params, headers={"If-None-Match": etag}).status_code == 304


def test_files_of_the_web_page_cannot_be_changed_and_say_so(tmp_path):
    (tmp_path / "index.html").write_text("<html>")
    with FakeComfyServer(web_root=tmp_path) as server:
        server.faults.add(faults.truncated(path="/"))
        assert "aim it elsewhere" in get(server, "/").text
        assert get(server, "/").text == "<html>"


def test_foreign_parts_of_the_server_are_met_too(server):
    server.faults.add(faults.http_status(503, path="/internal/*"), faults.http_status(504, path="/nowhere"))
    assert get(server, "/internal/logs").status_code == 503
    assert get(server, "/nowhere").status_code == 504
    assert get(server, "/nowhere").status_code == 404


@given(st.binary() | st.recursive(st.none() | st.floats() | st.integers() | st.text(), st.lists).map(
    lambda value: json.dumps(value).encode()
))  # fmt: skip
@example(b"12")
@example(b"{}    ")
@example(b"[" * 100_000)
@example(b"")
def test_a_broken_body_is_never_json(body):
    with pytest.raises((ValueError, RecursionError)):
        json.loads(_broken_json(body))


BAD = [
    lambda: faults.http_status(99),
    lambda: faults.http_status(101),
    lambda: faults.http_status(600),
    lambda: faults.http_status(200, nth=0),
    lambda: faults.http_status(200, times=-1),
    lambda: faults.http_status(200, path="view"),
    lambda: faults.http_status(200, method="PSOT"),
    lambda: faults.slow(-1),
    lambda: faults.slow(float("nan")),
    lambda: faults.trickle(float("inf")),
    lambda: faults.trickle(0, chunk=0),
    lambda: faults.truncated(1.0),
    lambda: faults.truncated(-0.1),
    lambda: faults.content_type("a\r\nb: c"),
    lambda: faults.content_type(""),
]


@pytest.mark.parametrize("make", BAD)
def test_what_cannot_be_is_refused_at_once(make):
    with pytest.raises(ValueError, match=r"^[a-z_]+: .+"):
        make()
