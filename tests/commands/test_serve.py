"""`pytest-comfy serve`."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import sys

import pytest
import requests
from projects import graph, recorded

from pytest_comfy.golden import GoldenStore


@pytest.fixture
def golden_dir(tmp_path):
    store = GoldenStore(tmp_path / "golden")
    store.write("txt2img/default", recorded())
    store.write("other/default", recorded(graph(color=99)))
    return store.root


@contextlib.contextmanager
def served(*words):
    """A running server: its address, its first line, and what it said at the end."""
    command = [sys.executable, "-m", "pytest_comfy.commands", "serve", *map(str, words), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        first = process.stdout.readline()
        told = {"first": first, "url": (re.findall(r"http://\S+", first) or [""])[0]}
        try:
            yield told
        finally:
            process.send_signal(signal.SIGINT)
            told["out"], told["err"] = process.communicate(timeout=30)
            told["code"] = process.returncode


def refused(*words):
    command = [sys.executable, "-m", "pytest_comfy.commands", "serve", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_it_serves_golden_runs_until_it_is_stopped(golden_dir):
    with served(golden_dir) as told:
        body = {"prompt": graph(), "prompt_id": "p"}
        assert requests.post(told["url"] + "/prompt", json=body, timeout=10).status_code == 200
        assert requests.post(told["url"] + "/prompt", json={"prompt": graph(color=5)}, timeout=10).status_code == 400
    assert "(ComfyUI 0.8.0, 2 golden runs)" in told["first"]
    assert "prompts: 1 answered, 1 without a recording" in told["out"]
    assert re.search(r"never asked for: \S*golden/other/default", told["out"])
    assert "EmptyImage.color" in told["err"] or "color" in told["err"]
    assert told["code"] == 0 and "Traceback" not in told["err"]


def test_version(golden_dir):
    with served(golden_dir, "--version", "0.3.64") as told:
        assert "extension" not in requests.get(told["url"] + "/features", timeout=10).json()
        assert requests.get(told["url"] + "/api/jobs", timeout=10).status_code == 404


def test_faults(golden_dir):
    faults = ["--fault", "http_status:status=503,path=/queue,nth=2", "--fault", "http_status:status=418,path=/features"]
    with served(golden_dir, *faults) as told:
        codes = [requests.get(told["url"] + "/queue", timeout=10).status_code for _ in range(3)]
        assert codes == [200, 503, 200]
        assert requests.get(told["url"] + "/features", timeout=10).status_code == 418
    assert "never came about" not in told["out"]


def test_a_fault_that_never_came_about_is_told(golden_dir):
    with served(golden_dir, "--fault", "drop:event=executid") as told:
        pass
    assert "fault drop never came about" in told["out"]


def test_synthesize(tmp_path):
    definitions = tmp_path / "object_info.json"
    definitions.write_text(json.dumps(recorded().document["node_definitions"]))
    with served("--synthesize", definitions) as told:
        body = {"prompt": graph(color=1)}
        assert requests.post(told["url"] + "/prompt", json=body, timeout=10).status_code == 200
        assert "EmptyImage" in requests.get(told["url"] + "/object_info", timeout=10).json()


def test_web_root(golden_dir, tmp_path):
    (tmp_path / "web").mkdir()
    (tmp_path / "web/index.html").write_text("<p>the page</p>")
    with served(golden_dir, "--web-root", tmp_path / "web") as told:
        assert requests.get(told["url"] + "/", timeout=10).text == "<p>the page</p>"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "nothing to serve"),
        (["nowhere"], "nowhere: is no directory"),
        ([".", "--fault", "drip"], "no fault is called 'drip'"),
        ([".", "--fault", "drop"], "needs event=…"),
        ([".", "--web-root", "nowhere"], "nowhere: is no directory"),
        ([".", "--synthesize", "nowhere.json"], "nowhere.json: cannot be read"),
        ([".", "--synthesize", "list.json"], "list.json: holds no node definitions"),
        ([".", "--synthesize", "broken.json"], "broken.json: is no JSON"),
    ],
)
def test_wrong_usage_is_one_sentence(tmp_path, monkeypatch, words, sentence):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "broken.json").write_text("{")
    done = refused(*words)
    assert done.returncode == 2
    assert sentence in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_port_that_is_taken(golden_dir):
    with served(golden_dir) as told:
        done = refused(golden_dir, "--port", told["url"].rpartition(":")[2])
    assert done.returncode == 2 and "address already in use" in done.stderr
