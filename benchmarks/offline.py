"""Cost of offline items: N workflows of one 512x512 picture each, beside N empty tests, in one run."""

from __future__ import annotations

import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from pytest_comfy.compare import describe
from pytest_comfy.golden import GoldenRun, GoldenStore

SIDE = 512

ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Installed packages have their bytecode; without it every start would compile."""


def main() -> None:
    """Print cost per item and peak memory for each N."""
    counts = [int(word) for word in sys.argv[1:]] or [100, 1000]
    print(f"{'items':>6} {'empty s':>8} {'workflows s':>12} {'ms per item':>12} {'peak MB':>8}")
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            make_project(root, count)
            empty, _ = timed(root, "test_empty.py")
            full, peak = timed(root, "workflows")
            print(f"{count:6} {empty:8.2f} {full:12.2f} {(full - empty) / count * 1000:12.2f} {peak / 1024:8.0f}")


def make_project(root: Path, count: int) -> None:
    """Write N workflows with golden runs of different pictures, and N empty tests."""
    (root / "pytest.ini").write_text("[pytest]\n")
    (root / "workflows").mkdir()
    body = "import pytest\n\n@pytest.mark.parametrize('n', range({}))\ndef test(n):\n    pass\n"
    (root / "test_empty.py").write_text(body.format(count))
    store = GoldenStore(root / "golden")
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    for number in range(count):
        prompt = {
            "1": {"class_type": "EmptyImage", "inputs": {"width": SIDE, "height": SIDE, "color": number}},
            "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
        }
        (root / "workflows" / f"w{number:04}.json").write_text(json.dumps(prompt))
        noise[0, 0, 0] = number % 256
        noise[0, 0, 1] = number // 256
        store.write(f"w{number:04}/default", golden_run(prompt, png(noise)))


def golden_run(prompt: dict[str, object], data: bytes) -> GoldenRun:
    """Return a golden run of one picture with the events of a short run."""
    item = {"filename": "x_00001_.png", "subfolder": "", "type": "output"}
    events = [[0.0, {"type": "execution_start", "data": {"prompt_id": "<prompt_id>", "timestamp": 0}}]]
    for node in prompt:
        data_of = {"node": node, "display_node": node, "prompt_id": "<prompt_id>"}
        events.append([0.0, {"type": "executing", "data": data_of}])
        if node == "2":
            events.append([0.0, {"type": "executed", "data": {**data_of, "output": {"images": [item]}}}])
    described = describe(data, "image/png")
    output = {
        "node": "2", "key": "images", "index": 0, "title": "SaveImage", "type": "output",
        "media_type": "image/png", "file": "2.images.0.png", **described,
    }  # fmt: skip
    document = {
        "format": 1, "workflow": "w.json", "case": "default", "prompt": prompt, "events": events,
        "ui": {"2": {"images": [item]}}, "status": {"status_str": "success", "completed": True, "messages": []},
        "meta": {}, "environment": {}, "node_definitions": {}, "outputs": [output], "approvals": [],
    }  # fmt: skip
    return GoldenRun(document, None, {"2.images.0.png": data})


def png(pixels: np.ndarray) -> bytes:
    """Return an array as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def timed(root: Path, what: str) -> tuple[float, int]:
    """Return seconds and peak memory (KiB) of one pytest run."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", what]
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
    out, _ = process.communicate()
    if process.returncode:
        raise SystemExit(out)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return time.perf_counter() - start, peak


if __name__ == "__main__":
    main()
