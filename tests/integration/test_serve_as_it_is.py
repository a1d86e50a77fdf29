"""A golden run answers as it is: its input files count as there, and are known by their content."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import requests
from projects import png, recorded

from pytest_comfy.golden import GoldenRun, GoldenStore
from pytest_comfy.server import FakeComfyServer

LOAD = {
    "LoadImage": {
        "input": {"required": {"image": [["example.png"], {"image_upload": True}]}},
        "output": ["IMAGE", "MASK"], "output_node": False, "python_module": "nodes",
    },
    "SaveImage": {"input": {"required": {"images": ["IMAGE", {}]}}, "output": [], "output_node": True},
}  # fmt: skip
OURS = "pytest-comfy/badge-{}.png"


def loading(name, **more):
    """A prompt that saves the picture it loads."""
    return {
        "3": {"class_type": "LoadImage", "inputs": {"image": name}, "_meta": {"title": "Load"}},
        "9": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], **more}, "_meta": {"title": "Save"}},
    }


def run_of(name, output, content=None):
    """A golden run of a prompt that loads `name`, and whose output is the picture `output`."""
    run = recorded(loading(name), {"9": {"images": [output]}}, definitions=LOAD)
    told = {} if content is None else {"inputs": {name: {"sha256": hashlib.sha256(content).hexdigest()}}}
    return GoldenRun({**run.document, **told}, None, run.blobs)


def post(server, prompt):
    return requests.post(server.url + "/prompt", json={"prompt": prompt}, timeout=10)


def upload(server, content, name="upload.png"):
    answer = requests.post(server.url + "/upload/image", files={"image": (name, content)}, timeout=10).json()
    return answer["name"]


def picture(server, prompt):
    """Run a prompt and return the picture it saves."""
    prompt_id = post(server, prompt).json()["prompt_id"]
    while not (history := requests.get(f"{server.url}/history/{prompt_id}", timeout=10).json()):
        pass
    (item,) = history[prompt_id]["outputs"]["9"]["images"]
    return requests.get(server.url + "/view", params=item, timeout=10).content


def choices(server):
    told = requests.get(server.url + "/object_info", timeout=10).json()
    one = requests.get(server.url + "/object_info/LoadImage", timeout=10).json()
    assert one["LoadImage"] == told["LoadImage"]
    return told["LoadImage"]["input"]["required"]["image"][0]


def test_files_that_golden_runs_name_are_there_and_offered():
    runs = [run_of("a.png", png()), run_of("sub/b.png", png()), run_of("c.png [input]", png())]
    with FakeComfyServer(runs) as server:
        assert [post(server, one.prompt).status_code for one in runs] == [200, 200, 200]
        assert choices(server) == ["example.png", "a.png", "sub/b.png", "c.png"]
        refused = post(server, loading("other.png"))
    assert refused.json()["node_errors"]["3"]["errors"][0]["type"] == "custom_validation_failed"


def test_a_file_of_an_output_that_was_left_out_is_not_there():
    run = run_of("a.png", png())
    run.document["prompt"]["5"] = {"class_type": "LoadImage", "inputs": {"image": "missing.png"}}
    with FakeComfyServer([run]) as server:
        assert choices(server) == ["example.png", "a.png"]


@pytest.mark.parametrize("name", ["upload.png", "temp.png", "other folder.webp"])
@pytest.mark.parametrize("known_by", ["hash", "name"])
def test_an_upload_is_known_by_its_content_whatever_it_is_called(name, known_by):
    first, second = png(seed=1), png(seed=2)
    outputs = {first: png(seed=3), second: png(seed=4)}
    if known_by == "hash":
        runs = [run_of("temp.png", outputs[one], one) for one in (first, second)]
    else:
        runs = [run_of(OURS.format(hashlib.sha256(one).hexdigest()[:12]), outputs[one]) for one in (first, second)]
    with FakeComfyServer(runs) as server:
        # The names of the server: NAME, and NAME (1) as there is one already.
        names = {one: upload(server, one, name) for one in (second, first)}
        assert len(set(names.values())) == 2
        assert {one: picture(server, loading(names[one])) for one in names} == outputs


def test_a_file_with_other_content_is_not_taken_for_the_recorded_one_of_its_name():
    content = png(seed=1)
    with FakeComfyServer([run_of("temp.png", png(), content)]) as server:
        name = upload(server, png(seed=2), "temp.png")
        answer = post(server, loading(name))
    token = hashlib.sha256(content).hexdigest()[:12]
    assert answer.status_code == 400
    message = answer.json()["error"]["message"]
    assert 'node 3 LoadImage.image is "temp.png (SHA-256 ' in message and f"temp.png (SHA-256 {token}…)" in message


def test_a_golden_run_that_does_not_tell_its_contents_is_found_by_names():
    with FakeComfyServer([run_of("temp.png", png())]) as server:
        assert post(server, loading(upload(server, png(), "temp.png"))).status_code == 200


def test_refused_prompts_are_counted_and_told_with_what_to_upload(caplog):
    with FakeComfyServer([run_of(OURS.format("0" * 12), png())]) as server:
        post(server, loading("badge.png"))
        assert [body["prompt"] for body in server.refused] == [loading("badge.png")]
        assert server.unmatched == []
    (told,) = caplog.messages
    assert "node 3 LoadImage: Custom validation failed for node: image - Invalid image file: badge.png" in told
    assert f"pytest-comfy/badge-{'0' * 12}.png (SHA-256 {'0' * 12}…)" in told and "upload" in told


def test_the_nearest_run_is_one_of_the_same_classes():
    other = recorded({"9": {"class_type": "SaveImage", "inputs": {"filename_prefix": "x"}, "_meta": {"title": "S"}}})
    many = {f"text{number}": number for number in range(8)}
    same = recorded(loading("a.png", **many), definitions=LOAD)
    with FakeComfyServer([other, same]) as server:
        answer = post(server, loading("a.png", **dict.fromkeys(many, -1)))
    assert len(answer.json()["error"]["extra_info"]["differences"]) == 5
    assert "node 9 SaveImage.text0 is -1, was 0" in answer.json()["error"]["message"]


def test_broken_facts_on_inputs_do_no_harm(tmp_path):
    for told in ([], {"a.png": 7}, {"a.png": {"sha256": ["x"]}}, {"a.png": {"sha256": "ab"}}):
        run = run_of("a.png", png())
        store = GoldenStore(tmp_path / json.dumps(told).encode().hex()[:40])
        store.write("x/default", GoldenRun({**run.document, "inputs": told}, None, run.blobs))
        with FakeComfyServer(store.root) as server:
            assert post(server, loading(upload(server, png(), "a.png"))).status_code == 200


PROJECT = Path(__file__).parents[2]


def test_every_golden_run_of_the_project_answers_its_own_prompt():
    folders = [path.parent for path in sorted((PROJECT / "golden").rglob("run.json"))]
    assert folders
    for folder in folders:
        with FakeComfyServer(folder) as server:
            assert post(server, GoldenRun.load(folder).prompt).status_code == 200, folder


def test_a_client_uploads_the_projects_picture_by_its_own_name():
    content = (PROJECT / "workflows/image/inputs/badge.png").read_bytes()
    prompt = json.loads((PROJECT / "workflows/image/alpha.json").read_text(encoding="utf-8"))
    with FakeComfyServer(PROJECT / "golden/image/alpha") as server:
        assert post(server, prompt).status_code == 400
        assert upload(server, content, "badge.png") == "badge.png"
        assert post(server, prompt).status_code == 200
