"""The bookkeeping by itself: which message belongs to which run, whatever comes."""

from __future__ import annotations

import asyncio
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_comfy.server.recording.answers import MOST, Kept, decoded, is_asked_for, is_kept, redact_answer
from pytest_comfy.server.recording.frames import BINARY, TEXT
from pytest_comfy.server.recording.headers import end_to_end, target_of
from pytest_comfy.server.recording.results import Ending, started_at
from pytest_comfy.server.recording.tape import ANYONE, NOBODY, Message, Posted, Tape, read_message

PROMPT = {"1": {"class_type": "KSampler", "inputs": {}}, "2": {"class_type": "SaveImageWebsocket", "inputs": {}}}


def text(kind, prompt_id="p", **data):
    return Message(kind, {"prompt_id": prompt_id, **data})


def posted(client_id="c"):
    return Posted.read({"prompt": PROMPT, "client_id": client_id}, 10.0)


def test_messages_before_the_answer_belong_to_the_run():
    tape = Tape()
    with tape.posting():
        for kind in ("execution_start", "executing"):
            tape.hear("c", 10.5, text(kind, node=None))
        tape.hear("other", 10.5, text("progress"))
        run = tape.accept(posted(), "p", 0)
    assert [event.type for event in run.events] == ["execution_start", "executing"]
    assert run.heard and [event.at for event in run.events] == [0.5, 0.500001]


def test_messages_of_nobodys_run_are_not_held():
    tape = Tape()
    tape.hear("c", 10.5, text("execution_start"))
    with tape.posting():
        assert tape.accept(posted(), "p", 0).events == []


def test_one_id_posted_twice_is_two_runs():
    tape = Tape()
    with tape.posting():
        first, second = tape.accept(posted(), "p", 0), tape.accept(posted(), "p", 1)
    for _ in range(2):
        tape.hear("c", 11, text("execution_start"))
        tape.hear("c", 11, text("executing", node=None))
    assert [event.type for event in first.events] == [event.type for event in second.events]
    tape.forget(first)
    assert tape.runs() == [second]


def test_frames_without_an_id_belong_to_the_run_that_spoke_last_on_their_socket():
    tape = Tape(keep_previews=False)
    with tape.posting():
        run, other = tape.accept(posted(), "p", 0), tape.accept(posted("d"), "q", 1)
    frame = Message("preview", {"image_type": "image/png"}, 1, b"picture")
    tape.hear("c", 11, frame)
    tape.hear("c", 11, text("executing", node="1"))
    tape.hear("c", 11, frame)
    tape.hear("c", 11, text("executing", node="2"))
    tape.hear("c", 11, frame)
    tape.hear("c", 12, text("executing", node=None))
    tape.hear("c", 12, frame)
    assert [(one.node, one.data) for one in run.previews] == [("1", b""), ("2", b"picture")]
    assert other.previews == []


def test_an_end_told_between_two_questions_is_no_loss():
    """Not in history yet, not in the queue any more, and meanwhile the socket tells the end: history has it now."""
    tape = Tape()
    with tape.posting():
        run = tape.accept(posted(), "p", 0)

    class Upstream:
        asked = 0

        async def entry(self, prompt_id):
            self.asked += 1
            return {"prompt": [0]} if self.asked > 2 else None

        async def is_queued(self, prompt_id):
            tape.hear("c", 11, text("executing", node=None))
            return False

    async def wait():
        ending = Ending(Upstream(), run, lambda entry: False, asyncio.Event())
        ending.news.set()
        return await ending.entry()

    assert asyncio.run(wait()) == {"prompt": [0]}


def test_entries_of_another_run_of_the_same_id_are_not_taken():
    tape = Tape()
    with tape.posting():
        run = tape.accept(posted(), "p", 7)
    entries = [{"prompt": [3]}, {"prompt": [7], "status": {"messages": [["x", {"timestamp": 5}]]}}, {"prompt": [7]}]

    class Upstream:
        async def entry(self, prompt_id):
            return entries.pop(0)

    run.heard = True
    ending = Ending(Upstream(), run, lambda entry: started_at(entry) == 5, asyncio.Event())
    assert asyncio.run(ending.entry()) == {"prompt": [7]}


def test_a_blocked_node_does_not_end_a_run():
    tape = Tape()
    with tape.posting():
        run = tape.accept(posted(), "p", 0)
    tape.hear("c", 11, text("execution_error", exception_type="ExecutionBlocked"))
    assert not run.terminal and tape.waits_for("c")
    tape.hear("c", 11, text("execution_success", timestamp=5))
    tape.hear("c", 11, text("executing", node=None))
    assert run.terminal and run.heard and not tape.waits_for("c")


@pytest.mark.parametrize(
    ("body", "source"),
    [
        ({"client_id": "c"}, "c"),
        ({"client_id": ""}, NOBODY),
        ({"client_id": 5}, NOBODY),
        ({"client_id": None, "extra_data": {"client_id": "c"}}, ANYONE),
        ({"extra_data": {"client_id": "c"}}, "c"),
        ({"extra_data": None}, ANYONE),
        ({}, ANYONE),
    ],
)
def test_whose_run_it_is(body, source):
    assert Posted.read({"prompt": PROMPT, **body}, 0.0).source == source


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "data", "prompt_id", "node", "nodes", "timestamp", "sid"]), inner)
    ),
    max_leaves=12,
)
KINDS = st.sampled_from(["executing", "execution_start", "execution_error", "progress", "executed", "status", "x"])


@given(st.lists(st.tuples(st.sampled_from(["c", "d", ANYONE]), KINDS, JSON)))
def test_no_message_breaks_the_tape_and_times_only_grow(messages):
    tape = Tape()
    with tape.posting():
        run = tape.accept(posted(), "p", 0)
        for source, kind, data in messages:
            message = read_message(TEXT, json.dumps({"type": kind, "data": data}).encode())
            if message is not None:
                tape.hear(source, 9.0, message)
    times = [event.at for event in run.events]
    assert times == sorted(set(times))


@given(st.sampled_from([TEXT, BINARY, 0, 8, 15]), st.binary(max_size=60))
def test_no_payload_breaks_the_reader(opcode, payload):
    read_message(opcode, payload)
    for kind in (1, 2, 3, 4):
        read_message(BINARY, struct.pack(">I", kind) + payload)


@given(JSON)
def test_no_body_breaks_the_reading_of_a_prompt(body):
    Posted.read(body, 0.0)


@given(JSON, st.sampled_from(["/object_info", "/object_info/X", "/system_stats", "/other"]))
def test_no_answer_breaks_redaction(value, path):
    redact_answer(path, value)


def test_a_body_too_large_is_given_up():
    kept = Kept()
    kept.take(b"x" * MOST)
    assert not kept.too_large and len(kept.body) == MOST
    kept.take(b"x")
    kept.take(b"x")
    assert kept.too_large and kept.body == b""


@given(st.binary(max_size=50), st.sampled_from(["gzip", "deflate", "br", "identity", "x"]))
def test_no_encoding_breaks_decoding(body, encoding):
    found = decoded(body, encoding)
    assert found is None or encoding != "br"


def test_which_answers_may_be_kept():
    assert is_asked_for("GET", "/api/object_info", ()) and is_asked_for("POST", "/custom", ())
    assert not is_asked_for("PUT", "/custom", ()) and not is_asked_for("GET", "/queue", ())
    assert not is_asked_for("GET", "/x", [("api_key", "k")]) and is_asked_for("GET", "/x", [("api_key", "")])
    assert is_kept("GET", 200, {"Content-Type": "application/json; charset=utf-8"})
    assert is_kept("GET", 404, {"Content-Length": "0", "Content-Type": "application/octet-stream"})
    assert not is_kept("GET", 200, {"Content-Type": "image/png"})
    assert not is_kept("GET", 500, {"Content-Type": "application/json"})
    assert not is_kept("POST", 200, {"Content-Type": "text/plain"})


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=40))
def test_targets_of_paths_stay(path):
    assert target_of("/" + path) == "/" + path


@pytest.mark.parametrize(
    ("raw", "target"),
    [("*", None), ("host:80", None), ("http://h/a?b=/c", "/a?b=/c"), ("http://h", "/"), ("http://h?q=/x", "/?q=/x"),
     ("ftp://h/a", None), ("/caf\udce9", "/caf%E9"), ("/é", "/%C3%A9"), ("", None)],
)  # fmt: skip
def test_other_forms_of_targets(raw, target):
    assert target_of(raw) == target


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=9), st.binary(max_size=12))))
def test_hop_by_hop_headers_go_and_others_stay(headers):
    sent = end_to_end([*headers, (b"Connection", b"X-A , close"), (b"x-a", b"1"), (b"X-B", b"2")])
    assert "x-a" not in sent and "connection" not in sent and sent.getall("x-b")[-1] == "2"
