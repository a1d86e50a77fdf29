"""The recording proxy passes WebSockets through as they came: sizes, kinds, compression, how they close."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import struct
import zlib

import aiohttp
import pytest
import websocket
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from pytest_comfy.server.recording import RecordingProxy
from pytest_comfy.server.recording.frames import BINARY, TEXT, FrameError, FrameReader

from .upstream import AppUpstream

HUGE = 20 << 20


async def upstream_socket(request):
    """Echo; a text "close N" closes with that code, "drop" cuts the connection, "huge" is answered with 20 MiB."""
    if request.query.get("clientId") == "unwelcome":
        return web.Response(status=418, text="not you", headers={"X-Why": "tea"})
    socket = web.WebSocketResponse(protocols=("comfy",), max_msg_size=0)
    await socket.prepare(request)
    await socket.send_str(json.dumps({"type": "query", "data": {"raw": request.raw_path}}))
    async for message in socket:
        if message.type == aiohttp.WSMsgType.BINARY:
            await socket.send_bytes(message.data)
        elif message.data == "drop":
            request.transport.abort()
        elif message.data == "huge":
            await socket.send_bytes(bytes(HUGE))
        elif message.data.startswith("close "):
            await socket.close(code=int(message.data[6:]), message=b"because")
        else:
            await socket.send_str(message.data)
    return socket


@pytest.fixture
def proxy(tmp_path):
    with AppUpstream(upstream_socket) as upstream, RecordingProxy(upstream.url, tmp_path) as running:
        yield running


@pytest.fixture
def connect(proxy):
    opened = []

    def connected(target="/ws?clientId=a", **more):
        opened.append(websocket.create_connection(f"ws{proxy.url[4:]}{target}", timeout=20, **more))
        return opened[-1]

    yield connected
    for socket in opened:
        with contextlib.suppress(OSError, websocket.WebSocketException):
            socket.close()
        socket.shutdown()  # close() leaves the socket open where the server closed first


@pytest.mark.parametrize("target", ["/ws?clientId=a", "/api/ws?x=%2F+&clientId=", "/ws", "/custom/socket?a=b"])
def test_messages_pass_both_ways(connect, target):
    socket = connect(target)
    assert json.loads(socket.recv()) == {"type": "query", "data": {"raw": target}}
    for sent in ("text é \x00", "", "{broken json", '{"type": 1}', '{"type": "status", "data": {"sid": 5}}'):
        socket.send(sent)
        assert socket.recv() == sent
    for data in (b"", b"\x00\x00\x00\x01", b"\x00\x00\x00\x04\xff\xff\xff\xff{", os.urandom(70_000)):
        socket.send_binary(data)
        assert socket.recv() == data


def test_huge_messages_pass(connect):
    socket = connect()
    socket.recv()
    socket.send("huge")
    assert len(socket.recv()) == HUGE


@pytest.mark.parametrize("code", [1000, 1001, 1009, 1011, 3000, 4999])
def test_close_codes_of_the_server_arrive(connect, code):
    socket = connect()
    socket.recv()
    socket.send(f"close {code}")
    opcode, data = socket.recv_data(control_frame=True)
    assert opcode == websocket.ABNF.OPCODE_CLOSE
    assert data == struct.pack(">H", code) + b"because"


def test_a_cut_connection_is_cut(connect):
    socket = connect()
    socket.recv()
    socket.send("drop")
    with pytest.raises((websocket.WebSocketConnectionClosedException, ConnectionError)):
        socket.recv()


def test_refusals_come_in_the_servers_words(connect):
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        connect("/ws?clientId=unwelcome")
    assert refused.value.status_code == 418
    assert refused.value.resp_headers["x-why"] == "tea"
    assert b"not you" in refused.value.resp_body


def test_subprotocols_are_agreed_on_with_the_server(connect):
    assert connect(subprotocols=["other", "comfy"]).subprotocol == "comfy"


@pytest.mark.parametrize("compress", [0, 15, 9])
def test_compression_is_agreed_on_with_the_server(proxy, compress):
    async def talk():
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(proxy.url + "/ws?clientId=a", compress=compress, max_msg_size=0) as socket,
        ):
            await socket.receive()
            for size in (10, 1000, 300_000):
                await socket.send_str("x" * size)
                assert (await socket.receive()).data == "x" * size
            return socket.compress

    assert bool(asyncio.run(talk())) == bool(compress)


def test_pings_are_answered_by_the_server_itself(connect):
    socket = connect()
    socket.recv()
    socket.ping("are you there")
    opcode, data = socket.recv_data(control_frame=True)
    assert (opcode, data) == (websocket.ABNF.OPCODE_PONG, b"are you there")


def frame(payload, opcode, final=True, compressed=False):
    first = opcode | (0x80 if final else 0) | (0x40 if compressed else 0)
    size = len(payload)
    head = bytes((size,)) if size < 126 else b"\x7e" + struct.pack(">H", size)
    return bytes((first,)) + (head if size < 65536 else b"\x7f" + struct.pack(">Q", size)) + payload


MESSAGES = st.lists(st.tuples(st.sampled_from([TEXT, BINARY]), st.lists(st.binary(max_size=300), min_size=1)))


@given(MESSAGES, st.integers(1, 50), st.booleans(), st.booleans())
def test_frames_are_read_however_they_are_cut(messages, step, deflate, takeover):
    """Messages in any number of fragments, with pings between them, in pieces of any size."""
    sent = b""
    squeeze = zlib.compressobj(wbits=-15)
    for opcode, parts in messages:
        if deflate:
            if not takeover:
                squeeze = zlib.compressobj(wbits=-15)
            whole = squeeze.compress(b"".join(parts)) + squeeze.flush(zlib.Z_SYNC_FLUSH)
            cut = [whole[:-4][at : at + 100] for at in range(0, max(1, len(whole) - 4), 100)]
        else:
            cut = parts
        for number, part in enumerate(cut):
            sent += frame(part, 0 if number else opcode, number == len(cut) - 1, deflate and not number)
            sent += frame(b"", 9)
    reader = FrameReader(deflate, takeover)
    got = [one for at in range(0, len(sent), step) for one in reader.feed(sent[at : at + step])]
    assert [one for one in got if one[0] != 9] == [(opcode, b"".join(parts)) for opcode, parts in messages]


@given(st.binary(max_size=200), st.booleans())
def test_no_bytes_break_the_reader(data, deflate):
    with contextlib.suppress(FrameError):
        FrameReader(deflate).feed(data)


def test_a_frame_too_long_to_be_true_is_refused():
    with pytest.raises(FrameError, match="a frame of"):
        FrameReader().feed(b"\x82\x7f" + struct.pack(">Q", 1 << 62))
