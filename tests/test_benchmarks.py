"""The command that runs the benchmarks; how long anything takes is none of a test's business."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.skipif(not (ROOT / "benchmarks").is_dir(), reason="a checkout without benchmarks")


def run(*words):
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *map(str, words)], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_a_benchmark_as_table_and_json(tmp_path):
    file = tmp_path / "found.json"
    done = run("comparison", "live", "--count", 64, "--rounds", 1, "--json", file)
    assert done.returncode == 0, done.stderr
    found = json.loads(file.read_text(encoding="utf-8"))
    rows = {(one["what"], one["peer"]): one for one in found["results"]}
    asked = rows["fingerprint and comparison, differs / decoding", ""]
    assert asked["limit"] == 0.5 and asked["met"] == (asked["value"] <= 0.5)
    assert rows["fingerprint", "imagehash phash 16"]["value"] > 0
    (line,) = [line for line in done.stdout.splitlines() if line.startswith(asked["what"])]
    assert line.split()[-3:] == ["<=", "0.5", "met" if asked["met"] else "MISSED"]
    assert found["left_out"] == {"live": "it needs a real ComfyUI: --live URL"}
    assert "live: left out: it needs a real ComfyUI: --live URL" in done.stdout


def test_what_is_no_benchmark_is_refused_with_those_that_are():
    done = run("speed")
    assert done.returncode == 2
    assert "speed is no benchmark; there are: checks, comparison, " in done.stderr
