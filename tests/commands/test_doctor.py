"""`pytest-comfy doctor`: workflows held against a server, on which nothing is queued."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from gateway import Gateway
from projects import graph, recorded
from ui_form import definitions, plain

from pytest_comfy.server.faults import http_status


@pytest.fixture
def doctor(project):
    """Run the command in the project: doctor(words) -> the finished process."""

    def start(*words):
        command = [sys.executable, "-m", "pytest_comfy.commands", "doctor", *map(str, words)]
        done = subprocess.run(command, cwd=project.root, capture_output=True, text=True, timeout=60)
        assert "Traceback" not in done.stderr
        return done

    return start


def broken():
    prompt = graph()
    prompt["9"]["class_type"] = "SaveImages"
    return prompt


def test_server_is_asked_and_nothing_is_queued(project, doctor, live_with):
    project.workflow("good")
    project.workflow("bad", broken())
    server = live_with(definitions())
    done = doctor("--comfy-url", server.url)
    told = " ".join(done.stdout.split())
    assert done.returncode == 1
    assert told.startswith(f"against {server.url} (ComfyUI ") and "node classes)" in told
    assert (
        "workflows/bad.json error node 9 'Save Image' (SaveImages): the server has no node class 'SaveImages'" in told
    )
    assert "2 workflows, 1 of them sure to break" in told
    assert server.prompts == []


def test_ui_form_files_are_converted_by_its_definitions(project, doctor, live_with):
    page = plain()
    page["nodes"][0]["widgets_values"][0] = 99999
    project.workflow(prompt=page)
    done = doctor("--comfy-url", live_with(definitions()).url)
    assert done.returncode == 1
    assert "input 'width' is 99999" in " ".join(done.stdout.split())


def test_place_of_a_model_in_another_folder_is_told(project, doctor, live_with):
    known = definitions()
    known["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0] = []
    run = recorded(environment={"models": {"base.safetensors": {"folder": "vae", "size": 5}}})
    prompt = graph()
    prompt["4"] = {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "base.safetensors"}}
    prompt["5"] = {"class_type": "VAEDecode", "inputs": {"vae": ["4", 2], "samples": ["6", 0]}}
    prompt["6"] = {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}}
    prompt["9"]["inputs"]["images"] = ["5", 0]
    project.workflow(prompt=prompt)
    told = " ".join(doctor("--comfy-url", live_with(known, run).url).stdout.split())
    assert '"base.safetensors" is none of its choices; there are none; models/vae/base.safetensors has a file' in told


def test_input_files_beside_the_workflow_are_not_missed(project, doctor, live_with):
    prompt = graph()
    prompt["4"] = {"class_type": "LoadImage", "inputs": {"image": "photo.png"}}
    prompt["9"]["inputs"]["images"] = ["4", 0]
    project.workflow(prompt=prompt)
    url = live_with(definitions()).url
    done = doctor("--comfy-url", url)
    assert done.returncode == 1
    assert 'the server has no file "photo.png"' in " ".join(done.stdout.split())
    project.write("workflows/inputs/photo.png", b"x")
    assert doctor("--comfy-url", url).returncode == 0


def test_json_says_what_was_asked(project, doctor, live_with):
    project.workflow(prompt=broken())
    server = live_with(definitions())
    document = json.loads(doctor("--comfy-url", server.url, "--json").stdout)
    assert document["against"].startswith(server.url)
    assert [one["kind"] for one in document["workflows"][0]["findings"]] == ["missing-class"]


def test_server_has_a_name_in_comfy_toml_and_headers_as_everywhere(project, doctor, live_with):
    gateway = Gateway(live_with(definitions()).url, wanted={"X-Key": "letmein"})
    try:
        project.workflow()
        project.write("comfy.toml", f'[servers.studio]\nurl = "{gateway.url}"\nheaders = {{ X-Key = "letmein" }}\n')
        done = doctor("--comfy-url", "studio")
        assert done.returncode == 0, done.stderr
        assert doctor("--comfy-url", gateway.url, "--comfy-header", "X-Key: letmein").returncode == 0
        assert "letmein" not in done.stdout
    finally:
        gateway.stop()


def test_server_that_is_not_there_is_status_1(project, doctor, dead_url):
    project.workflow()
    done = doctor("--comfy-url", dead_url)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("pytest-comfy doctor: ")


def test_no_server_is_status_2(project, doctor):
    project.workflow()
    done = doctor()
    assert done.returncode == 2
    assert "which server? Give it with --comfy-url" in done.stderr


@pytest.mark.parametrize("path", ["/node_replacements", "/models*", "/embeddings"])
def test_server_without_these_routes_is_asked_for_the_rest(project, doctor, live_with, path):
    server = live_with(definitions())
    server.faults.add(http_status(404, path=path, times=0))
    prompt = broken()
    prompt["3"]["inputs"]["width"] = "embedding:x.safetensors"
    project.workflow(prompt=prompt)
    assert "(SaveImages): the server has no node class" in " ".join(doctor("--comfy-url", server.url).stdout.split())
