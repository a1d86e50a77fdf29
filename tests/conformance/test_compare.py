"""The comparison can fail: captures that were tampered with are told from the real ones."""

from __future__ import annotations

import base64
import copy
import gzip
import json
from itertools import pairwise
from pathlib import Path

import pytest

from .captures import Capture
from .compare import RACY, compare_json
from .names import Names
from .scenario import compare_scenario

CAPTURES = Path(__file__).parent.parent / "captures"
FILES = [pytest.param(path, id=f"{path.parent.name}-{path.name[:-8]}") for path in sorted(CAPTURES.glob("*/*.json.gz"))]

EVERY = 7
"""Of the texts in messages, each so many-eth is changed: all of them would take a minute."""


def load(scenario, version="0.8.0"):
    return Capture.load(CAPTURES / version / f"{scenario}.json.gz")


def tampered(scenario, change):
    """Return the differences that `change`, which may alter a copy of the events, makes."""
    events = load(scenario).events
    changed = copy.deepcopy(list(events))
    change(changed)
    return compare_scenario(events, changed)


def first(events, kind, **wanted):
    """Return the index of the first event of a kind: of messages by `type`, of answers by `path`."""
    for index, event in enumerate(events):
        if event["kind"] != kind:
            continue
        if "type" in wanted and event["json"]["type"] != wanted["type"]:
            continue
        if "path" in wanted and not event["request"]["path"].startswith(wanted["path"]):
            continue
        return index
    raise LookupError(kind)


@pytest.mark.parametrize("path", FILES)
def test_a_kept_body_is_as_long_as_it_says(path):
    """But for those in which the paths of the machine were replaced: then lengths may be taken from the bodies."""
    for event in json.loads(gzip.decompress(path.read_bytes()))["events"]:
        if event["kind"] != "http" or "json" not in event["response"]:
            continue
        text = json.dumps(event["response"]["json"])
        if "/opt/ComfyUI" not in text and "/srv/" not in text:
            assert event["response"]["headers"]["Content-Length"] == str(len(text.encode())), event["request"]


@pytest.mark.parametrize("path", FILES)
def test_a_capture_is_equal_to_itself(path):
    events = Capture.load(path).events
    assert compare_scenario(events, events) == []


@pytest.mark.parametrize("kind", ["progress", "executing", "executed", "execution_cached", "progress_state", "status"])
def test_a_dropped_message_is_reported(kind):
    found = tampered("txt2img_previews", lambda events: events.pop(first(events, "ws-text", type=kind)))
    assert found and kind in found[0]


@pytest.mark.parametrize("kind", ["progress", "executed", "execution_success", "status"])
def test_a_message_sent_twice_is_reported(kind):
    def twice(events):
        index = first(events, "ws-text", type=kind)
        events.insert(index, events[index])

    assert tampered("txt2img_previews", twice)


def test_every_pair_of_swapped_messages_that_differ_is_reported():
    events = load("success").events
    heard = [index for index, event in enumerate(events) if event["kind"] == "ws-text"]
    for one, other in pairwise(heard):
        if events[one]["json"] == events[other]["json"]:
            continue  # status 1, of the post and of the start
        changed = copy.deepcopy(list(events))
        changed[one], changed[other] = changed[other], changed[one]
        assert compare_scenario(events, changed), (one, other)


@pytest.mark.parametrize("scenario", ["success", "execution_error_sync", "lazy"])
def test_every_changed_text_of_a_message_is_reported(scenario):
    """Each is changed by itself."""
    events = load(scenario).events
    messages = [(index, event) for index, event in enumerate(events) if event["kind"] == "ws-text"]
    places = [(index, path) for index, event in messages for path in leaves(event["json"])]
    assert len(places) > 100
    for index, path in places[::EVERY]:
        changed = list(events)
        changed[index] = copy.deepcopy(events[index])
        put(changed[index]["json"], path)
        assert compare_scenario(events, changed), (index, path)


def leaves(value, path=()):
    if isinstance(value, (dict, list)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(item, (*path, key))
    elif isinstance(value, (str, int)) and path[-1] != "timestamp":
        yield path


def put(value, path):
    *way, last = path
    for key in way:
        value = value[key]
    value[last] = f"{value[last]}x" if isinstance(value[last], str) else value[last] + 1


def test_a_message_of_another_client_is_reported():
    def to_the_other(events):
        index = first(events, "ws-text", type="execution_start")
        events[index] = {**events[index], "client": "b"}

    found = tampered("two_clients_queue", to_the_other)
    assert any(text.startswith("client a") for text in found)
    assert any(text.startswith("client b") for text in found)


def test_a_field_too_many_or_too_few_is_reported():
    def more(events):
        events[first(events, "ws-text", type="executed")]["json"]["data"]["more"] = 1

    def fewer(events):
        del events[first(events, "ws-text", type="executed")]["json"]["data"]["display_node"]

    assert "executed.more: unexpected 1" in tampered("success", more)[0]
    assert "executed.display_node: expected 4, missing" in tampered("success", fewer)[0]


def test_integers_and_floats_are_not_the_same():
    assert compare_json({"number": -5.0}, {"number": -5}, Names()) == ["number: expected -5.0, got -5"]


@pytest.mark.parametrize("scenario", ["view", "metadata", "validation_errors", "uploads"])
def test_every_changed_status_and_header_is_reported(scenario):
    events = load(scenario).events
    for index, event in enumerate(events):
        if event["kind"] != "http":
            continue
        for change in header_changes(event["response"]):
            found = compare_scenario([event], [{**event, "response": change}])
            assert found, (index, change["status"], change["headers"])


def header_changes(response):
    yield {**response, "status": response["status"] + 1}
    yield {**response, "headers": {**response["headers"], "Cache-Control": "no-cache"}}
    for name, value in response["headers"].items():
        if name == "Server":
            continue
        rest = {key: item for key, item in response["headers"].items() if key != name}
        yield {**response, "headers": rest}
        if not (name == "Content-Length" and "bytes" in response):
            other = str(int(value) + 1) if name == "Content-Length" else f"{value}x"
            yield {**response, "headers": {**rest, name: other}}


def test_a_changed_byte_of_a_body_is_reported():
    def change(events):
        response = events[first(events, "http", path="/view")]["response"]
        content = base64.b64decode(response["base64"])
        response["base64"] = base64.b64encode(content[:-1] + b"x").decode()

    assert "bytes" in tampered("view", change)[0]


@pytest.mark.parametrize("scenario", ["txt2img_previews", "txt2img_previews_with_metadata", "output_kinds"])
@pytest.mark.parametrize("at", [3, 7, 20, 47])
def test_a_changed_byte_of_a_frame_is_reported(scenario, at):
    """Event number, kind of picture or length of the metadata, metadata or picture; also of frames that were cut."""
    events = load(scenario).events
    frames = [index for index, event in enumerate(events) if event["kind"] == "ws-binary"]
    for index in frames:
        frame = bytearray(base64.b64decode(events[index]["base64"]))
        frame[at] ^= 1
        changed = list(events)
        changed[index] = {**events[index], "base64": base64.b64encode(frame).decode()}
        assert compare_scenario(events, changed), index


@pytest.mark.parametrize(
    "how", [lambda text: text.replace("4a70a03c", "5b70a03c"), lambda text: text.replace("img_00001_", "img_00007_")]
)
def test_other_names_are_no_difference_if_they_are_the_same_everywhere(how):
    events = load("success").events
    assert compare_scenario(events, json.loads(how(json.dumps(events)))) == []


def test_names_that_are_not_the_same_everywhere_are_reported():
    def history_names_another(events):
        index = first(events, "http", path="/history")
        text = json.dumps(events[index]["response"]["json"]).replace("img_00001_", "img_00002_")
        events[index]["response"]["json"] = json.loads(text)

    assert tampered("success", history_names_another)


def test_files_of_one_name_in_two_folders_are_two_files():
    theirs = [{"filename": "x_00001_.png", "subfolder": folder, "type": "output"} for folder in ("a", "b")]
    ours = [{**theirs[0], "filename": "x_00004_.png"}, {**theirs[1], "filename": "x_00002_.png"}]
    names = Names()
    assert compare_json(theirs, ours, names) == []
    assert names.translate(theirs) == ours
    assert compare_json(theirs, [ours[0], {**ours[1], "filename": "x_00003_.png"}], names)
    assert compare_json(theirs, [ours[0], {**ours[1], "subfolder": "a"}], Names())


def test_moments_are_the_same_in_messages_and_in_history():
    def later(events):
        events[first(events, "ws-text", type="execution_start")]["json"]["data"]["timestamp"] += 1

    assert "timestamp" in tampered("success", later)[0]


def test_another_order_of_a_set_is_no_difference():
    def turned(events):
        for event in events:
            if event["kind"] == "ws-text" and event["json"]["type"] == "execution_cached":
                event["json"]["data"]["nodes"].reverse()
        for event in events:
            if event["kind"] == "http" and event["request"]["path"].startswith("/history"):
                for entry in event["response"]["json"].values():
                    for _, data in entry["status"]["messages"]:
                        data.get("nodes", []).reverse()

    assert tampered("rerun_fully_cached", turned) == []


def test_the_order_of_outputs_in_validation_may_be_any_but_must_be_one():
    theirs = {"node_errors": {"11": {"dependent_outputs": ["11", "9"]}, "4": {"dependent_outputs": ["9"]}}}
    ours = {"node_errors": {"11": {"dependent_outputs": ["11"]}, "4": {"dependent_outputs": ["9", "11"]}}}
    wrong = {"node_errors": {"11": {"dependent_outputs": ["11"]}, "4": {"dependent_outputs": ["9"]}}}
    assert compare_json(theirs, ours, Names()) == []
    assert compare_json(theirs, wrong, Names())


def test_every_race_has_its_reason():
    assert all(race.reason for race in RACY)
