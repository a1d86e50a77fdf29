"""HTTP to a server on this machine, said byte by byte: connections that are kept, dropped and broken off."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from pytest_comfy.access import access_to
from pytest_comfy.client import ServerUnreachable
from pytest_comfy.client.http import Http

pytestmark = pytest.mark.timeout(40)

Serve = Callable[..., tuple[Http, list[tuple[int, bytes]]]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a client of a server that gives these answers, and what it was asked: (connection, request)."""
    listening = socket.create_server(("127.0.0.1", 0))
    client = Http(access_to(f"http://127.0.0.1:{listening.getsockname()[1]}"), timeout=5)
    asked: list[tuple[int, bytes]] = []

    def begin(*answers: bytes, close_after: int = 1000) -> tuple[Http, list[tuple[int, bytes]]]:
        left = list(answers)

        def run() -> None:
            number = 0
            while left:
                try:
                    connection, _ = listening.accept()
                except OSError:  # nothing more is asked
                    return
                with connection:
                    for _ in range(close_after):
                        request = _request(connection)
                        if not request:
                            break
                        asked.append((number, request))
                        connection.sendall(left.pop(0))
                        if not left:
                            break
                number += 1

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        threads.append(thread)
        return client, asked

    threads: list[threading.Thread] = []
    yield begin
    client.close()
    with contextlib.suppress(OSError):
        listening.shutdown(socket.SHUT_RDWR)  # wakes who accepts; closing does not
    for thread in threads:
        thread.join(10)
    listening.close()


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def _answer(body: bytes, *lines: bytes) -> bytes:
    head = (b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *lines)
    return b"\r\n".join((*head, b"", body))


def test_a_connection_is_kept_and_asked_for_all(serve):
    client, asked = serve(_answer(b"{}"), _answer(b'{"a": 1}'), _answer(b"[]"))
    assert client.get("/a").json() == {}
    assert client.post("/b", {"x": "é"}).json() == {"a": 1}
    assert client.get("/c", {"name": "a b&c"}).json() == []
    assert [number for number, _ in asked] == [0, 0, 0]
    assert [request.split(b"\r\n")[0] for _, request in asked] == [
        b"GET /a HTTP/1.1",
        b"POST /b HTTP/1.1",
        b"GET /c?name=a+b%26c HTTP/1.1",
    ]
    assert b"\r\nContent-Type: application/json\r\n" in asked[1][1]
    assert asked[1][1].endswith(b'\r\n\r\n{"x": "\\u00e9"}')


def test_what_goes_with_every_request(serve):
    client, asked = serve(_answer(b"{}"))
    headers = {"user-agent": "Mine", "X-Tab": "a\tb"}
    told = Http(access_to(f"{client.url}/proxy/one/", headers, auth=("me", "word")), timeout=5)
    assert told.get("/a").json() == {}
    told.close()
    lines = asked[0][1].decode().split("\r\n")
    assert lines[0] == "GET /proxy/one/a HTTP/1.1"
    assert sorted(lines[1:-2]) == [
        "Accept-Encoding: gzip, deflate",
        "Accept: */*",
        "Authorization: Basic bWU6d29yZA==",
        "Connection: keep-alive",
        f"Host: {client.url.removeprefix('http://')}",
        "X-Tab: a\tb",
        "user-agent: Mine",
    ]


@pytest.mark.parametrize("value", ["a\r\nInjected: b", "a\nb", " a", "a\rb"])
def test_a_header_that_would_be_two_is_not_sent(serve, value):
    client, asked = serve(_answer(b"{}"))
    told = Http(access_to(client.url, {"X-One": value}), timeout=5)
    with pytest.raises(ServerUnreachable, match="header"):
        told.get("/a")
    told.close()
    assert asked == []
    assert client.get("/b").json() == {}


def test_a_server_on_this_machine_is_asked_without_what_only_others_need(serve):
    client, _ = serve(_answer(b"{}"))
    code = f"""
import sys
from pytest_comfy.access import access_to
from pytest_comfy.client.http import Http
client = Http(access_to({client.url!r}))
client.get("/a").json()
client.close()
print({{"requests", "urllib3"}} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize("path", ["/history/a b", "/history/a\r\nX: y", "/object_info/a%2Fb", "/caf\u00e9"])
def test_what_cannot_stand_in_a_request_is_escaped(serve, path):
    client, asked = serve(_answer(b"{}"))
    assert client.get(path).json() == {}
    line, *others = asked[0][1].split(b"\r\n")
    assert line.startswith(b"GET /")
    assert line.count(b" ") == 2
    assert not [other for other in others if other.startswith(b"X")]


def test_a_connection_that_the_server_dropped_is_replaced(serve):
    client, asked = serve(_answer(b"{}"), _answer(b"[]"), close_after=1)
    assert client.get("/a").json() == {}
    # The server may be about to drop it: what is asked in that moment is lost, as with any client.
    for _ in range(50):
        try:
            assert client.get("/b").json() == []
            break
        except ServerUnreachable as error:
            assert "connection lost" in str(error)
    assert {number for number, _ in asked} == {0, 1}


def test_an_answer_that_breaks_off_ends_its_connection(serve):
    broken = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}"
    client, asked = serve(broken, _answer(b"{}"), close_after=1)
    with pytest.raises(ServerUnreachable, match="/a: the answer broke off"):
        client.get("/a")
    assert client.get("/b").json() == {}
    assert [number for number, _ in asked] == [0, 1]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n{}",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
def test_bodies_of_every_length(serve, answer):
    client, _ = serve(answer, _answer(b"[]"), close_after=1)
    assert client.get("/a").json() == {}


def test_chunks_that_break_off(serve):
    client, _ = serve(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{", _answer(b"{}"), close_after=1)
    with pytest.raises(ServerUnreachable, match="/a: the answer broke off"):
        client.get("/a")
    client.get("/b")


@pytest.mark.parametrize("answer", [b"nonsense\r\n\r\n", b"HTTP/1.1 what\r\n\r\n", b"\0" * 100_000, b""])
def test_what_is_no_answer(serve, answer):
    client, _ = serve(answer, _answer(b"{}"), close_after=1)
    with pytest.raises(ServerUnreachable, match="/a: connection lost"):
        client.get("/a")
    client.get("/b")


def test_two_threads_have_connections_of_their_own():
    both = threading.Barrier(2, timeout=20)
    listening = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        with listening.accept()[0] as connection:
            request = _request(connection)
            both.wait()  # neither is answered before both have asked
            connection.sendall(_answer(request.split(b" ")[1].replace(b"/", b"")))
            connection.recv(1)

    servers = [threading.Thread(target=answer, daemon=True) for _ in range(2)]
    client = Http(access_to(f"http://127.0.0.1:{listening.getsockname()[1]}"), timeout=20)
    found: dict[int, object] = {}
    clients = [
        threading.Thread(target=lambda n=n: found.update({n: client.get(f"/{n}").json()}), daemon=True) for n in (1, 2)
    ]
    for thread in (*servers, *clients):
        thread.start()
    for thread in clients:
        thread.join(20)
    client.close()
    for thread in servers:
        thread.join(20)
    listening.close()
    assert found == {1: 1, 2: 2}
