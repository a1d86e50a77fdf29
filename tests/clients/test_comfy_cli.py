"""comfy-cli, a client that nobody here wrote, against the fake server.

It is heavy and no dependency of the tests: `comfy` is taken from COMFY_CLI (its path) or from PATH.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pytest_comfy import FakeComfyServer
from pytest_comfy.server import faults

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / "workflows" / "sampling" / "txt2img.json"
# Read before any test begins: the tests take COMFY_* out of their environment.
COMFY = os.environ.get("COMFY_CLI") or shutil.which("comfy")

pytestmark = [
    pytest.mark.clients,
    pytest.mark.skipif(COMFY is None, reason="no comfy-cli: put `comfy` on PATH, or its path in COMFY_CLI"),
]

QUIET = {
    "DO_NOT_TRACK": "1",
    "COMFY_NO_TELEMETRY": "1",
    "POSTHOG_API_KEY": "",
    "COMFY_NO_UPDATE_CHECK": "1",
    "COMFY_NO_WATCH": "1",
    "COMFY_CLI_NO_REMOTE_REFRESH": "1",
    "COMFY_WHERE": "local",
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
    "COLUMNS": "200",
    "TERM": "dumb",
    "NO_COLOR": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUTF8": "1",
}
"""No news, no telemetry, no colours, nothing but this machine."""

OF_THE_SYSTEM = ("PATH", "SYSTEMROOT", "COMSPEC", "PATHEXT")
"""All that comfy-cli gets of the person's own environment."""


@pytest.fixture(params=["0.3.64", "0.8.0", "0.30.0"])
def server(request):
    with FakeComfyServer(ROOT / "golden", version=request.param) as server:
        yield server


@pytest.fixture
def comfy_run(server, tmp_path):
    """Run `comfy run --wait` on a workflow file; gives the finished process."""
    home = tmp_path / "home"
    home.mkdir()
    folders = ("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "COMFY_CACHE_DIR",
               "AGENT_DATA_DIR", "APPDATA", "LOCALAPPDATA")  # fmt: skip
    environment = {name: os.environ[name] for name in OF_THE_SYSTEM if name in os.environ}
    environment |= QUIET | dict.fromkeys(folders, str(home))
    address = urlsplit(server.url)

    def run(workflow, form="--no-json"):
        command = [COMFY, "--skip-prompt", *([form] if form == "--no-json" else [])]
        command += ["run", "--workflow", str(workflow), "--wait", "--verbose", "--no-notify", "--timeout", "60"]
        command += ["--host", address.hostname, "--port", str(address.port), *([form] if form == "--json" else [])]
        return subprocess.run(
            command, env=environment, cwd=home, stdin=subprocess.DEVNULL, capture_output=True, timeout=120,
            encoding="utf-8",
        )  # fmt: skip

    return run


def envelope(done):
    """The last line of what `--json` says."""
    return json.loads(done.stdout.splitlines()[-1])


def test_success(server, comfy_run):
    done = comfy_run(WORKFLOW)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Executing : KSampler" in done.stdout and "Workflow execution completed" in done.stdout
    (address,) = [line for line in done.stdout.splitlines() if line.startswith(server.url + "/view?")]
    assert "filename=txt2img_00001_.png" in address and "type=output" in address
    assert len(server.prompts) == 1 and not server.problems


def test_success_as_json_and_a_second_time_from_the_cache(server, comfy_run):
    first, second = comfy_run(WORKFLOW, "--json"), comfy_run(WORKFLOW, "--json")
    assert (first.returncode, second.returncode) == (0, 0)
    assert envelope(first)["ok"] and envelope(first)["data"]["status"] == "completed"
    assert envelope(first)["data"]["outputs"] == envelope(second)["data"]["outputs"] != []
    assert len(server.prompts) == 2


def test_execution_error(server, comfy_run):
    server.faults.add(faults.execution_error("the sampler is out of breath", class_type="KSampler"))
    done = comfy_run(WORKFLOW)
    assert done.returncode == 1
    assert "execution_error" in done.stdout and "the sampler is out of breath" in done.stdout
    assert "KSampler" in done.stdout and "RuntimeError" in done.stdout


def test_execution_error_as_json(server, comfy_run):
    server.faults.add(faults.out_of_memory(class_type="KSampler"))
    done = comfy_run(WORKFLOW, "--json")
    assert done.returncode == 1
    assert not envelope(done)["ok"] and envelope(done)["error"]["code"] == "execution_error"
    assert "KSampler" in envelope(done)["error"]["message"]


def test_what_the_server_refuses(server, comfy_run, tmp_path):
    workflow = tmp_path / "missing.json"
    load = {"class_type": "LoadImage", "inputs": {"image": "nothere.png"}}
    save = {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}}
    workflow.write_text(json.dumps({"1": load, "2": save}))
    done = comfy_run(workflow)
    assert done.returncode == 1
    assert "prompt_rejected" in done.stdout and "Invalid image file: nothere.png" in done.stdout
    assert not server.prompts


def test_a_prompt_without_recording_is_refused_with_the_reason(server, comfy_run, tmp_path):
    workflow = tmp_path / "other.json"
    prompt = json.loads(WORKFLOW.read_text())
    prompt["5"]["inputs"]["seed"] += 1
    workflow.write_text(json.dumps(prompt))
    done = comfy_run(workflow)
    assert done.returncode == 1
    assert "sampling/txt2img" in done.stdout and "seed" in done.stdout
    assert len(server.unmatched) == 1
