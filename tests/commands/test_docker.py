"""The image of the fake ComfyUI, as far as it can be tried without Docker: what it runs, and what it copies."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from pytest_comfy.golden import GoldenRun

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "docker/Dockerfile").read_text(encoding="utf-8")


def words(instruction):
    return json.loads(re.search(rf"^{instruction} (\[.*\])$", DOCKERFILE, re.MULTILINE)[1])


def test_what_it_runs_serves_the_recordings():
    command, *arguments = [*words("ENTRYPOINT"), *words("CMD")]
    assert command == "pytest-comfy"
    here = {"0.0.0.0": "127.0.0.1", "8188": "0", "/recordings": str(ROOT / "golden")}
    arguments = [here.get(word, word) for word in arguments]
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest_comfy.commands", *arguments], stdout=subprocess.PIPE, text=True
    )
    try:
        url = process.stdout.readline().split()[0]
        assert json.load(urlopen(f"{url}/system_stats", timeout=20))["system"]
        check = re.search(r"HEALTHCHECK .*CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
        _, *probe = json.loads(check[1].replace("http://127.0.0.1:8188", url))
        assert subprocess.run([sys.executable, *probe], timeout=20, check=False).returncode == 0
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


@pytest.mark.parametrize("path", ["pytest_comfy", "pyproject.toml", "README.md", "LICENSE"])
def test_what_is_copied_is_there(path):
    assert f"!{path}" in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert (ROOT / path).exists()


def test_compose_mounts_what_the_project_has():
    compose = (ROOT / "docker/compose.yaml").read_text(encoding="utf-8")
    (source,) = re.findall(r"- (\S+):/recordings:ro$", compose, re.MULTILINE)
    folder = (ROOT / "docker" / source).resolve()
    assert any(GoldenRun.load(run.parent) for run in folder.rglob("run.json"))
    assert re.search(r'"127\.0\.0\.1:8188:8188"', compose)
