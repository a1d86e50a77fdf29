"""queue_prompt(validate=True): what the server would refuse is refused before it is queued."""

from __future__ import annotations

import pytest
from aiohttp import web
from projects import graph
from ui_form import DEFINITIONS

from pytest_comfy import ComfyClient, FakeComfyServer
from pytest_comfy.client import PromptRejected, ServerUnreachable

pytestmark = pytest.mark.timeout(40)

CLASSES = {name: DEFINITIONS[name] for name in ("EmptyImage", "SaveImage", "LoadImage", "PreviewImage")}
REFUSED = {
    "too small": graph() | {"3": {**graph()["3"], "inputs": {**graph()["3"]["inputs"], "width": 0}}},
    "no output": {"3": graph()["3"]},
    "no class": graph() | {"4": {"class_type": "NoSuchNode", "inputs": {}}},
    "no such file": graph() | {"3": {"class_type": "LoadImage", "inputs": {"image": "nothing.png"}}},
    "missing": graph() | {"9": {"class_type": "SaveImage", "inputs": {}}},
}  # fmt: skip


@pytest.fixture
def version():
    return "0.30.0"


@pytest.fixture
def known(comfy, version):
    async def nothing(run):
        return

    comfy.story = nothing
    comfy.definitions = CLASSES
    comfy.answer("GET", "/system_stats", json={"system": {"comfyui_version": version}})
    return comfy


@pytest.mark.parametrize("version", ["0.3.64", "0.8.0", "0.30.0"])
@pytest.mark.parametrize("name", REFUSED)
def test_the_error_is_the_one_that_the_server_would_answer(name, version):
    with FakeComfyServer((), synthesize=CLASSES, version=version) as server, ComfyClient(server.url) as client:
        caught = []
        for validate in (True, False):
            with pytest.raises(PromptRejected) as one:
                client.queue_prompt(REFUSED[name], validate=validate)
            caught.append((str(one.value), one.value.error, one.value.node_errors))
        assert caught[0] == caught[1]
        assert server.prompts == []


def test_nothing_is_posted_and_no_socket_opened(known, client):
    with pytest.raises(PromptRejected, match="smaller than min"):
        client.queue_prompt(REFUSED["too small"], validate=True)
    assert known.asked("POST", "/prompt") == known.log == []


def test_a_good_prompt_is_queued(known, client):
    assert client.queue_prompt(graph(), validate=True).node_errors == {}
    assert len(known.posted) == 1
    assert known.asked("GET", "/object_info/EmptyImage") == [None]
    client.queue_prompt(graph(), validate=True)
    assert known.asked("GET", "/object_info/EmptyImage") == [None]


def test_what_the_server_would_run_in_part_is_queued(known, client):
    """As it is for a server, which tells the rest in `node_errors`."""
    prompt = graph() | {"10": {"class_type": "SaveImage", "inputs": {"filename_prefix": "x"}}}
    assert client.queue_prompt(prompt, validate=True).prompt_id
    with pytest.raises(PromptRejected, match="Required input is missing"):
        client.queue_prompt(prompt, validate=True, partial_execution_targets=["10"])


def test_files_that_no_choice_names_are_asked_for(known, client):
    asked = []

    async def view(request):
        asked.append(dict(request.query))
        return web.Response(body=b"x" * 1000)

    known.answers["HEAD", "/view"] = view
    prompt = graph() | {"3": {"class_type": "LoadImage", "inputs": {"image": "a/new.png"}}}
    assert client.queue_prompt(prompt, validate=True).prompt_id
    assert asked == [{"filename": "new.png", "subfolder": "a", "type": "input"}]


@pytest.mark.parametrize("replaced", [True, False])
def test_of_classes_that_are_replaced_the_server_knows_better(known, client, replaced):
    known.answer("GET", "/node_replacements", json={"NoSuchNode": []} if replaced else {})
    if replaced:
        assert client.queue_prompt(REFUSED["no class"], validate=True).prompt_id
    else:
        with pytest.raises(PromptRejected, match="NoSuchNode"):
            client.queue_prompt(REFUSED["no class"], validate=True)
        assert known.posted == []


@pytest.mark.parametrize("prompt", [{"1": 3}, {"1": {"class_type": "SaveImage", "inputs": 7}}])
def test_what_is_no_prompt(known, client, prompt):
    with pytest.raises(PromptRejected):
        client.queue_prompt(prompt, validate=True)
    assert known.posted == []


def test_a_server_that_tells_nothing(comfy, client):
    """Without definitions nothing is known of a prompt, which is no fault of it."""
    comfy.answer("GET", "/object_info/EmptyImage", 500, text="broken")
    comfy.answer("GET", "/object_info/SaveImage", 502)
    with pytest.raises(ServerUnreachable):
        client.queue_prompt(graph(), validate=True)
