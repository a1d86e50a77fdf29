"""Prompts and sockets of people who mean no good: an answer ComfyUI could give, and a server that goes on."""

from __future__ import annotations

import contextlib
import json
import socket
import struct

import pytest
import requests
import websocket
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_comfy.server import FakeComfyServer

from ..conftest import PROMPT, Peer, document, write

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
BODY_KEYS = ["prompt", "prompt_id", "number", "front", "client_id", "extra_data", "partial_execution_targets"]
QUIET = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module", params=["0.8.0", "0.3.64"])
def fake(tmp_path_factory, request):
    golden = write(tmp_path_factory.mktemp("hostile") / "g/w/default", document())
    with FakeComfyServer([golden], version=request.param) as server:
        yield server


def post(server, body):
    return requests.post(server.url + "/prompt", data=body, timeout=20)


def is_alive(server):
    # The worker may have died of a prompt as ComfyUI's does; the server lives on.
    server.restart()
    peer = Peer(server, "alive")
    prompt_id, _ = peer.run()
    peer.ws.close()
    return peer.history(prompt_id)["status"]["completed"]


def is_an_answer(reply):
    if reply.status_code == 500:
        return reply.text == "500 Internal Server Error\n\nServer got itself in trouble"
    told = reply.json()
    return (reply.status_code == 200) == ("prompt_id" in told) and (reply.status_code != 400 or "error" in told)


@QUIET
@given(body=ANYTHING | st.dictionaries(st.sampled_from(BODY_KEYS), ANYTHING, max_size=7))
def test_any_json_as_a_post(fake, body):
    assert is_an_answer(post(fake, json.dumps(body)))
    assert requests.get(fake.url + "/queue", timeout=20).status_code == 200


@QUIET
@given(
    key=st.sampled_from(BODY_KEYS[1:]),
    value=ANYTHING,
    node=st.sampled_from(["1", "2"]),
    name=st.sampled_from(["class_type", "inputs", "_meta"]),
    instead=ANYTHING,
)
def test_a_good_prompt_with_something_wrong_in_it(fake, key, value, node, name, instead):
    prompt = {**PROMPT, node: {**PROMPT[node], name: instead}}
    assert is_an_answer(post(fake, json.dumps({"prompt": prompt, key: value})))
    assert is_an_answer(post(fake, json.dumps({"prompt": PROMPT, key: value})))


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[" * 100_000, b'{"prompt":' + b'{"a":' * 100_000, b"\xff\xfe", b'{"prompt": NaN}', b"null", b'"x"'],
    ids=["empty", "open", "deep-list", "deep-object", "no-utf8", "nan", "null", "text"],
)
def test_bodies_that_are_no_prompt(fake, body):
    assert is_an_answer(post(fake, body))
    assert is_alive(fake)


def test_a_chain_and_a_loop_of_ten_thousand_nodes(fake):
    chain = {str(at): {"class_type": "EmptyImage", "inputs": {"width": [str(at - 1), 0]}} for at in range(1, 10_000)}
    loop = {**chain, "0": {"class_type": "EmptyImage", "inputs": {"width": ["9999", 0]}}}
    for prompt in (chain, loop):
        assert is_an_answer(post(fake, json.dumps({"prompt": prompt})))
    assert is_alive(fake)


def test_a_body_that_claims_too_much(fake):
    host, port = fake.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as raw:
        raw.sendall(b"POST /prompt HTTP/1.1\r\nHost: x\r\nContent-Length: 109051904\r\n\r\n" + b" " * 65536)
        raw.shutdown(socket.SHUT_WR)
        while raw.recv(65536):
            pass
    big = json.dumps({"prompt": {"1": {"class_type": "x" * (101 << 20), "inputs": {}}}})
    # The server may have answered and closed while we were still sending, as ComfyUI does.
    with contextlib.suppress(requests.ConnectionError):
        assert post(fake, big).status_code == 413
    assert is_alive(fake)


@pytest.mark.parametrize("sid", ["", "%00", "a" * 5000, "../../x", "%F0%9F%A6%8A", "a&clientId=b"])
def test_strange_client_ids(fake, sid):
    peer = Peer(fake, sid)
    assert peer.greeting["type"] == "status"
    peer.ws.close()
    assert is_alive(fake)


@pytest.mark.parametrize(
    "send",
    [
        lambda ws: ws.send("x" * (5 << 20)),
        lambda ws: ws.send_binary(b"\0" * (5 << 20)),
        lambda ws: ws.send("[" * 200_000),
        lambda ws: [ws.send(json.dumps({"type": "feature_flags", "data": data})) for data in (None, [], 1, {"a": {}})],
        lambda ws: ws.sock.sendall(b"\x81\xff" + struct.pack(">Q", 1 << 62) + b"\0\0\0\0"),
        lambda ws: ws.sock.sendall(b"\xff" * 1000),
        lambda ws: ws.ping("x" * 200),
    ],
    ids=["text", "binary", "deep", "flags", "claim", "garbage", "long-ping"],
)
def test_frames_that_no_client_sends(fake, send):
    ws = websocket.create_connection(f"ws{fake.url[4:]}/ws?clientId=bad", timeout=20)
    ws.recv()
    try:
        send(ws)
        ws.settimeout(1)
        ws.recv()
    except (websocket.WebSocketException, OSError):
        pass
    finally:
        ws.shutdown()
    assert is_alive(fake)


def test_a_client_that_never_reads_does_not_stop_the_others(fake):
    host, port = fake.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        raw.sendall(
            b"GET /ws?clientId=deaf HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        peer = Peer(fake, "busy")
        for number in range(30):
            prompt = {
                **PROMPT,
                "1": {**PROMPT["1"], "inputs": {"color": 7, "width": 64, "_pytest_comfy_nonce": number}},
            }
            peer.run(prompt)
        peer.ws.close()
    assert is_alive(fake)
