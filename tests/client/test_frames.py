"""Frames on the WebSocket: whoever takes them apart, the messages are the same."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

import pytest
import websocket
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_comfy.client.events import _LimitedSocket
from pytest_comfy.client.messages import TooLong

pytestmark = pytest.mark.timeout(60)


def frame(first: int, content: bytes, mask: bytes = b"", wide: bool = False) -> bytes:
    """Return a frame; `wide` gives more bytes to its length than it needs."""
    size, masked = len(content), 0x80 if mask else 0
    if size < 126 and not wide:
        head = bytes([first, masked | size])
    elif size < 65_536:
        head = bytes([first, masked | 126]) + struct.pack(">H", size)
    else:
        head = bytes([first, masked | 127]) + struct.pack(">Q", size)
    body = bytes(byte ^ mask[at % 4] for at, byte in enumerate(content)) if mask else content
    return head + mask + body


contents = st.one_of(st.binary(max_size=4), st.sampled_from([b"x" * size for size in (125, 126, 200, 65_535, 65_536)]))
firsts = st.sampled_from([0x81, 0x82, 0x01, 0x02, 0x80, 0x00, 0x89, 0x8A, 0x88, 0xC1, 0x83, 0x91])
frames = st.builds(frame, firsts, contents, st.sampled_from([b"", b"", b"abcd"]), st.booleans())


def heard(kind: type[websocket.WebSocket], sent: bytes, pieces: int) -> list[object]:
    """Return the messages that a socket takes out of what is sent in pieces, and what ends them."""
    here, there = socket.socketpair()
    taken: list[object] = []

    def send() -> None:
        with there, contextlib.suppress(OSError):  # who reads may be done with it
            step = len(sent) // pieces + 1
            for at in range(0, len(sent), step):
                there.sendall(sent[at : at + step])
            there.shutdown(socket.SHUT_WR)
            while there.recv(4096):  # pongs
                pass

    sending = threading.Thread(target=send, daemon=True)
    sending.start()
    reader = kind(enable_multithread=True, skip_utf8_validation=True)
    reader.sock, reader.connected = here, True
    if isinstance(reader, _LimitedSocket):
        reader.most = 1 << 20
    try:
        while True:
            taken.append(reader.recv_data())
    except (websocket.WebSocketException, OSError, ValueError, struct.error, AttributeError) as error:
        taken.append(type(error))
    here.close()
    sending.join(10)
    return taken


@settings(deadline=None)
@given(st.lists(frames, max_size=6), st.integers(1, 5), st.integers(0, 3))
def test_messages_are_what_the_library_takes_them_for(some, pieces, missing):
    sent = b"".join(some)
    sent = sent[: len(sent) - missing]
    assert heard(_LimitedSocket, sent, pieces) == heard(websocket.WebSocket, sent, pieces)


@pytest.mark.parametrize(("most", "fits"), [(11, False), (12, True)])
def test_a_message_of_one_frame_is_held_against_the_limit(most, fits):
    here, there = socket.socketpair()
    with here, there:
        there.sendall(frame(0x81, b"x" * 10))
        reader = _LimitedSocket(skip_utf8_validation=True)
        reader.sock, reader.connected, reader.most, reader.excuse = here, True, most, "too much"
        if fits:
            assert reader.recv_data() == (websocket.ABNF.OPCODE_TEXT, b"x" * 10)
        else:
            with pytest.raises(TooLong, match="too much"):
                reader.recv_data()
