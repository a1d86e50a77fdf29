"""Messages that wait for a client together: in order, whole, and to clients that want them packed as well."""

from __future__ import annotations

import asyncio
import gc
import weakref

import aiohttp
import pytest
import websocket
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_comfy.client import ComfyClient
from pytest_comfy.golden import GoldenRun
from pytest_comfy.server import FakeComfyServer

from .conftest import PNG, document

pytestmark = pytest.mark.timeout(60)

SIZES = (0, 1, 125, 126, 127, 40_000, 65_535, 65_536, 70_000)
"""Bytes about which the head of a frame changes, and what is sent by itself."""
TEXTS = [f"é{number}".ljust(size, "x")[:size] for number, size in enumerate((*SIZES, *reversed(SIZES)))]


def send(server, frames):
    server.call(lambda: [client.send(frame) for frame in frames for client in server.hub.connected()])


def test_all_that_waits_arrives_in_order():
    frames = [*TEXTS, b"\0\0\0\1picture", *TEXTS]
    with FakeComfyServer() as server:
        socket = websocket.create_connection(f"{server.url.replace('http', 'ws')}/ws?clientId=a")
        socket.recv()  # the greeting
        send(server, frames)
        assert [socket.recv() for _ in frames] == frames
        socket.close()


def test_a_client_that_wants_them_packed_gets_the_same():
    async def received(url):
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{url}/ws?clientId=a", compress=15) as socket,
        ):
            assert socket.compress
            await socket.receive_str()  # the greeting
            await asyncio.to_thread(send, server, TEXTS)
            return [await socket.receive_str() for _ in TEXTS]

    with FakeComfyServer() as server:
        assert asyncio.run(received(server.url)) == TEXTS


@settings(deadline=None, max_examples=20)
@given(st.lists(st.one_of(st.text(max_size=300), st.binary(min_size=1, max_size=300)), max_size=40))
def test_any_mixture_arrives_in_order(frames):
    with FakeComfyServer() as server:
        socket = websocket.create_connection(f"{server.url.replace('http', 'ws')}/ws?clientId=a")
        socket.recv()
        send(server, frames)
        assert [socket.recv() for _ in frames] == frames
        socket.close()


def test_nothing_of_a_server_life_that_is_over_waits_for_the_collector():
    """Pictures are large: those of 1,000 cases would be in memory until it comes."""
    gc.collect()
    gc.disable()
    try:
        with FakeComfyServer() as server, ComfyClient(server.url) as client:
            run = GoldenRun(document(), None, {"2.images.0.png": PNG})
            server.reset([run])
            assert [output.data for output in client.run(run.prompt).outputs] == [PNG]
            kept = weakref.ref(run)
            server.reset()
            del run
            client.queue()  # the routes have to do with the new life from the next question on
            assert kept() is None
    finally:
        gc.enable()


def test_what_is_asked_after_a_life_began_unwaited_for_is_answered_by_it():
    with FakeComfyServer() as server, ComfyClient(server.url) as client:
        for number in range(30):
            picture = PNG + bytes([number])
            server.renew([GoldenRun(document(), None, {"2.images.0.png": picture})])
            assert [output.data for output in client.run(document()["prompt"]).outputs] == [picture]
