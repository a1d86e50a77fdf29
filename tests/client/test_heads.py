"""Heads of answers: whoever reads them, the answer is the same."""

from __future__ import annotations

import socket
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_comfy.client.heads import Headers, Sized, answer_of

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 3\r\n\r\nabc"

lines = st.sampled_from(
    [
        b"Content-Length: 3\r\n",
        b"content-length: 03\r\n",
        b"Content-Length: 5\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: x\r\n",
        b"Content-Length:\t0 \r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Connection: Keep-Alive, Close\r\n",
        b"Content-Type: text/html; charset=utf-8\r\n",
        b"Set-Cookie: a=1\r\n",
        b"Set-Cookie: b=2\n",
        b" and goes on\r\n",
        b"no colon\r\n",
        b"Space before : a\r\n",
        b"Name: v\xe4lue\r\n",
        b"Name:\r\n",
        b"Bare: a\rb: c\r\n",
        b": nameless\r\n",
    ]
)
longs = st.sampled_from([b"", b"X: " + b"x" * 60_000 + b"\r\n", b"X: " + b"x" * 70_000 + b"\r\n"])
"""Of which one is longer than http.client takes."""
statuses = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 404\r\n",
        b"HTTP/1.1 204 No Content\r\n",
        b"HTTP/1.1 304 Not Modified\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 200 OK\r\n",
        b"HTTP/1.1 999 What\r\n",
        b"HTTP/1.1 20\r\n",
        b"HTTP/2 200 OK\r\n",
        b"SSH-2.0-what\r\n",
        b"HTTP/1.1 200 OK\n",
        b"",
    ]
)
bodies = st.sampled_from([b"", b"abc", b"abcde", b"3\r\nabc\r\n0\r\n\r\n", b"3\r\nab"])
ends = st.sampled_from([b"\r\n", b"\n", b""])


def by_http_client(connection: socket.socket, method: str) -> HTTPResponse:
    response = HTTPResponse(connection, method=method)
    response.begin()
    return response


def told(read: Callable[[socket.socket, str], Any], method: str, sent: bytes, size: int | None) -> object:
    """Return all that an answer tells, read in pieces of `size` or at once; or what kept it from being read."""
    here, there = socket.socketpair()
    with here, there:
        there.sendall(sent)
        there.shutdown(socket.SHUT_WR)
        try:
            response = read(here, method)
            pieces = [response.read()] if size is None else list(iter(lambda: response.read(size), b""))
            headers = response.headers if isinstance(response, Sized) else Headers(response.headers.items())
            rest = response.length
            response.close()
        except (HTTPException, OSError) as error:
            return type(error)
        return response.status, dict(headers), b"".join(pieces), rest or 0, response.will_close


@given(statuses, st.lists(lines, max_size=4), longs, ends, bodies, st.sampled_from(["GET", "HEAD"]), st.booleans())
def test_an_answer_is_what_http_client_takes_it_for(status, headers, long, end, body, method, in_pieces):
    sent, size = status + b"".join(headers) + long + end + body, 2 if in_pieces else None
    assert told(answer_of, method, sent, size) == told(by_http_client, method, sent, size)


@pytest.mark.parametrize("count", [99, 100, 101])
def test_so_many_headers_are_taken_as_http_client_takes(count):
    sent = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n" + b"X-One: 1\r\n" * (count - 1) + b"\r\nabc"
    assert told(answer_of, "GET", sent, None) == told(by_http_client, "GET", sent, None)


def test_a_plain_head_is_not_left_to_http_client():
    here, there = socket.socketpair()
    with here, there:
        there.sendall(PLAIN)
        answer = answer_of(here, "GET")
        assert isinstance(answer, Sized)
        assert answer.fileno() == here.fileno()
        assert answer.read() == b"abc"
        with pytest.raises(ValueError, match="closed"):
            answer.fileno()


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Le"])
def test_a_connection_is_over_once_its_head_could_not_be_read(sent):
    here, there = socket.socketpair()
    with there:
        there.sendall(sent)
        there.settimeout(5.0)
        with here:
            here.settimeout(0.01)
            with pytest.raises(TimeoutError) as failed:
                answer_of(here, "GET")
        assert there.recv(1) == b"", failed
