"""The cycle by single steps on a real ComfyUI, by both clients, with nothing but core nodes that need no model."""

from __future__ import annotations

import os
import random

import pytest
from client.driven import Driven

from pytest_comfy.client import ComfyClient, ComfyError, PromptRejected

pytestmark = [pytest.mark.live, pytest.mark.skipif("COMFY_URL" not in os.environ, reason="needs COMFY_URL")]


def graph(color=None, width=64):
    color = random.SystemRandom().randrange(1 << 24) if color is None else color
    return {
        "1": {"class_type": "EmptyImage", "inputs": {"width": width, "height": 64, "batch_size": 2, "color": color}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "pytest-comfy/steps"}},
    }


@pytest.fixture(params=[ComfyClient, Driven], ids=["waiting", "awaited"])
def client(request):
    with request.param(os.environ["COMFY_URL"]) as one:
        yield one


def test_the_cycle(client):
    queued = client.queue_prompt(graph(), validate=True)
    assert queued.node_errors == {}
    events = list(client.events(queued.prompt_id))
    assert (events[0].type, events[-1].type, events[-1].data["node"]) == ("execution_start", "executing", None)
    run = client.wait(queued.prompt_id)
    assert run.complete and run.events == tuple(events)
    first, second = client.outputs(queued.prompt_id)
    assert first.data == client.view(first.filename, "pytest-comfy") and second.image.size == (64, 64)
    assert queued.prompt_id not in client.queue()
    assert list(client.history(max_items=1)) == list(client.history(queued.prompt_id)) == [queued.prompt_id]


def test_what_it_tells_of_itself(client):
    assert client.object_info("SaveImage")["SaveImage"] == client.object_info()["SaveImage"]
    assert client.object_info("NoSuchNode") == {}
    assert "vae" in client.models() and isinstance(client.models("vae"), list)
    assert isinstance(client.embeddings(), list)
    assert client.features()["supports_preview_metadata"] is True


def test_uploads_are_used_and_masked(client):
    queued = client.queue_prompt(graph())
    client.wait(queued.prompt_id)
    picture = client.outputs(queued.prompt_id)[0].data
    names = [client.upload(picture, "steps.png"), client.upload(picture, "steps.png", subfolder="", overwrite=True)]
    names.append(client.upload_mask(picture, "steps-mask.png", names[0]))
    for name in names:
        prompt = graph() | {"1": {"class_type": "LoadImage", "inputs": {"image": name}}}
        client.wait(client.queue_prompt(prompt, validate=True).prompt_id)


def unordered(value, key=None):
    """Without what differs from server process to server process: orders and tracebacks."""
    if isinstance(value, dict):
        return {name: unordered(item, name) for name, item in value.items() if name != "traceback"}
    if isinstance(value, list):
        items = [unordered(item) for item in value]
        return sorted(items, key=repr) if key in ("errors", "dependent_outputs") else items
    return sorted(value.splitlines()) if key == "details" else value


@pytest.mark.parametrize(
    "prompt",
    [
        graph(width=0),
        {"1": graph()["1"]},
        graph() | {"3": {"class_type": "NoSuchNode", "inputs": {}}},
        graph() | {"2": {"class_type": "SaveImage", "inputs": {}}},
        graph() | {"1": {"class_type": "LoadImage", "inputs": {"image": "no-such-file.png"}}},
        graph() | {"2": {"class_type": "SaveImage", "inputs": {"images": ["1", 7], "filename_prefix": "x"}}},
    ],
)
def test_validation_says_what_the_server_says(client, prompt):
    told = []
    for validate in (True, False):
        with pytest.raises(PromptRejected) as caught:
            client.queue_prompt(prompt, validate=validate)
        told.append(unordered([caught.value.error, caught.value.node_errors]))
    assert told[0] == told[1]


def test_jobs_and_cancelling(client):
    queued = client.queue_prompt(graph())
    client.wait(queued.prompt_id)
    assert client.cancel(queued.prompt_id) is False
    client.interrupt(queued.prompt_id)
    client.delete(queued.prompt_id)
    try:
        jobs = client.jobs(status="completed")
    except ComfyError as error:
        assert "older than jobs" in str(error)
        assert client.system_stats()["system"]["comfyui_version"].startswith("0.3.")
    else:
        assert queued.prompt_id in [job["id"] for job in jobs]
