"""Node definitions asked for by class, and workflows in UI form converted by them."""

from __future__ import annotations

import asyncio
import warnings

import pytest

from pytest_comfy import AsyncComfyClient, ComfyClient, Workflow
from pytest_comfy.client import ServerUnreachable
from pytest_comfy.client.steps import MANY_CLASSES as _MANY_CLASSES
from pytest_comfy.workflow.graph import ConversionError, ConversionWarning

pytestmark = pytest.mark.timeout(40)

KNOWN = {
    "EmptyImage": {"input": {"required": {"width": ["INT", {"default": 64}]}}, "output": ["IMAGE"],
                   "output_node": False, "name": "EmptyImage"},
    "SaveImage": {"input": {"required": {"images": ["IMAGE"], "kind": [["a", "b"], {}]}}, "output": [],
                  "output_node": True, "name": "SaveImage"},
}  # fmt: skip


def ui(kind="a", **more):
    return {
        "nodes": [
            {"id": 3, "type": "EmptyImage", "mode": 0, "widgets_values": [32], "outputs": [
                {"name": "IMAGE", "type": "IMAGE", "links": [1]}]},
            {"id": 9, "type": "SaveImage", "mode": 0, "widgets_values": [kind], "inputs": [
                {"name": "images", "type": "IMAGE", "link": 1}], **more},
        ],
        "links": [[1, 3, 0, 9, 0, "IMAGE"]], "version": 0.4,
    }  # fmt: skip


@pytest.fixture(autouse=True)
def definitions(comfy):
    comfy.definitions = dict(KNOWN)


def paths(comfy):
    return [one.path for one in comfy.requests if one.path.startswith("/object_info")]


def test_few_classes_are_asked_for_one_by_one_and_once(comfy, client):
    assert client.definitions(["SaveImage", "Gone", "SaveImage"]) == {"SaveImage": KNOWN["SaveImage"]}
    assert client.definitions({"SaveImage", "Gone"}) == {"SaveImage": KNOWN["SaveImage"]}
    assert paths(comfy) == ["/object_info/Gone", "/object_info/SaveImage"]


def many():
    return {f"Class{number}": {"name": f"Class{number}"} for number in range(_MANY_CLASSES)}


def test_many_classes_are_asked_for_at_once(comfy, client):
    comfy.answer("GET", "/object_info", json={**many(), **KNOWN, "Odd": 5})
    assert client.definitions([*many(), "SaveImage", "Odd", "Gone"]) == {**many(), "SaveImage": KNOWN["SaveImage"]}
    assert client.definitions(["SaveImage", "Odd", "Gone"]) == {"SaveImage": KNOWN["SaveImage"]}
    assert paths(comfy) == ["/object_info"]


@pytest.mark.parametrize("answer", [{"status": 404}, {"text": "no JSON"}, {"json": []}, {"json": {}}])
def test_server_that_does_not_tell_all_at_once_is_asked_for_each(comfy, client, answer):
    comfy.answer("GET", "/object_info", **answer)
    comfy.definitions = {**many(), **KNOWN}
    assert client.definitions([*many(), "SaveImage"]) == {**many(), "SaveImage": KNOWN["SaveImage"]}


def test_more_than_is_good_is_not_read(comfy, client):
    comfy.answer("GET", "/object_info", headers={"Content-Length": str(client.max_memory)}, body=b"")
    comfy.definitions = many()
    assert client.definitions([*many(), "Gone"]) == many()


def test_server_that_is_not_there(dead_client):
    with pytest.raises(ServerUnreachable):
        dead_client.definitions(["A"])


@pytest.fixture
def dead_client(comfy, client):
    comfy.call(comfy.die())
    return client


def test_workflow_in_ui_form_is_run(comfy, client):
    workflow = Workflow.from_graph(ui(), "w.json").patched({"3.width": 16})
    run = client.run(workflow)
    (posted,) = comfy.posted
    assert posted.prompt == run.prompt
    assert posted.prompt["3"]["inputs"] == {"width": 16}
    assert comfy.asked("POST", "/prompt")[0]["extra_data"]["extra_pnginfo"] == {"workflow": ui()}
    assert run.workflow.origin.workflow == workflow
    assert run.workflow.prompt() == run.prompt


def test_what_cannot_be_converted_is_not_posted(comfy, client):
    with pytest.raises(ConversionError, match=r"^w\.json: the server has no node class 'Gone'"):
        client.run(Workflow.from_graph(ui(type="Gone"), "w.json"))
    assert comfy.posted == []


def test_what_is_suspicious_is_warned_of_where_it_was_asked_for(comfy, waiting_client):
    workflow = Workflow.from_graph(ui("elsewhere"), "w.json")
    with pytest.warns(ConversionWarning, match=r"^w\.json: .*\"elsewhere\" is none of the choices") as told:
        waiting_client.converted(workflow)
    assert told[0].filename == __file__
    with pytest.warns(ConversionWarning) as told:
        waiting_client.run(workflow)
    assert told[0].filename == __file__


def test_what_is_suspicious_is_warned_of_where_it_was_awaited(comfy):
    workflow = Workflow.from_graph(ui("elsewhere"), "w.json")

    async def convert_and_run():
        async with AsyncComfyClient(comfy.url) as client:
            await client.converted(workflow)
            await client.run(workflow)

    with pytest.warns(ConversionWarning) as told:
        asyncio.run(convert_and_run())
    assert [one.filename for one in told] == [__file__] * 2


def test_api_form_asks_for_nothing(comfy, client, prompt):
    workflow = Workflow.from_graph(prompt)
    assert client.converted(workflow) is workflow
    assert paths(comfy) == []
    assert client.run(workflow).workflow is workflow
    assert client.run(prompt).workflow is None


def test_conversion_of_one_s_own(comfy):
    asked = []

    def convert(workflow, definitions):
        asked.append(sorted(definitions))
        return workflow.converted(definitions, seed=5)

    with ComfyClient(comfy.url, convert=convert) as client, warnings.catch_warnings():
        warnings.simplefilter("error")
        assert client.converted(Workflow.from_graph(ui("elsewhere"), "w.json")).origin.seed == 5
    assert asked == [["EmptyImage", "SaveImage"]]


@pytest.mark.parametrize(("told", "version"), [("1.48.7", "1.48.7"), (None, ""), (7, ""), ("1.48\n", ""), ("", "")])
def test_version_of_the_page_that_the_server_asks_for(comfy, monkeypatch, told, version):
    with ComfyClient(comfy.url) as client:
        asked = []
        stats = {"system": {"required_frontend_version": told}}
        monkeypatch.setattr(client, "system_stats", lambda: asked.append(1) or stats)
        assert [client.frontend(), client.frontend()] == [version, version]
        assert asked == [1]
