"""`pytest-comfy record`: a proxy on the command line."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys

import pytest
import requests
from PIL import Image

from pytest_comfy.golden import GoldenRun, find_runs
from pytest_comfy.server import FakeComfyServer

PROMPT = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 8}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "cli"}},
}

ID = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def upstream(tmp_path):
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    item = {"filename": "cli_00001_.png", "subfolder": "", "type": "output"}
    document = {
        "format": 1, "prompt": PROMPT, "environment": {"comfyui": "0.8.0"}, "node_definitions": {}, "events": [],
        "status": {"status_str": "success"}, "meta": {}, "ui": {"2": {"images": [item]}},
        "outputs": [{"node": "2", "key": "images", "index": 0, "media_type": "image/png", "sha256": "0",
                     "file": "2.images.0.png"}],
    }  # fmt: skip
    with FakeComfyServer([GoldenRun(document, None, {"2.images.0.png": buffer.getvalue()})]) as running:
        yield running


def start(*arguments):
    command = [sys.executable, "-m", "pytest_comfy.commands", "record", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_records_until_it_is_told_to_stop(upstream, tmp_path, signal_number):
    into = tmp_path / "into"
    process = start("--upstream", upstream.url, "--into", into)
    try:
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        assert requests.get(url + "/features", timeout=10).status_code == 200
        assert requests.post(url + "/prompt", json={"prompt": PROMPT, "client_id": "c"}, timeout=10).status_code == 200
        told = process.stdout.readline().strip()
        process.send_signal(signal_number)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    (folder,) = find_runs(into)
    assert told == f"recorded {folder}"
    assert (out, err, process.returncode) == (f"1 run recorded in {into}\n", "", 0)
    kept = json.loads((into / "exchanges.json").read_text())["exchanges"]
    assert {"/features", "/object_info", "/models", "/models/vae"} <= {one["request"]["path"] for one in kept}


def test_what_is_not_recorded_is_told_on_stderr(upstream, tmp_path):
    document = {"format": 1, "prompt": PROMPT, "events": [[3600.0, {"type": "progress", "data": {}}]]}
    with FakeComfyServer([GoldenRun(document)], speed=1.0) as slow:
        process = start("--upstream", slow.url, "--into", tmp_path / "into")
        try:
            url = process.stdout.readline().strip()
            requests.post(url + "/prompt", json={"prompt": PROMPT, "prompt_id": ID}, timeout=10)
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert err == f"prompt {ID} is not recorded: it had not ended when the recording was stopped\n"
    assert out == f"0 runs recorded in {tmp_path / 'into'}, 1 not recorded or only in part\n"


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["--upstream", "ftp://x", "--into", "d"], 2, "'ftp://x' is no server address"),
        (["--upstream", "http://127.0.0.1:9"], 2, "--into"),
        (["--upstream", "http://127.0.0.1:9", "--into", "d", "--port", "99999"], 2, "'99999' is no port"),
        (["--upstream", "http://127.0.0.1:9", "--into", "d", "--host", "203.0.113.7"], 1, "cannot listen on 203"),
    ],
)
def test_wrong_usage(tmp_path, monkeypatch, arguments, status, told):
    monkeypatch.chdir(tmp_path)
    process = start(*arguments)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (status, "")
    assert told in err and "Traceback" not in err


def test_a_port_in_use_is_told(upstream, tmp_path):
    port = upstream.url.rpartition(":")[2]
    process = start("--upstream", upstream.url, "--into", tmp_path, "--port", port)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in err and "Traceback" not in err
