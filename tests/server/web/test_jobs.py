"""`GET /api/jobs` of 0.8.0, which was compared with the real one for the same history."""

from __future__ import annotations

import json

import pytest
import requests

from pytest_comfy.server import FakeComfyServer

from ..conftest import PROMPT, short


def get(server, path="", **query):
    return requests.get(server.url + "/api/jobs" + path, params=query, timeout=10)


def ids(server, **query):
    return [job["id"] for job in get(server, **query).json()["jobs"]]


@pytest.fixture
def busy(held, connect):
    """A running and two waiting prompts."""
    with FakeComfyServer([held], speed=1.0, version="0.8.0") as server:
        peer = connect(server)
        for name in ("run", "wait", "wait2"):
            peer.post(prompt_id=name, extra_data={"extra_pnginfo": {"workflow": {"id": "wf-" + name}}})
        peer.until(lambda one: short(one) == "executing 1")
        yield server


@pytest.fixture
def done(golden, connect):
    with FakeComfyServer([golden], version="0.8.0") as server:
        peer = connect(server)
        for name in "abc":
            peer.run(prompt_id=name)
        yield server


def test_a_waiting_and_a_running_job(busy):
    jobs = {job["id"]: job for job in get(busy).json()["jobs"]}
    assert jobs["run"].keys() == {"id", "status", "priority", "create_time", "outputs_count", "workflow_id"}
    assert {name: job["status"] for name, job in jobs.items()} == {
        "run": "in_progress",
        "wait": "pending",
        "wait2": "pending",
    }
    assert ids(busy, status="in_progress") == ["run"]
    assert ids(busy, workflow_id="wf-wait") == ["wait"]
    assert get(busy, "/wait").json() == jobs["wait"]
    assert get(busy, "/run").json()["workflow_id"] == "wf-run"


def test_a_finished_job(done):
    job = get(done, "/b").json()
    assert job["status"] == "completed"
    assert job["outputs_count"] == 1
    assert job["preview_output"]["nodeId"] == "2"
    assert job["preview_output"]["mediaType"] == "images"
    assert job["execution_end_time"] >= job["execution_start_time"]
    assert job["outputs"]["2"]["images"][0]["filename"] == job["preview_output"]["filename"]
    assert job["execution_status"]["status_str"] == "success"
    assert job["workflow"]["prompt"].keys() == PROMPT.keys()
    assert "client_id" in job["workflow"]["extra_data"]
    listed = next(one for one in get(done).json()["jobs"] if one["id"] == "b")
    assert listed == {name: job[name] for name in job if name not in ("outputs", "execution_status", "workflow")}


def test_pages(done):
    assert get(done, limit=2).json()["pagination"] == {"offset": 0, "limit": 2, "total": 3, "has_more": True}
    assert get(done).json()["pagination"] == {"offset": 0, "limit": None, "total": 3, "has_more": False}
    everything = ids(done, sort_order="asc")
    assert sorted(everything) == ["a", "b", "c"]
    assert ids(done, sort_order="ASC", offset=1) == everything[1:]
    assert ids(done, sort_order="asc", offset=-5, limit=1) == everything[:1]
    assert ids(done, status="failed") == []
    assert ids(done, status=",") == []
    assert sorted(ids(done, status="failed, COMPLETED")) == ["a", "b", "c"]


def entry(number, created, outputs, messages, status="success"):
    return json.dumps(
        {
            "prompt": [number, "id", {}, {"create_time": created}, ["1"]],
            "outputs": outputs,
            "status": {"status_str": status, "completed": status == "success", "messages": messages},
            "meta": {},
        }
    )


def test_durations_errors_and_previews(done):
    start, failed = ["execution_start", {"timestamp": 10}], {"timestamp": 110, "node_id": "7"}
    success = ["execution_success", {"timestamp": 20}]
    temp = {"filename": "t.png", "type": "temp"}
    done.engine.history = {
        "quick": entry(0, 3, {"1": {"text": ["hi"], "animated": [False]}}, [start, success]),
        "failed": entry(1, 1, {}, [start, ["execution_error", failed]], "error"),
        "stopped": entry(2, 2, {}, [start, ["execution_interrupted", {"timestamp": 60}]], "error"),
        "shown": entry(3, 4, {"1": {"images": [temp]}, "2": {"gifs": [{"type": "output", "format": "video/mp4"}]},
                              "3": {"result": [{"filename": "x.GLB", "type": "output"}, "text"]}}, []),
    }  # fmt: skip
    assert ids(done) == ["shown", "quick", "stopped", "failed"]
    assert ids(done, sort_by="execution_duration") == ["failed", "stopped", "quick", "shown"]
    assert ids(done, status="failed", sort_order="asc") == ["failed", "stopped"]
    assert get(done, "/failed").json()["execution_error"] == failed
    assert "execution_error" not in get(done, "/stopped").json()
    assert get(done, "/quick").json()["outputs_count"] == 0
    shown = get(done, "/shown").json()
    assert shown["outputs_count"] == 3
    assert shown["preview_output"] == {"type": "output", "format": "video/mp4", "nodeId": "2", "mediaType": "gifs"}


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (
            {"status": "completed,odd,x"},
            "Invalid status value(s): odd, x. Valid values: pending, in_progress, completed, failed",
        ),
        ({"sort_by": "x"}, "sort_by must be 'created_at' or 'execution_duration'"),
        ({"sort_by": ""}, "sort_by must be 'created_at' or 'execution_duration'"),
        ({"sort_order": "x"}, "sort_order must be 'asc' or 'desc'"),
        ({"limit": "0"}, "limit must be a positive integer"),
        ({"limit": "1.5"}, "limit must be an integer"),
        ({"limit": "9" * 5000}, "limit must be an integer"),
        ({"offset": "x"}, "offset must be an integer"),
        ({"status": "odd", "limit": "x"}, None),
    ],
)
def test_refused_queries(done, query, text):
    reply = get(done, **query)
    assert reply.status_code == 400
    assert text is None or reply.json() == {"error": text}


def test_where_the_routes_are(done):
    def status(path):
        return requests.get(done.url + path, timeout=10).status_code

    assert [status(path) for path in ("/api/jobs", "/api/api/jobs", "/jobs", "/api/jobs/a")] == [200, 200, 404, 200]
    unknown = get(done, "/none")
    assert (unknown.status_code, unknown.json()) == (404, {"error": "Job not found"})
    assert requests.post(done.url + "/api/jobs", timeout=10).status_code == 405


def test_a_workflow_that_is_null_is_trouble(done):
    done.engine.history["odd"] = json.dumps({"prompt": [0, "odd", {}, {"extra_pnginfo": None}, []], "outputs": {}})
    assert get(done).status_code == 500
    assert get(done, "/odd").status_code == 500
    assert get(done, "/a").status_code == 200


def test_the_older_server_has_no_jobs(golden):
    with FakeComfyServer([golden], version="0.3.64") as server:
        assert get(server).status_code == 404
        assert get(server, "/a").status_code == 404
        assert requests.post(server.url + "/api/jobs", timeout=10).status_code == 405
