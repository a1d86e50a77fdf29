"""The server in process: httpx gets what it would get from the server that listens, and meets the same errors."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_comfy.server import FakeComfyServer, faults
from pytest_comfy.server.in_process import ROUTE, URL, InProcess

from .conftest import PNG, PROMPT


@pytest.fixture
def quiet(golden):
    with FakeComfyServer([golden], listen=False) as running:
        yield running


@pytest.fixture
def inside(quiet):
    with InProcess(quiet) as routed:
        yield routed


def finish(client, url, **more):
    """Post the prompt and poll until its history is there."""
    prompt_id = client.post(url + "/prompt", json={"prompt": PROMPT, **more}).json()["prompt_id"]
    while not (entry := client.get(f"{url}/history/{prompt_id}").json().get(prompt_id)):
        pass
    return entry


VIEW = "/view?filename=img_00001_.png&subfolder=cap&type=output"
RANGE = {"Range": "bytes=2-5"}
LONG = b"x" * 3_000_000
REQUESTS = {
    "json": ("GET", "/system_stats", dict),
    "prefix": ("GET", "/api/queue", dict),
    "history": ("GET", "/api/history?max_items=1", dict),
    "object_info": ("GET", "/object_info/EmptyImage", dict),
    "picture": ("GET", VIEW, dict),
    "range": ("GET", VIEW, lambda: {"headers": RANGE}),
    "unsatisfiable": ("GET", VIEW, lambda: {"headers": {"Range": "bytes=999-"}}),
    "not modified": ("GET", VIEW, lambda: {"headers": {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}}),
    "head": ("HEAD", "/queue", dict),
    "options": ("OPTIONS", "/prompt", dict),
    "missing": ("GET", "/view?filename=none.png", dict),
    "unknown": ("GET", "/nowhere", dict),
    "method": ("DELETE", "/queue", dict),
    "bad body": ("POST", "/prompt", lambda: {"content": b"{"}),
    "no prompt": ("POST", "/prompt", lambda: {"json": {}}),
    "upload": ("POST", "/upload/image", lambda: {"files": {"image": ("ü.png", PNG)}, "data": {"subfolder": "a"}}),
    "long upload": ("POST", "/upload/image", lambda: {"files": {"image": ("long.png", LONG)}}),
    "chunked": ("POST", "/prompt", lambda: {"content": iter([b'{"prom', b'pt": {}}'])}),
    "foreign": ("GET", "/queue", lambda: {"headers": {"Origin": "http://evil"}}),
    "no socket": ("GET", "/ws", dict),
    "queue": ("POST", "/queue", lambda: {"json": {"clear": True}}),
}


def told(response):
    """All that is not of the moment: ids, and times of the server's life."""
    headers = [(name, value) for name, value in response.headers.multi_items() if name not in ("date", "etag")]
    headers = [(name, value) for name, value in headers if name != "last-modified"]
    body = re.sub(rb'"(create_time|timestamp|ram_free|vram_free)": \d+|[0-9a-f-]{36}', b"", response.content)
    return response.status_code, response.reason_phrase, response.http_version, headers, body


@pytest.mark.parametrize("name", REQUESTS)
def test_answers_are_those_of_the_server_that_listens(name, golden, quiet):
    method, path, more = REQUESTS[name]

    def ask(url):
        with httpx.Client(timeout=10) as client:
            finish(client, url)
            return told(client.request(method, url + path, **more()))

    with FakeComfyServer([golden]) as listening:
        url = listening.url
        over_network = ask(url)
    with InProcess(quiet, url):
        assert ask(url) == over_network


def test_a_run_is_replayed_and_the_server_knows_of_it(inside):
    with httpx.Client(base_url=inside.url) as client:
        entry = finish(client, "")
        image = entry["outputs"]["2"]["images"][0]
        assert entry["status"]["status_str"] == "success"
        assert client.get("/view", params=image).content == PNG
    assert [body["prompt"] for body in inside.server.prompts] == [PROMPT]
    assert inside.server.unmatched == []
    assert inside.router[ROUTE].calls.last.request.url.path == "/view"
    assert inside.router[ROUTE].calls.last.response.content == PNG


def test_no_port_is_opened_and_nothing_connects(quiet, monkeypatch):
    def refuse(*args):
        raise AssertionError("a socket was used")

    for name in ("bind", "listen", "connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    with InProcess(quiet) as inside:
        assert httpx.get(inside.url + "/queue").json() == {"queue_running": [], "queue_pending": []}


def test_an_async_client_asks_while_a_run_is_held(inside):
    async def use():
        held = faults.hold("run")
        async with httpx.AsyncClient(base_url=inside.url) as client:
            with inside.server.faults.active(held):
                await client.post("/prompt", json={"prompt": PROMPT})
                await asyncio.to_thread(held.reached.wait, 10)
                queue = (await client.get("/queue")).json()
            many = await asyncio.gather(*[client.get("/system_stats") for _ in range(30)])
        return queue, many

    queue, many = asyncio.run(use())
    assert len(queue["queue_running"]) == 1
    assert {one.status_code for one in many} == {200}


def test_a_slow_answer_lets_other_tasks_go_on_and_may_be_cancelled(inside):
    late = faults.slow(3600, path="/queue")

    async def use():
        async with httpx.AsyncClient(base_url=inside.url, timeout=None) as client:
            waiting = asyncio.ensure_future(client.get("/queue"))
            await asyncio.to_thread(late.reached.wait, 10)
            assert (await client.get("/system_stats")).status_code == 200
            assert not waiting.done()
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

    with inside.server.faults.active(late):
        asyncio.run(use())
    assert late.fired == 1


def test_a_sync_client_works_inside_a_running_loop(inside):
    async def use():
        return httpx.get(inside.url + "/queue").status_code

    assert asyncio.run(use()) == 200


def test_a_sync_client_works_inside_an_async_side_effect(inside):
    async def relay(request):
        return httpx.Response(httpx.get(inside.url + "/queue").status_code, text="relayed")

    inside.router.get("http://relay/").mock(side_effect=relay)

    async def use():
        async with httpx.AsyncClient() as client:
            return (await client.get("http://relay/")).text

    assert asyncio.run(use()) == "relayed"


def test_threads_share_it(inside):
    answers = []

    def ask():
        with httpx.Client() as client:
            answers.extend(client.get(inside.url + "/queue").status_code for _ in range(10))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert answers == [200] * 40


@pytest.mark.parametrize(
    ("fault", "error", "text"),
    [
        (faults.drop_connection, httpx.RemoteProtocolError, "Server disconnected without sending a response"),
        (faults.truncated, httpx.RemoteProtocolError, "peer closed connection without sending complete message body"),
        (faults.refuse_connections, httpx.ConnectError, "Connection refused"),
        (lambda: faults.slow(3600), httpx.ReadTimeout, "timed out"),
    ],
)
@pytest.mark.parametrize("awaits", [True, False])
def test_connections_fail_as_over_a_network(golden, fault, error, text, awaits):
    """The server that listens is asked without respx, so that the kinds of errors are httpx's own."""
    timeout = httpx.Timeout(10, read=0.2)

    def ask(url):
        if not awaits:
            return httpx.get(url + "/system_stats", timeout=timeout)

        async def use():
            async with httpx.AsyncClient(timeout=timeout) as client:
                return await client.get(url + "/system_stats")

        return asyncio.run(use())

    with FakeComfyServer([golden]) as server, server.faults.active(fault()) as active:
        wait_for_closed_port(server, active)
        with pytest.raises(error):
            ask(server.url)
    with FakeComfyServer([golden], listen=False) as server, InProcess(server) as inside:
        with server.faults.active(fault()), pytest.raises(error, match=text) as caught:
            ask(inside.url)
        assert str(caught.value.request.url) == URL + "/system_stats"
        assert ask(inside.url).status_code == 200


def wait_for_closed_port(server, active):
    """Wait until the port is closed, if one of the faults closes it: the server's loop does that later."""
    while any(one.name == "refuse_connections" for one in active):
        try:
            socket.create_connection((urlsplit(server.url).hostname, urlsplit(server.url).port), 1).close()
        except ConnectionError:
            break


def test_a_server_that_has_stopped_refuses_connections(quiet):
    with InProcess(quiet) as inside:
        quiet.stop()
        with pytest.raises(httpx.ConnectError, match="refused"):
            httpx.get(inside.url)


def test_stopping_the_server_ends_what_waits_for_it(inside):
    late = faults.slow(3600)
    ended = []

    def ask():
        try:
            httpx.get(inside.url + "/queue", timeout=None)
        except httpx.RemoteProtocolError as error:
            ended.append(error)

    with inside.server.faults.active(late):
        asking = threading.Thread(target=ask)
        asking.start()
        assert late.reached.wait(10)
        inside.server.stop()
        asking.join(10)
    assert len(ended) == 1


def test_a_websocket_is_refused_with_the_way_out(inside):
    headers = {
        "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }  # fmt: skip
    with pytest.raises(httpx.UnsupportedProtocol, match="use the fixture comfy_server"):
        httpx.get(inside.url + "/ws", headers=headers)


def test_other_places_are_refused_by_respx(inside):
    for url in ("http://127.0.0.1:81880/", "https://127.0.0.1:8188/", "http://localhost:8188/", "http://example.org/"):
        with pytest.raises((AssertionError, httpx.InvalidURL), match=r"not mocked|[Ii]nvalid"):
            httpx.get(url)


def test_routes_of_the_test_win_where_they_name_what_they_are_for(inside):
    inside.router.get(inside.url + "/queue").respond(503)
    inside.router.get(host="example.org").respond(text="elsewhere")
    inside.router.route().respond(418)
    assert httpx.get(inside.url + "/queue").status_code == 503
    assert httpx.get(inside.url + "/api/queue").status_code == 200
    assert httpx.get("http://example.org/x").text == "elsewhere"
    assert httpx.get("http://example.net/").status_code == 418


def test_several_urls_are_one_server(quiet):
    with InProcess(quiet, "http://gpu-box:8188/") as inside:
        inside.mock("https://comfy.example.org/box/1")
        assert inside.url == "http://gpu-box:8188"
        finish(httpx, "https://comfy.example.org/box/1")
        assert len(httpx.get("http://gpu-box:8188/history").json()) == 1
        assert httpx.get("https://comfy.example.org:443/box/1?x=1").status_code in (200, 404)
        for url in ("https://comfy.example.org/box/12/queue", "https://comfy.example.org/queue", URL + "/queue"):
            with pytest.raises(AssertionError, match="not mocked"):
                httpx.get(url)


@pytest.mark.parametrize(
    "url", ["", "gpu-box:8188", "ftp://gpu-box", "http://", "http://gpu-box?x=1", "http://a:b", 8188]
)
def test_what_is_no_url_is_refused(quiet, url):
    with InProcess(quiet) as inside, pytest.raises(ValueError, match=re.escape(repr(url))):
        inside.mock(url)


@given(st.text())
def test_any_text_is_a_url_or_refused(text):
    server = FakeComfyServer(listen=False)
    try:
        InProcess(server, f"http://{text}")
    except ValueError as error:
        assert "is no URL of a server" in str(error)


def test_nothing_stays_patched(quiet):
    with InProcess(quiet) as inside:
        httpx.get(inside.url)
    with pytest.raises(httpx.ConnectError):
        httpx.get("http://127.0.0.1:1/")
