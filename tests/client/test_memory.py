"""What a run may keep in memory, against servers that send without end."""

from __future__ import annotations

import contextlib
import gzip
import json
import struct
import subprocess
import sys
import threading

import pytest
from projects import PEAK

from pytest_comfy import ComfyClient
from pytest_comfy.client import TooLarge
from pytest_comfy.client.buffer import Buffer
from pytest_comfy.client.messages import Message
from pytest_comfy.client.watch import Watch
from pytest_comfy.memory import MOST_MESSAGES, Budget, OutOfMemory

pytestmark = pytest.mark.timeout(60)

MB = 10**6
TINY = b'{"x":[' + b"{}," * MB + b"{}]}"
"""3 MB that become more than 70."""


@pytest.fixture
def small(comfy):
    """A client whose runs may keep little."""
    with ComfyClient(comfy.url, timeout=30, stall_timeout=20, max_memory=20 * MB) as one:
        yield one


def answering(comfy, method, path, body, **headers):
    comfy.answer(method, path, body=body, content_type="application/json", headers=headers)


def excuse(limit="20 MB"):
    return rf"more than (is left of )?the {limit} that comfy_max_memory allows one run: raise it if that is right$"


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/system_stats"), ("GET", "/object_info/KSampler"), ("POST", "/prompt")]
)
def test_json_of_many_tiny_values_is_not_parsed(comfy, small, prompt, method, path, packed):
    body = gzip.compress(TINY) if packed else TINY
    answering(comfy, method, path, body, **({"Content-Encoding": "gzip"} if packed else {}))
    ask = {
        "/system_stats": small.system_stats,
        "/object_info/KSampler": lambda: small.definition("KSampler"),
        "/prompt": lambda: small.run(prompt),
    }[path]
    with pytest.raises(
        TooLarge, match=rf"{path}: the answer, 3 MB of JSON, takes up to 121 MB of memory, more "
    ) as told:
        ask()
    assert not told.value.judged


def test_history_of_many_tiny_values(comfy, small, prompt):
    async def story(run):
        await run.begin()
        await run.succeed()
        comfy.history[run.id]["outputs"] = {"9": {"x": [{}] * MB}}

    comfy.story = story
    with pytest.raises(TooLarge, match=rf"/history/.*: the answer.*, {excuse()}"):
        small.run(prompt)


def test_queue_of_many_tiny_values_ends_the_run_at_once(comfy, small, prompt):
    async def story(run):
        await run.begin()

    comfy.story = story
    answering(comfy, "GET", "/queue", TINY)
    told = rf"/queue: the answer, 3 MB of JSON, takes up to 121 MB of memory, {excuse()}"
    small.stall_timeout = 0.2
    with pytest.raises(TooLarge, match=told):
        small.run(prompt)
    assert comfy.asked("POST", "/interrupt") != []  # what was posted is taken off the server


@pytest.mark.parametrize("sort", ["text", "binary"])
def test_one_message_that_takes_too_much(comfy, small, prompt, sort):
    async def story(run):
        await run.begin()
        with contextlib.suppress(ConnectionError):  # the client leaves
            if sort == "text":
                told = {"type": "executed", "data": {"x": [{}] * MB, "prompt_id": run.id}}
                await run.comfy.send_text(json.dumps(told))
            else:
                await run.comfy.send_bytes(struct.pack(">II", 1, 1) + bytes(5 * MB))

    comfy.story = story
    told = (
        r"a message on the WebSocket.* too much of the 20 MB that comfy_max_memory allows one run: raise it if that is"
    )
    with pytest.raises(TooLarge, match=told):
        small.run(prompt)


def test_messages_that_take_too_much_together(comfy, small, prompt):
    async def story(run):
        await run.begin()
        with contextlib.suppress(ConnectionError):  # the client leaves
            for _ in range(100):
                await run.say("executed", node="9", output={"text": ["x" * 500_000]})

    comfy.story = story
    with pytest.raises(TooLarge, match=rf"message \d+ of the run on the WebSocket takes .*, {excuse()}"):
        small.run(prompt)


def test_outputs_that_take_too_much_together(comfy, small, prompt):
    async def story(run):
        await run.begin()
        files = [comfy.file(f"x{number}.bin", bytes(6 * MB)) for number in range(9)]
        await run.succeed({"9": {"images": files}})

    comfy.story = story
    with pytest.raises(TooLarge, match=rf"node 9 .*, images 3: 'x3\.bin' was not downloaded: .*/view: .*, {excuse()}"):
        small.run(prompt)
    assert len(comfy.asked("GET", "/view")) == 4


def test_the_next_run_has_all_of_it_again(comfy, small, prompt):
    async def story(run):
        await run.begin()
        await run.succeed({"9": {"images": [comfy.file("x.bin", bytes(12 * MB))]}})

    comfy.story = story
    for _ in range(3):
        run = small.run(prompt)
        assert 12 * MB < run.budget.held < 13 * MB


def test_what_is_asked_between_runs_counts_with_the_last_one_until_the_next_begins(comfy, small, prompt):
    async def story(run):
        await run.begin()
        await run.succeed({"9": {"images": [comfy.file("x.bin", bytes(19 * MB))]}})

    comfy.story = story
    comfy.definitions = {"KSampler": {"input": "x" * MB}}
    small.run(prompt)
    with pytest.raises(TooLarge, match=rf"/object_info/KSampler: .*, {excuse()}"):
        small.definition("KSampler")
    small.renew()
    assert small.definition("KSampler") == {"input": "x" * MB}


def test_prompt_is_taken_off_the_server_though_nothing_is_left(comfy, small, prompt):
    async def story(run):
        await run.begin()
        with contextlib.suppress(ConnectionError):  # the client leaves
            for _ in range(100):
                await run.say("executed", node="9", output={"text": ["x" * 500_000]})

    comfy.story = story
    for path in ("/queue", "/interrupt"):
        comfy.answer("POST", path, body=b"x" * 100_000)
    with pytest.raises(TooLarge):
        small.run(prompt)
    assert comfy.asked("POST", "/interrupt") == [{"prompt_id": comfy.posted[0].id}]


def test_pictures_on_the_way_are_left_out_when_they_are_too_many(comfy, small, prompt):
    async def story(run):
        await run.begin()
        for _ in range(20):
            await run.comfy.send_bytes(struct.pack(">II", 1, 1) + bytes(MB))
        await run.succeed()

    comfy.story = story
    run = small.run(prompt)
    assert (len(run.previews), run.left_out) == (4, 16)  # a quarter of the run's
    assert len(run.outputs) == 1


def test_pictures_that_are_outputs_are_never_left_out(comfy, small, prompt):
    prompt["9"]["class_type"] = "SaveImageWebsocket"

    async def story(run):
        await run.begin("9")
        with contextlib.suppress(ConnectionError):  # the client leaves
            for _ in range(30):
                await run.comfy.send_bytes(struct.pack(">II", 1, 2) + bytes(MB))
            await run.succeed({})

    comfy.story = story
    with pytest.raises(TooLarge, match=rf"message \d+ of the run on the WebSocket takes 1 MB of memory, {excuse()}"):
        small.run(prompt)


def message(kind, **data):
    return Message(0.0, {"type": kind, "data": {"prompt_id": "p", **data}}, size=300)


def test_messages_of_progress_are_kept_up_to_a_number(prompt):
    watch = Watch(prompt, "p")
    for step in range(MOST_MESSAGES + 500):
        watch.take(message("progress", node="3", value=step, max=50_000))
    watch.take(message("executed", node="9", output={}))
    assert len(watch.events) == MOST_MESSAGES + 1
    assert watch.events[-1].type == "executed"
    assert watch.left_out == 500
    assert watch.step == (MOST_MESSAGES + 499, 50_000)  # where the run is, is known all the same


def test_end_of_a_run_is_seen_behind_any_number_of_messages(prompt):
    watch = Watch(prompt, "p")
    for _ in range(MOST_MESSAGES + 5):
        watch.take(message("executing", node="3"))
    watch.take(message("execution_success", timestamp=3))
    watch.take(message("executing", node=None))
    assert watch.terminal.type == "execution_success"
    assert watch.done
    assert len(watch.events) == MOST_MESSAGES


def test_message_that_must_be_kept_and_does_not_fit(prompt):
    watch = Watch(prompt, "p", Budget(1000))
    watch.take(message("progress", node="3", value=1, max=2))
    assert watch.left_out == 1  # a quarter is for such
    for _ in range(3):
        watch.take(message("executed", node="9"))
    with pytest.raises(OutOfMemory, match="message 4 of the run"):
        watch.take(message("executed", node="9"))


def test_buffer_lets_its_reader_wait_and_loses_nothing():
    buffer = Buffer(10)
    sent = [Message(float(number), size=5) for number in range(200)]
    reader = threading.Thread(target=lambda: [buffer.put(one) for one in sent])
    reader.start()
    assert [buffer.get(10) for _ in sent] == sent
    reader.join(10)
    assert buffer.get(0.0) is None


@pytest.mark.parametrize("end", [Buffer.close, Buffer.rest, Buffer.begin])
def test_reader_that_waits_is_let_go(end):
    buffer = Buffer(10)
    full = threading.Event()

    def read():
        buffer.put(Message(0.0, size=50))
        full.set()
        buffer.put(Message(1.0, size=50))

    reader = threading.Thread(target=read)
    reader.start()
    assert full.wait(10)
    end(buffer)
    reader.join(10)
    assert not reader.is_alive()


def test_nothing_is_held_between_runs():
    buffer = Buffer(10)
    buffer.rest()
    for _ in range(50):
        buffer.put(Message(0.0, size=50))
    assert buffer.get(0.0) is None
    buffer.begin()
    buffer.put(Message(1.0, size=50))
    assert buffer.get(0.0).at == 1.0


SCRIPT = (
    PEAK
    + """
import sys
from pytest_comfy import ComfyClient
from pytest_comfy.client import TooLarge
import requests, websocket

before = peak()
with ComfyClient(sys.argv[1], timeout=30, max_memory=int(sys.argv[2])) as client:
    try:
        client.run({"9": {"class_type": "SaveImage", "inputs": {}}})
        print("no error")
    except TooLarge as error:
        print(error)
print(peak() - before)
"""
)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process its own peak")
@pytest.mark.parametrize("bomb", ["json", "gzip"])
def test_peak_of_a_process_stays_below_what_was_allowed(comfy, bomb):
    """20 MB of tiny values would take half a gigabyte, and 300 MB of zeros in 300 kB twice that."""

    async def story(run):
        await run.begin()
        await run.succeed({"9": {"images": [{"filename": "x.png"}]}})

    comfy.story = story
    if bomb == "json":
        answering(comfy, "POST", "/prompt", b'{"x":[' + b"{}," * (20 * MB // 3) + b"{}]}")
    else:
        packed = b"".join([gzip.compress(bytes(50 * MB))] * 6)
        comfy.answer("GET", "/view", body=packed, headers={"Content-Encoding": "gzip"})
    limit = 100 * MB
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, comfy.url, str(limit)], capture_output=True, text=True, timeout=50, check=True
    )
    told, taken = done.stdout.splitlines()
    assert "comfy_max_memory allows one run" in told
    assert limit / 10 < int(taken) < 1.2 * limit
