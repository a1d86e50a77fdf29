"""What two connections tell in another order than it happened: captures of one life that were read a moment apart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_comfy.server import FakeComfyServer, faults

from .captures import Capture
from .conftest import play
from .life import DATA, Life
from .plan import Plan
from .prompts import chain
from .tape import Recorder

CAPTURES = Path(__file__).parent.parent / "captures"
DEFINITIONS = json.loads((DATA / "definitions-0.30.0.json").read_text(encoding="utf-8"))


@pytest.fixture
def replayed(tmp_path):
    """Return a function: events of a scenario -> what is different when they are replayed."""

    def replay(scenario, version, events):
        document = {"scenario": scenario, "server": version, "events": list(events)}
        (tmp_path / f"{scenario}.json").write_text(json.dumps(document), encoding="utf-8")
        return play(Life.load(tmp_path)).differences[scenario]

    return replay


def moved(scenario, version, index, to):
    """Return the events of a capture, one of them moved to stand before another."""
    events = list(Capture.load(CAPTURES / version / f"{scenario}.json.gz").events)
    event = events.pop(index)
    events.insert(to if to < index else to - 1, event)
    return events


def stops(scenario, version, events):
    return [(stop.event, stop.nth, stop.actions) for stop in Plan(Capture(scenario, version, events)).stops]


def next_of(events, kind, begin, **wanted):
    """Return the index of the next event of a kind; texts by their `type`."""
    for index in range(begin, len(events)):
        if events[index]["kind"] == kind and wanted.items() <= events[index].get("json", {}).items():
            return index
    raise LookupError(kind)


def two_posts(server, between):
    """Return what a client hears that posts twice while the first prompt stands at `between`, and looks then."""
    hold = server.faults.add(faults.hold(between))
    client = Recorder(server.url, {})
    try:
        client.connect()
        first = client.post(chain(1))
        assert hold.reached.wait(10)
        second = client.post(chain(2))
        client.ask("GET", "/queue")
        client.ask("GET", "/api/jobs")
        hold.release()
        client.end(first)
        client.end(second)
        client.idle()
    finally:
        client.close()
    return list(client.tape.events)


@pytest.mark.parametrize("between", ["queue", "run", "executing"])
def test_a_second_prompt_comes_before_or_after_the_first_was_taken(replayed, between):
    """The worker of a busy server takes its time: what `status` and the answers tell of it is seen."""
    with FakeComfyServer(synthesize=DEFINITIONS, version="0.30.0") as server:
        events = two_posts(server, between)
    assert stops("two_posts", "0.30.0", events)[0][0] == between
    assert replayed("two_posts", "0.30.0", events) == []


@pytest.mark.parametrize("kind", ["execution_start", "execution_cached", "executing"])
def test_an_answer_is_read_late(replayed, kind):
    """What the socket says of the first run meanwhile was said after the second prompt came."""
    with FakeComfyServer(synthesize=DEFINITIONS, version="0.30.0") as server:
        events = two_posts(server, "queue")
    _, post, *looks = [event for event in events if event["kind"] == "http"]
    events = [event for event in events if event is not post and event not in looks]
    events.insert(next_of(events, "ws-text", 0, type=kind) + 1, post)
    assert stops("two_posts", "0.30.0", events)[0][0] == "queue"
    assert replayed("two_posts", "0.30.0", events) == []


@pytest.mark.parametrize("asked", [{"clear": True}, {"delete": [None]}])
def test_a_prompt_was_taken_before_the_queue_was_cleared(replayed, asked):
    """Its `status` is read after the answer, and it ran."""
    events = list(Capture.load(CAPTURES / "0.30.0" / "success.json.gz").events)
    post = next_of(events, "http", 0)
    told = events[post]["response"]
    asked = {key: [told["json"]["prompt_id"]] if key == "delete" else value for key, value in asked.items()}
    headers = {name: value for name, value in told["headers"].items() if name != "Content-Type"}
    empty = {"status": 200, "headers": headers | {"Content-Length": "0"}, "base64": ""}
    request = {"method": "POST", "path": "/queue", "json": asked}
    events.insert(post + 1, {"t": events[post]["t"], "kind": "http", "request": request, "response": empty})
    taken = [at for at, event in enumerate(events) if is_status(event)][2]
    cleared = [{**events[taken]}] if "clear" in asked else []
    start = next_of(events, "ws-text", 0, type="execution_start")
    events[start:start] = cleared
    assert replayed("success", "0.30.0", events) == []


@pytest.mark.parametrize("by", [1, 2, 3, 9])
def test_a_node_at_work_goes_on_after_the_interrupt(replayed, by):
    events = moved("interrupt", "0.8.0", 123, 123 - by)
    assert stops("interrupt", "0.8.0", events)[1:] == [("execution_success", 1, [])]
    assert replayed("interrupt", "0.8.0", events) == []


def test_a_run_ends_before_it_notices_the_interrupt(replayed):
    events = list(Capture.load(CAPTURES / "0.8.0" / "reconnect_during_run.json.gz").events)
    last = [at for at, event in enumerate(events) if event["kind"] == "ws-binary"][-1]
    asked = {"method": "POST", "path": "/interrupt", "json": {}}
    headers = next(event for event in Capture.load(CAPTURES / "0.8.0" / "interrupt.json.gz").events[123:])["response"]
    events.insert(last, {"t": events[last]["t"], "kind": "http", "request": asked, "response": headers})
    assert replayed("reconnect_during_run", "0.8.0", events) == []


def test_the_answer_to_an_interrupt_is_read_after_the_run_has_ended(replayed):
    events = Capture.load(CAPTURES / "0.8.0" / "interrupt.json.gz").events
    ended = next_of(events, "ws-text", 123, type="execution_interrupted")
    assert replayed("interrupt", "0.8.0", moved("interrupt", "0.8.0", 123, ended + 2)) == []


def test_a_picture_arrives_while_the_socket_is_closed(replayed):
    events = Capture.load(CAPTURES / "0.8.0" / "reconnect_during_run.json.gz").events
    closing = next_of(events, "ws-close-by-client", 0)
    picture = max(at for at in range(closing) if events[at]["kind"] == "ws-binary")
    assert replayed("reconnect_during_run", "0.8.0", moved("reconnect_during_run", "0.8.0", picture, closing + 1)) == []


def test_a_node_begins_while_nobody_listens(replayed):
    """The greeting tells of it, and no message."""
    events = list(Capture.load(CAPTURES / "0.8.0" / "reconnect_during_run.json.gz").events)
    opened = next_of(events, "ws-open", 1)
    greeting = next_of(events, "ws-text", opened, type="executing")
    begins = next_of(events, "ws-text", greeting + 1, type="executing")
    node = events[begins]["json"]["data"]["node"]
    events[greeting] = {**events[greeting], "json": {"type": "executing", "data": {"node": node}}}
    assert replayed("reconnect_during_run", "0.8.0", events[: greeting + 1] + events[begins + 1 :]) == []


@pytest.mark.parametrize("scenario", ["interrupt", "txt2img_previews_with_metadata"])
def test_a_run_stands_before_a_picture(replayed, scenario):
    """With and without metadata: of each picture the fake server has both messages."""
    events = list(Capture.load(CAPTURES / "0.8.0" / f"{scenario}.json.gz").events)
    picture = [at for at, event in enumerate(events) if event["kind"] == "ws-binary"][2]
    t = events[picture]["t"]
    events.insert(picture, {"t": t, "kind": "ws-open", "client": "z", "client_id": "z"})
    greeting = {"type": "status", "data": {"status": {"exec_info": {"queue_remaining": 1}}, "sid": "z"}}
    events.insert(picture + 1, {"t": t, "kind": "ws-text", "client": "z", "json": greeting})
    events.append({"t": events[-1]["t"], "kind": "ws-close-by-client", "client": "z"})
    ended = [at for at, event in enumerate(events) if is_status(event) and event["client"] == "a"][-1]
    events.insert(ended + 1, {**events[ended], "client": "z"})
    expected = ("preview", 5 if "metadata" in scenario else 6, [picture])
    assert expected in stops(scenario, "0.8.0", events)
    assert replayed(scenario, "0.8.0", events) == []


def is_status(event):
    return event["kind"] == "ws-text" and event["json"]["type"] == "status"
