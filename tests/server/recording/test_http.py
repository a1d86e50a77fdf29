"""The recording proxy passes HTTP through as it came, and keeps the answers that are worth it."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
from urllib.parse import urlsplit

import pytest
import requests
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_comfy.golden.exchanges import Exchanges
from pytest_comfy.server.recording import RecordingProxy

from .upstream import AppUpstream, RawUpstream, Recording

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def ask(url, request):
    """Send bytes and return all that comes back until the connection ends."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        connection.sendall(request)
        received = b""
        while more := connection.recv(65536):
            received += more
    return received


def get(url, target, *lines):
    parts = urlsplit(url)
    head = [f"GET {target} HTTP/1.1", f"Host: {parts.netloc}", "Connection: close", *lines, "", ""]
    return ask(url, "\r\n".join(head).encode("latin-1"))


@pytest.fixture
def raw():
    with RawUpstream(OK) as upstream:
        yield upstream


@pytest.fixture
def proxy(raw, tmp_path):
    with RecordingProxy(raw.url, tmp_path / "into") as running:
        yield running


TARGETS = [
    "/view?filename=a%2Fb.png&subfolder=x+y&type=output",
    "/userdata/workflows%2Fa%20b.json?overwrite=true&full_info",
    "//twice//",
    "/a/../b/./c",
    "/%C3%A9?%zz=%",
    "/api/x?a=1&a=2&&=",
    "/q?x=[1]{}|^\"'`<>",
]


@pytest.mark.parametrize("target", TARGETS)
def test_targets_are_passed_on_byte_for_byte(raw, proxy, target):
    assert get(proxy.url, target).endswith(b"\r\n\r\nhi")
    head, _ = raw.requests.get(timeout=10)
    assert head.split(b"\r\n")[0] == f"GET {target} HTTP/1.1".encode()


@settings(max_examples=60)
@given(st.text("abcXYZ019%+/.-_~!$&'()*,;=:@?[]|", max_size=40))
def test_any_target_is_passed_on(raw_and_proxy, path):
    raw, proxy = raw_and_proxy
    # A bare "?" at the end says nothing, and is not sent on.
    target = ("/" + path).rstrip("?") if path.count("?") == 1 else "/" + path
    assert get(proxy.url, target).endswith(b"\r\n\r\nhi")
    head, _ = raw.requests.get(timeout=10)
    assert head.split(b"\r\n")[0] == f"GET {target} HTTP/1.1".encode()


@pytest.fixture(scope="module")
def raw_and_proxy(tmp_path_factory):
    with RawUpstream(OK) as raw, RecordingProxy(raw.url, tmp_path_factory.mktemp("into")) as proxy:
        yield raw, proxy


def test_headers_are_passed_on_and_none_are_added(raw, proxy):
    reply = get(
        proxy.url, "/x", "X-One: 1", "x-one: 2", "Range: bytes=0-3", 'If-None-Match: "e"',
        "X-Hop: gone", "Keep-Alive: 5", "Connection: x-hop",
    )  # fmt: skip
    head, _ = raw.requests.get(timeout=10)
    lines = head.split(b"\r\n")[1:]
    assert lines == [
        b"Host: " + raw.url[7:].encode(), b"X-One: 1", b"X-One: 2", b"Range: bytes=0-3", b'If-None-Match: "e"',
    ]  # fmt: skip
    # What the server did not say is not said: no Date, no Server, no Content-Type.
    assert reply == b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"


@pytest.mark.parametrize("text", ["caf\xe9", "\xc3\xa9", "\xff\xfe"])
def test_headers_beyond_ascii_arrive(raw, proxy, text):
    get(proxy.url, "/x", f"X-Name: {text}")
    head, _ = raw.requests.get(timeout=10)
    sent = text.encode("latin-1")
    assert head.split(b"X-Name: ")[1] in (sent, text.encode())


@pytest.mark.parametrize(
    ("origin", "told"),
    [("own", "upstream"), ("http://evil.example", "http://evil.example"), ("null", "null"),
     ("http://[broken", "http://[broken")],
)  # fmt: skip
def test_only_the_proxys_own_origin_becomes_the_servers(raw, proxy, origin, told):
    get(proxy.url, "/x", f"Origin: {proxy.url if origin == 'own' else origin}")
    head, _ = raw.requests.get(timeout=10)
    expected = raw.url if told == "upstream" else told
    assert f"Origin: {expected}".encode() in head.split(b"\r\n")


def test_origin_check_says_what_it_says_without_proxy(server, tmp_path):
    with RecordingProxy(server.url, tmp_path) as proxy:
        for origin, status in ((proxy.url, 200), ("http://evil.example", 403), ("null", 200)):
            assert requests.get(proxy.url + "/queue", headers={"Origin": origin}, timeout=10).status_code == status


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 404 Nothing Here\r\nContent-Length: 0\r\nX-A: 1\r\nX-A: 2\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nETag: \"e\"\r\n\r\n",
        b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/9\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere/x\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Disposition: filename=\"\xc3\xa9.png\"\r\nContent-Length: 1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nno!",
        b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n",
    ],
)  # fmt: skip
def test_answers_come_back_as_they_were(tmp_path, reply):
    with RawUpstream(reply) as raw, RecordingProxy(raw.url, tmp_path) as proxy:
        head, _, body = get(proxy.url, "/x").partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if line != b"Connection: close"]
    assert [b"\r\n".join(lines), body] == reply.split(b"\r\n\r\n", 1)


def test_head_and_options(tmp_path):
    async def handler(request):
        return web.Response(headers={"X-Method": request.method}, body=b"12345")

    with AppUpstream(handler) as upstream, RecordingProxy(upstream.url, tmp_path) as proxy:
        head = requests.head(proxy.url + "/view?filename=x", timeout=10)
        assert (head.headers["Content-Length"], head.content) == ("5", b"")
        assert requests.options(proxy.url + "/x", timeout=10).headers["X-Method"] == "OPTIONS"
        assert requests.request("PATCH", proxy.url + "/x", timeout=10).headers["X-Method"] == "PATCH"


def test_large_uploads_are_streamed(tmp_path):
    """The server answers to the first piece before the last one is sent."""

    async def handler(request):
        response = web.StreamResponse()
        await response.prepare(request)
        async for piece in request.content.iter_any():
            await response.write(b"%d;" % len(piece))
        return response

    with AppUpstream(handler) as upstream, RecordingProxy(upstream.url, tmp_path) as proxy:
        connection = http.client.HTTPConnection(urlsplit(proxy.url).netloc, timeout=10)
        connection.putrequest("POST", "/upload/image")
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders(b"3\r\nabc\r\n")
        response = connection.sock.makefile("rb")
        while response.readline() != b"\r\n":
            pass
        assert response.readline() + response.readline() == b"2\r\n3;\r\n"
        connection.send(b"4\r\nabcd\r\n0\r\n\r\n")
        assert response.readline() + response.readline() == b"2\r\n4;\r\n"
        connection.close()


@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_arrive_whole(tmp_path, chunked):
    async def handler(request):
        return web.Response(body=await request.read(), headers={"X-Length": str(request.content_length)})

    body = bytes(range(256)) * 40_000
    with AppUpstream(handler) as upstream, RecordingProxy(upstream.url, tmp_path) as proxy:
        reply = requests.post(proxy.url + "/upload/image", data=iter([body]) if chunked else body, timeout=30)
    assert reply.content == body
    assert reply.headers["X-Length"] == ("None" if chunked else str(len(body)))


def test_clients_that_ask_whether_to_go_on_are_told_so(raw, proxy):
    reply = ask(
        proxy.url,
        b"POST /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    )
    assert reply.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")
    head, body = raw.requests.get(timeout=10)
    assert body == b"abc" and b"expect" not in head.lower()


def test_compressed_requests_stay_compressed(raw, proxy):
    body = gzip.compress(b'{"a": 1}')
    requests.post(proxy.url + "/custom", data=body, headers={"Content-Encoding": "gzip"}, timeout=10)
    head, got = raw.requests.get(timeout=10)
    assert got == body and b"Content-Encoding: gzip" in head


@pytest.mark.parametrize("framing", [b"Content-Length: 90\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"])
def test_what_breaks_off_at_the_server_breaks_off_at_the_client(tmp_path, framing):
    """What came is passed on, and then the connection ends without the end of the body."""
    reply = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + framing
    with RawUpstream(reply) as raw, RecordingProxy(raw.url, tmp_path) as proxy:
        told = get(proxy.url, "/custom")
    assert told.partition(b"\r\n\r\n")[2] == framing.partition(b"\r\n\r\n")[2]
    assert not (tmp_path / "exchanges.json").exists()


@pytest.mark.parametrize("reply", [b"", b"nonsense\r\n\r\n"])
def test_a_server_that_makes_no_sense_is_a_502(tmp_path, reply):
    with RawUpstream(reply) as raw, RecordingProxy(raw.url, tmp_path) as proxy:
        assert requests.post(proxy.url + "/prompt", json={"prompt": {}}, timeout=10).status_code == 502


def test_an_unreachable_server_is_a_502_in_one_sentence(tmp_path):
    with RecordingProxy("http://127.0.0.1:9", tmp_path) as proxy:
        for path in ("/queue", "/ws?clientId=a"):
            reply = requests.get(proxy.url + path, timeout=10)
            assert reply.status_code == 502
            assert reply.text.startswith("The ComfyUI at http://127.0.0.1:9 does not answer")


def test_targets_without_a_path_are_refused(proxy):
    assert ask(proxy.url, b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("url", ["", "ftp://x", "http://", "http://x:99999", "http://h?q=1", "http://[::"])
def test_addresses_that_are_none(tmp_path, url):
    with pytest.raises(ValueError, match=r"127\.0\.0\.1:8188|Invalid IPv6"):
        RecordingProxy(url, tmp_path)


def test_name_and_password_of_the_address_are_sent_and_never_told(raw, tmp_path):
    with RecordingProxy(raw.url.replace("//", "//me:hidden@"), tmp_path) as proxy:
        get(proxy.url, "/x")
        assert b"Authorization: Basic bWU6aGlkZGVu" in raw.requests.get(timeout=10)[0]
        get(proxy.url, "/x", "Authorization: Bearer mine")
        assert b"Basic" not in raw.requests.get(timeout=10)[0]
    with RecordingProxy("http://me:hidden@127.0.0.1:9", tmp_path) as proxy:
        assert "hidden" not in requests.get(proxy.url + "/x", timeout=10).text


ANSWERS = {
    "/object_info": {"Load": {"input": {"required": {
        "api_key": ["STRING", {"default": "sk-123456", "tooltip": "from /etc/keys/file"}],
        "path": [["/home/me/a.png", "b.png"], {}]}}, "description": "see /usr/share/doc/x"}},
    "/system_stats": {"system": {"argv": ["/home/me/main.py", "--api-key", "s3cret", "--cpu"], "os": "linux"}},
    "/custom/list": {"token": "abcdef", "dir": "/home/me/models/x"},
}  # fmt: skip


async def answers(request):
    path = request.path.removeprefix("/api")
    if path in ANSWERS:
        return web.json_response(ANSWERS[path])
    if request.path == "/empty":
        return web.Response(status=404)
    if request.path == "/post":
        return web.json_response({"len": len(await request.read())})
    if request.path == "/page":
        return web.Response(text="<html>", content_type="text/html")
    if request.path == "/big":
        return web.Response(body=b'"' + b"x" * (65 << 20) + b'"', content_type="application/json")
    return web.json_response({"path": request.path})


def test_which_answers_are_kept(tmp_path):
    with AppUpstream(answers) as upstream, Recording(upstream.url, tmp_path) as recording:
        for path in ("/api/object_info", "/system_stats", "/custom/list", "/empty", "/page", "/queue", "/history/a",
                     "/view?filename=x", "/api/jobs", "/settings", "/app.js", "/internal/logs", "/x%20y?b=2&a=1",
                     "/signed?token=abc", "/promptly"):  # fmt: skip
            requests.get(recording.url + path, timeout=10)
        requests.post(recording.url + "/post", data=b"body", timeout=10)
        requests.post(recording.url + "/upload/image", data=b"body", timeout=10)
        assert len(requests.get(recording.url + "/big", timeout=30).content) == (65 << 20) + 2
        assert "/big is not recorded" in recording.complaints.get(timeout=10)
    kept = Exchanges.load(tmp_path / "exchanges.json")
    document = json.loads((tmp_path / "exchanges.json").read_text())
    assert {entry["request"]["path"] for entry in document["exchanges"]} == {
        "/object_info", "/system_stats", "/custom/list", "/empty", "/x y", "/promptly", "/post"
    }  # fmt: skip
    assert kept.find("GET", "/x y", [("a", "1"), ("b", "2")]) is not None
    assert json.loads(kept.find("POST", "/post", (), b"body").content) == {"len": 4}
    assert kept.find("GET", "/empty").status == 404
    assert json.loads(kept.find("GET", "/custom/list").content) == {"token": "<redacted>", "dir": "…/x"}
    node = json.loads(kept.find("GET", "/object_info").content)["Load"]
    assert node["description"] == "see /usr/share/doc/x"
    assert node["input"]["required"] == {
        "api_key": ["STRING", {"default": "<redacted>", "tooltip": "from /etc/keys/file"}],
        "path": [["…/a.png", "b.png"], {}],
    }
    assert json.loads(kept.find("GET", "/system_stats").content)["system"]["argv"] == ["main.py", "--cpu"]


def test_compressed_answers_are_kept_readable_and_passed_on_compressed(tmp_path):
    body = gzip.compress(b'{"a": 1}')

    async def handler(request):
        return web.Response(body=body, content_type="application/json", headers={"Content-Encoding": "gzip"})

    with AppUpstream(handler) as upstream, RecordingProxy(upstream.url, tmp_path) as proxy:
        assert get(proxy.url, "/features").endswith(body)
    kept = Exchanges.load(tmp_path / "exchanges.json").find("GET", "/features")
    assert json.loads(kept.content) == {"a": 1} and "Content-Encoding" not in kept.headers


def test_earlier_exchanges_stay_and_broken_ones_are_not_overwritten(tmp_path):
    from pytest_comfy.golden import GoldenError

    with AppUpstream(answers) as upstream:
        for path in ("/one", "/two"):
            with RecordingProxy(upstream.url, tmp_path) as proxy:
                requests.get(proxy.url + path, timeout=10)
        assert len(Exchanges.load(tmp_path / "exchanges.json")) == 2
        (tmp_path / "exchanges.json").write_text("{")
        with pytest.raises(GoldenError, match="record them again"):
            RecordingProxy(upstream.url, tmp_path).start()
    assert (tmp_path / "exchanges.json").read_text() == "{"
