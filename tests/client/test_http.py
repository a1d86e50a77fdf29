"""Addresses, unreachable servers, definitions, and what is left after close."""

from __future__ import annotations

import gc
import socket
import threading

import pytest

from pytest_comfy.access import access_to
from pytest_comfy.client import ComfyClient, ServerUnreachable

pytestmark = pytest.mark.timeout(40)


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.mark.parametrize(
    ("given", "full"),
    [
        ("http://127.0.0.1:8188", "http://127.0.0.1:8188"),
        ("http://127.0.0.1:8188/", "http://127.0.0.1:8188"),
        (" 127.0.0.1:8188 ", "http://127.0.0.1:8188"),
        ("gpu-box", "http://gpu-box"),
        ("https://host/comfy/", "https://host/comfy"),
        ("http://[::1]:8188", "http://[::1]:8188"),
    ],
)
def test_addresses(given, full):
    assert access_to(given).url == full


@pytest.mark.parametrize(
    "given", ["", "   ", "http://", "ftp://host", "http://host:port", "http://host:99999", "http://[::1", "ws://h:1"]
)
def test_what_is_no_address(given):
    with pytest.raises(ServerUnreachable, match="is no server address: write it like http://127"):
        ComfyClient(given)


def test_nobody_answers(closed_port, prompt):
    url = f"http://127.0.0.1:{closed_port}"
    with ComfyClient(url) as client:
        with pytest.raises(ServerUnreachable, match=rf"{url}: connection refused: is ComfyUI running there\?"):
            client.run(prompt)
        with pytest.raises(ServerUnreachable, match=r"/system_stats: connection refused: is ComfyUI running there\?"):
            client.system_stats()


def test_system_stats(comfy, client):
    comfy.answer("GET", "/system_stats", json={"system": {"os": "posix"}, "devices": []})
    assert client.system_stats() == {"system": {"os": "posix"}, "devices": []}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"text": "<html>hello</html>"}, "no JSON .'<html>hello</html>'.*: is this address a ComfyUI server"),
        ({"json": []}, "JSON of another shape"),
        ({"json": {"other": 1}}, "answered 200: is this ComfyUI"),
        ({"status": 403, "json": {}}, "access is refused"),
    ],
)
def test_somebody_else_answers(comfy, client, answer, words):
    comfy.answer("GET", "/system_stats", **answer)
    with pytest.raises(ServerUnreachable, match=words):
        client.system_stats()


def test_a_server_without_a_socket(comfy, client, prompt):
    comfy.accepts_sockets = False
    with pytest.raises(ServerUnreachable, match=r"no WebSocket at /ws .*503"):
        client.run(prompt)
    assert comfy.posted == []


def test_a_redirect_is_not_followed(comfy, client):
    comfy.answer("GET", "/system_stats", 302, headers={"Location": "/elsewhere"}, text="{}")
    with pytest.raises(ServerUnreachable, match=r"is sent on to /elsewhere \(302\)"):
        client.system_stats()
    assert comfy.asked("GET", "/elsewhere") == []


def test_definitions_are_asked_once(comfy, client):
    comfy.definitions["KSampler"] = {"output": ["LATENT"]}
    assert client.definition("KSampler") == client.definition("KSampler") == {"output": ["LATENT"]}
    assert client.definition("Nothing") is client.definition("Nothing") is None
    assert len(comfy.asked("GET", "/object_info/KSampler")) == 1
    assert len(comfy.asked("GET", "/object_info/Nothing")) == 1


def test_class_names_cannot_leave_their_path(comfy, client):
    assert client.definition("../queue?x#y") is None
    assert [one.path for one in comfy.requests] == ["/object_info/../queue?x#y"]


def test_no_thread_and_no_connection_is_left_after_close(comfy, prompt):
    before = set(threading.enumerate())
    client = ComfyClient(comfy.url)
    client.run(prompt)
    assert {thread.name for thread in set(threading.enumerate()) - before} >= {"comfy-events"}
    client.close()
    client.close()  # closing twice does no harm
    comfy.call(comfy.until_no_connection())
    ours = set(threading.enumerate()) - before
    for thread in ours:
        thread.join(10)
    assert [thread.name for thread in ours if thread.is_alive()] == []


@pytest.mark.filterwarnings("error")
def test_no_connection_is_left_after_a_run_that_fails(comfy, prompt):
    comfy.answer("POST", "/prompt", 400, json={"error": {"message": "no"}, "node_errors": {}})
    with ComfyClient(comfy.url) as client, pytest.raises(Exception, match="prompt refused: no"):
        client.run(prompt)
    comfy.call(comfy.until_no_connection())
    gc.collect()
    assert [kind for kind, _ in comfy.log].count("close") == 1
