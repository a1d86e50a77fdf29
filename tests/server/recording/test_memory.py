"""What the proxy keeps of a server that sends without end, for which there is no option."""

from __future__ import annotations

import asyncio
import json

import pytest

from pytest_comfy.memory import MOST_MESSAGES, Budget
from pytest_comfy.server.recording import answers, tape, upstream
from pytest_comfy.server.recording.frames import TEXT
from pytest_comfy.server.recording.results import collect
from pytest_comfy.server.recording.tape import Message, Posted, TapedRun, read_message
from pytest_comfy.server.recording.upstream import Unreachable, Upstream

PROMPT = {"9": {"class_type": "SaveImage", "inputs": {}}}
TINY = b"[" + b"{}," * 10_000 + b"1]"


@pytest.fixture
def run():
    return TapedRun(Posted.read({"prompt": PROMPT, "client_id": "c"}, 10.0), "p")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A machine with little memory."""
    for module in (answers, tape, upstream):
        monkeypatch.setattr(module, "DEFAULT_MAX_MEMORY", 1_000_000)


def test_messages_of_progress_are_kept_up_to_a_number(run):
    for _ in range(MOST_MESSAGES + 7):
        run.take(11.0, Message("progress", {"prompt_id": "p"}))
    run.take(12.0, Message("execution_success", {"prompt_id": "p", "timestamp": 1}))
    run.take(12.0, Message("executing", {"prompt_id": "p", "node": None}))
    assert len(run.events) == MOST_MESSAGES + 2
    assert run.left_out == 7
    assert (run.terminal, run.heard) == (True, True)


def test_end_is_heard_though_nothing_is_kept_any_more(run):
    run.budget = Budget(0)
    run.take(12.0, Message("execution_success", {"prompt_id": "p", "timestamp": 1}))
    run.take(12.0, Message("executing", {"prompt_id": "p", "node": None}))
    assert run.events == []
    assert (run.terminal, run.heard, run.left_out) == (True, True, 2)


def test_pictures_count(run):
    run.budget = Budget(40_000)
    for _ in range(9):
        run.take(11.0, Message("preview", {"image_type": "image/png"}, 1, bytes(6000), 6000))
    assert 0 < len(run.previews) < 9
    assert run.left_out == 9 - len(run.previews)


def test_message_of_many_tiny_values_is_not_parsed():
    payload = b'{"type": "executed", "data": {"prompt_id": "p", "x": %s}}'
    assert read_message(TEXT, payload % b"1").prompt_id == "p"
    assert read_message(TEXT, payload % TINY) is None


def test_answer_of_many_tiny_values_is_not_kept():
    def kept(body):
        return answers.make_exchange("GET", "/models", (), None, 200, {"Content-Type": "application/json"}, body)

    assert kept(b"[1]").content == b"[1]"
    assert kept(TINY) is None


def test_what_the_proxy_asks_for_is_not_parsed(monkeypatch):
    async def get(self, path, most):
        return 200, TINY, ""

    monkeypatch.setattr(Upstream, "get", get)
    with pytest.raises(Unreachable, match=r"/queue answers JSON that takes up to 1\.18 MB of memory$"):
        asyncio.run(Upstream("http://127.0.0.1:1").is_queued("p"))


def test_outputs_that_take_too_much_together_are_told(run, monkeypatch):
    async def get(self, path, most):
        return 200, bytes(400_000), ""

    monkeypatch.setattr(Upstream, "get", get)
    run.ui = json.loads('{"9": {"images": [{"filename": "a.png"}, {"filename": "b.png"}, {"filename": "c.png"}]}}')
    run.budget = Budget(1_000_000, option="")
    told = []

    async def outputs():
        return [output.name async for output in collect(Upstream("http://127.0.0.1:1"), run, told.append)]

    assert asyncio.run(outputs()) == ["9.images.0", "9.images.1"]
    assert told == [
        "output 9.images.2 is not kept: it takes 400 kB of memory, more than is left of the 1 MB that one run may take"
    ]
