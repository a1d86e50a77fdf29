"""The steps read what real servers of three versions answered: captures, given again by a server that says that."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from aiohttp import web
from conformance.captures import content_of
from workflow.test_validate import unordered

from pytest_comfy.client import ComfyError, DownloadError, PromptRejected

pytestmark = pytest.mark.timeout(60)

TESTS = Path(__file__).parents[1]
VERSIONS = sorted(path.name for path in (TESTS / "captures").iterdir() if path.is_dir())


def answers_of(version):
    """Yield request and response of all that was asked by HTTP."""
    for path in sorted((TESTS / "captures" / version).glob("*.json.gz")):
        for event in json.loads(gzip.decompress(path.read_bytes()))["events"]:
            if event["kind"] == "http":
                yield event["request"], event["response"]


CAPTURED = {version: list(answers_of(version)) for version in VERSIONS}


def told(version, method, path, status=200):
    """The answers to a request, whose path may begin so."""
    found = [
        (request, response)
        for request, response in CAPTURED[version]
        if request["method"] == method and request["path"].startswith(path) and response["status"] == status
    ]
    assert found, f"{version} has no {method} {path} {status}"
    return found


def bare(request):
    """The path of a request, without what is asked by."""
    return request["path"].partition("?")[0]


def only(version, method, path, status=200):
    return next((one, answer) for one, answer in told(version, method, path, status) if bare(one) == path)


@pytest.fixture(params=VERSIONS)
def version(request):
    return request.param


@pytest.fixture
def say(comfy):
    """Have the server give an answer as it was captured."""

    def answer(request, response):
        async def handler(asked):
            body = content_of(response)
            headers = {name: value for name, value in response["headers"].items() if name == "Content-Type"}
            return web.Response(status=response["status"], body=body, headers=headers)

        comfy.answers[request["method"], bare(request)] = handler
        return response.get("json")

    return answer


def test_what_the_server_is(client, say, version):
    stats = say(*only(version, "GET", "/system_stats"))
    assert client.system_stats() == stats
    assert stats["system"]["comfyui_version"] == version
    features = say(*only(version, "GET", "/features"))
    assert client.features() == features != {}
    names = say(*only(version, "GET", "/embeddings"))
    assert client.embeddings() == names


def test_models(client, say, version):
    folders = say(*only(version, "GET", "/models"))
    assert client.models() == folders and "checkpoints" in folders
    say(*only(version, "GET", "/models/nonsense", 404))
    with pytest.raises(ComfyError, match="no folder of models 'nonsense'"):
        client.models("nonsense")
    if version != "0.30.0":
        names = say(*only(version, "GET", "/models/checkpoints"))
        assert client.models("checkpoints") == names != []


def test_node_definitions(client, say, version):
    one = say(*only(version, "GET", "/object_info/EmptyImage"))
    assert client.object_info("EmptyImage") == one
    assert client.definition("EmptyImage") == one["EmptyImage"]
    say(*only(version, "GET", "/object_info/NoSuchNode"))
    assert client.object_info("NoSuchNode") == {} and client.definition("NoSuchNode") is None


def test_queue(client, say, version):
    for request, response in told(version, "GET", "/queue"):
        raw = say(request, response)
        queue = client.queue()
        for items, ours in ((raw["queue_running"], queue.running), (raw["queue_pending"], queue.pending)):
            assert [[one.number, one.prompt_id, one.prompt, one.extra_data, list(one.outputs)] for one in ours] == [
                item[:5] for item in items
            ]
    assert any(response["json"]["queue_pending"] for _, response in told(version, "GET", "/queue"))


def test_history_and_outputs(comfy, client, say, version):
    files = {
        (request["params"].get("type", "output"), request["params"]["filename"]): content_of(response)
        for request, response in told(version, "GET", "/view")
        if not {"preview", "channel"} & request["params"].keys()
    }

    async def view(request):
        data = files.get((request.query["type"], request.query["filename"]))
        return web.Response(status=404) if data is None else web.Response(body=data)

    comfy.answers["GET", "/view"] = view
    downloaded = 0
    for request, response in told(version, "GET", "/history/"):
        history = say(request, response)
        prompt_id = request["path"].removeprefix("/history/")
        assert client.history(prompt_id) == history
        entry = history.get(prompt_id, {})
        images = [item for node in entry.get("outputs", {}).values() for item in node.get("images", ())]
        if images and all((item["type"], item["filename"]) in files for item in images):
            found = client.outputs(prompt_id, wanted=lambda named: named.key == "images")
            by_place = {(item["type"], item["filename"]) for item in images}
            assert sorted(one.data for one in found) == sorted(files[place] for place in by_place)
            downloaded += len(found)
    assert downloaded >= 5
    whole = say(*only(version, "GET", "/history"))
    assert client.history() == whole


def test_view(client, say, version):
    request, response = only(version, "GET", "/view")
    say(request, response)
    asked = request["params"]
    assert client.view(asked["filename"], asked.get("subfolder", ""), asked.get("type", "output")) == content_of(
        response
    )
    for status in (400, 404):
        say(*only(version, "GET", "/view", status))
        with pytest.raises(DownloadError, match=f"answered {status}"):
            client.view("x.png")


def test_uploads(client, say, version):
    for request, response in told(version, "POST", "/upload/image"):
        given = say(request, response)
        name = client.upload(b"", "x.png")
        assert name == "/".join(filter(None, (given["subfolder"], given["name"])))
    say(*only(version, "POST", "/upload/image", 400))
    with pytest.raises(ComfyError, match=r"refuses the upload of 'x\.png' \(400\)"):
        client.upload(b"", "x.png")
    if version != "0.30.0":
        given = say(*only(version, "POST", "/upload/mask"))
        assert client.upload_mask(b"", "m.png", "x.png").endswith(given["name"])


def test_commands(comfy, client, say, version):
    """What is posted is what the capturing program posted, and the server took."""
    say(*only(version, "POST", "/interrupt"))
    say(*only(version, "POST", "/queue"))
    client.interrupt("a")
    client.delete("b")
    posted = {name for request, _ in told(version, "POST", "/interrupt") for name in request.get("json") or {}}
    assert {name for body in comfy.asked("POST", "/interrupt") for name in body} <= posted
    bodies = [request["json"] for request, _ in told(version, "POST", "/queue")]
    assert comfy.asked("POST", "/queue")[0].keys() in [body.keys() for body in bodies]


def test_jobs(client, say, version):
    if version == "0.3.64":
        say(*only(version, "GET", "/api/jobs", 404))
        with pytest.raises(ComfyError, match="older than jobs"):
            client.jobs()
        return
    jobs = say(*only(version, "GET", "/api/jobs"))
    assert client.jobs() == jobs["jobs"]


def test_cancelling(client, say):
    cancelled = set()
    for request, response in told("0.30.0", "POST", "/api/jobs/"):
        if request["path"] != "/api/jobs/cancel":
            answer = say(request, response)
            prompt_id = request["path"].split("/")[3]
            assert client.cancel(prompt_id) is answer["cancelled"]
            cancelled.add(answer["cancelled"])
    assert cancelled


def test_refusals(client, say, version):
    for request, response in told(version, "POST", "/prompt", 400):
        if isinstance((request.get("json") or {}).get("prompt"), dict):
            answer = say({**request, "path": "/prompt"}, response)
            with pytest.raises(PromptRejected) as caught:
                client.queue_prompt(request["json"]["prompt"])
            assert (caught.value.error, caught.value.node_errors) == (answer["error"], answer["node_errors"] or {})


ROWS = [
    pytest.param(name, row, id=f"{name}-{number}-{row['scenario']}")
    for name in ("0.8.0", "0.3.64")
    for number, row in enumerate(json.loads((TESTS / f"data/prompts-{name}.json").read_text(encoding="utf-8")))
    if isinstance(row["prompt"], dict)
]
DEFINITIONS = {
    name: json.loads((TESTS / f"data/definitions-{name}.json").read_text(encoding="utf-8"))
    for name in ("0.8.0", "0.3.64")
}


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_validation_says_what_the_server_said(comfy, waiting_client, name, row):
    async def nothing(run):
        return

    comfy.story = nothing
    comfy.definitions = DEFINITIONS[name]
    comfy.answer("GET", "/system_stats", json={"system": {"comfyui_version": name}})
    comfy.answer("GET", "/object_info", json=DEFINITIONS[name])

    async def has(request):
        return web.Response(status=404 if request.query["filename"] == "no-such.png" else 200)

    comfy.answers["HEAD", "/view"] = has
    queue = {"validate": True, "partial_execution_targets": row["targets"]}
    if row["status"] == 200:
        waiting_client.queue_prompt(row["prompt"], **queue)
        assert len(comfy.asked("POST", "/prompt")) == 1
        return
    refused = []
    for prompt in (row["prompt"], dict(reversed(row["prompt"].items()))):
        with pytest.raises(PromptRejected) as caught:
            waiting_client.queue_prompt(prompt, **queue)
        refused.append(unordered([caught.value.error, caught.value.node_errors]))
    assert comfy.asked("POST", "/prompt") == []
    if row["status"] == 400:
        # A server takes output nodes in the order of a set: one of the two orders must be its own.
        assert unordered([row["error"], row["node_errors"] or {}]) in refused
