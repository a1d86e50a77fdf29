"""The examples of the guide pages are run: Python blocks as test files, console blocks as commands."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_comfy.server import FakeComfyServer

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs").glob("*.md"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language):
    return [
        pytest.param(text, id=f"{page.stem}-{number}")
        for page in PAGES
        for number, (kind, text) in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")), 1)
        if kind == language
    ]


@pytest.fixture
def project(pytester):
    for name in ("workflows", "golden"):
        shutil.copytree(ROOT / name, pytester.path / name)
    definitions = json.loads((ROOT / "golden/sampling/txt2img/default/run.json").read_text())["node_definitions"]
    (pytester.path / "object_info.json").write_text(json.dumps(definitions))
    pytester.makeini("[pytest]\naddopts = -p no:randomly -p no:recording -p no:asyncio\n")
    return pytester


@pytest.mark.parametrize("text", blocks("python"))
def test_python_example(project, text):
    assert re.search(r"^def test_", text, re.MULTILINE)
    project.makepyfile(test_example=text)
    result = project.runpytest_subprocess("test_example.py", "-q")
    result.assert_outcomes(passed=len(re.findall(r"^def test_", text, re.MULTILINE)))


@pytest.mark.parametrize("text", blocks("console"))
def test_command(project, text):
    """A command that serves prints its address first, and ends well when it is told to."""
    (line,) = text.strip().splitlines()
    assert line.startswith("$ pytest-comfy ")
    words = line.removeprefix("$ pytest-comfy ").split()
    with FakeComfyServer(project.path / "golden") as upstream:
        words = [word.replace("http://127.0.0.1:8188", upstream.url) for word in words]
        command = [sys.executable, "-m", "pytest_comfy.cli", *words]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
            first = running.stdout.readline()
            running.terminate()
            _, errors = running.communicate(timeout=30)
    assert re.search(r"http://127\.0\.0\.1:\d+", first), first + errors
    assert running.returncode == 0 and "Traceback" not in errors
