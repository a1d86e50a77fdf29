"""Libraries that nobody here wrote, against the fake server, through the recorder, and on what that recorded.

They are no dependencies: COMFY_CLIENTS is a Python that has those of the Python index, COMFY_CLIENTS_NODE the folder
above the node_modules of those of npm.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pytest_comfy import FakeComfyServer
from pytest_comfy.golden import GoldenRun
from pytest_comfy.server.recording import RecordingProxy

ROOT = Path(__file__).parents[2]
DRIVERS = Path(__file__).parent / "drivers"
WORKFLOW, PICTURE = ROOT / "workflows/image/alpha.json", ROOT / "workflows/image/inputs/badge.png"
GOLDEN = ROOT / "golden/image/alpha/default"
# Read before any test begins: the tests take COMFY_* out of their environment.
PYTHON, NODE_FOLDER = os.environ.get("COMFY_CLIENTS"), os.environ.get("COMFY_CLIENTS_NODE")
OF_PYTHON = ["comfy_api_simplified", "comfyui_utils", "comfyui_xy", "comfy_headless", "comfyuiclient",
             "comfyui_async_api_tool"]  # fmt: skip
OF_NODE = ["comfy-ui-client", "@saintno/comfyui-sdk", "@stable-canvas/comfyui-client"]

pytestmark = pytest.mark.clients


def command_of(name):
    if name in OF_PYTHON:
        find = f"import importlib.util as u, sys; sys.exit(u.find_spec({name!r}) is None)"
        if not PYTHON or subprocess.run([PYTHON, "-c", find], timeout=60, check=False).returncode:
            pytest.skip(f"no {name}: install it where COMFY_CLIENTS, a Python, finds it")
        return [PYTHON, str(DRIVERS / "clients.py")]
    node = shutil.which("node")
    if not NODE_FOLDER or node is None or not (Path(NODE_FOLDER) / "node_modules" / name).is_dir():
        pytest.skip(f"no {name}: install it where COMFY_CLIENTS_NODE, a folder, has its node_modules")
    return [node, str(DRIVERS / "clients.mjs")]


@pytest.fixture(params=[*OF_PYTHON, *OF_NODE])
def run(request, tmp_path):
    """Run the client on a server; gives the SHA-256 of the picture that it got."""
    command = command_of(request.param)

    def on(url):
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "NO_PROXY": "127.0.0.1"}
        environment |= {"COMFY_CLIENTS_NODE": NODE_FOLDER or "", "COMFY_HEADLESS_COMFYUI__URL": url}
        done = subprocess.run(
            [*command, request.param, url, str(WORKFLOW), str(PICTURE)], env=environment, cwd=tmp_path,
            stdin=subprocess.DEVNULL, capture_output=True, timeout=120, encoding="utf-8", check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.split()[-1]

    return on


@pytest.mark.parametrize("version", ["0.8.0", "0.30.0"])
def test_it_gets_the_picture_directly_through_the_recorder_and_of_the_recording(run, tmp_path, version):
    (output,) = GoldenRun.load(GOLDEN).outputs
    expected = hashlib.sha256((GOLDEN / output.file).read_bytes()).hexdigest()
    with FakeComfyServer(GOLDEN, version=version) as server:
        assert run(server.url) == expected
        assert not server.problems
    with FakeComfyServer(GOLDEN, version=version) as server:
        with RecordingProxy(server.url, tmp_path / "into") as proxy:
            assert run(proxy.url) == expected
        assert proxy.problems == []
    with FakeComfyServer(tmp_path / "into") as alone:
        assert run(alone.url) == expected
        assert alone.unused == [] and not alone.problems
