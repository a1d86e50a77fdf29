"""Cost of offline items: N workflows of one 512x512 picture each, beside N empty tests and N bare exchanges."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
from PIL import Image
from results import Options, Result

from pytest_comfy.compare import describe
from pytest_comfy.golden import GoldenRun, GoldenStore

SIDE = 512
DIFFERENT = 100
"""Pictures that differ; to describe each takes longer than to compare it."""
MOST_FILES = 1000
"""Golden files of their own; more would fill the disk, and are links to those."""

PER_ITEM, RATIO, GROWTH, MEMORY, TWO_WORKERS = 4.0, 1.5, 1.1, 300.0, 1.7
"""What is asked: ms an item where an empty test takes 2.5, beside the bare exchange, at 10,000 items beside 1,000, MB
at 10,000 items, and how many times as fast two workers are on two free cores."""

ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Installed packages have their bytecode; without it every start would compile."""

LAUNCHER = """
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)
"""
"""A process begins with the memory of its parent, and this one, with numpy, is larger than what it measures."""


BUSY = """
import time

with open("busy.txt") as file:
    SECONDS = float(file.read())


def work():
    until = time.thread_time() + SECONDS
    while time.thread_time() < until:
        pass


{}
"""
"""Tests that do nothing but take as much of the processor as they are told."""


class Round(NamedTuple):
    """What was measured in turn, in ms a test, item or exchange; and the peak memory of the items, in MB."""

    empty: float
    item: float
    bare: float
    peak: float


def main() -> None:
    """Print what is found at each N."""
    for count in [int(word) for word in sys.argv[1:]] or [100, 1000]:
        print(f"{count} items")
        for one in measure(Options(count=count)):
            print(f"  {one.what:60} {one.peer or 'ours':10} {one.value:8.3g} {one.unit}")


def measure(options: Options) -> list[Result]:
    """Return what an item costs beside its peers, how cost and memory grow, and what two workers bring."""
    found: list[Result] = []
    costs: list[float] = []
    for count in options.counts([1000], [1000, 10_000]):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            make_project(root, count)
            rounds = [measured(root, count) for _ in range(options.turns(1 if count > MOST_FILES else 3))]
            costs.append(median(one.item - one.empty for one in rounds) / 1000)
            found += results(count, rounds)
            if importlib.util.find_spec("xdist") is not None:
                found += two_workers(root, len(rounds), costs[-1])
    if len(costs) > 1:
        found.append(Result("an offline item among 10,000 beside one among 1,000", costs[1] / costs[0], "", GROWTH))
    return found


def measured(root: Path, count: int) -> Round:
    """Measure once, each in a process of its own."""
    empty, _ = timed(root, "test_empty.py")
    full, peak = timed(root, "workflows")
    return Round(empty / count * 1000, full / count * 1000, bare(root) * 1000, peak)


def results(count: int, rounds: list[Round]) -> list[Result]:
    """Return the medians, and ratios within a round."""
    return [
        Result(f"a test of {count}, start included", median(one.empty for one in rounds), "ms", peer="empty test"),
        Result(f"an exchange of {count}", median(one.bare for one in rounds), "ms", peer="bare"),
        Result(f"an offline item of {count} over an empty test", median(one.item - one.empty for one in rounds), "ms",
               PER_ITEM),
        Result(f"an offline item of {count} over an empty test, beside the bare exchange",
               median((one.item - one.empty) / one.bare for one in rounds), "", RATIO),
        Result(f"peak memory of {count} offline items", max(one.peak for one in rounds), "MB", MEMORY),
    ]  # fmt: skip


def two_workers(root: Path, rounds: int, seconds: float) -> list[Result]:
    """Return how many times as fast sessions are with two workers of pytest-xdist: ours, and one of as many tests that
    keep the processor busy for so many seconds each, of which none is the plugin's."""
    what = "times as fast with -n 2"
    (root / "busy.txt").write_text(str(seconds))
    kinds = (("workflows",), ("test_busy.py", "-p", "no:comfy"))
    gains = [[timed(root, *one)[0] / timed(root, *one, "-n", "2")[0] for one in kinds] for _ in range(rounds)]
    ours, busy = (median(of_one) for of_one in zip(*gains, strict=True))
    return [
        Result(f"offline items: {what}", ours, "", TWO_WORKERS, at_least=True),
        Result(f"offline items: {what}", busy, "", peer=f"busy for {seconds * 1000:.1f} ms"),
    ]


def bare(root: Path) -> float:
    """Return seconds per bare exchange of the same pictures."""
    command = [sys.executable, str(Path(__file__).with_name("bare.py")), str(root / "golden")]
    return float(subprocess.run(command, capture_output=True, text=True, check=True, env=ENVIRONMENT).stdout)


def make_project(root: Path, count: int) -> None:
    """Write N workflows with golden runs of pictures, and N empty tests."""
    (root / "pytest.ini").write_text("[pytest]\n")
    (root / "workflows").mkdir()
    body = "import pytest\n\n@pytest.mark.parametrize('n', range({}))\ndef test(n):\n    pass\n"
    (root / "test_empty.py").write_text(body.format(count))
    (root / "test_busy.py").write_text(BUSY.format(body.format(count).replace("pass", "work()")))
    store = GoldenStore(root / "golden")
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    pictures: dict[int, GoldenRun] = {}
    for number in range(count):
        prompt = {
            "1": {"class_type": "EmptyImage", "inputs": {"width": SIDE, "height": SIDE, "color": number}},
            "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
        }
        (root / "workflows" / f"w{number:04}.json").write_text(json.dumps(prompt))
        noise[0, 0, 0] = number % DIFFERENT
        if number < DIFFERENT:
            pictures[number] = golden_run(prompt, png(noise))
        run = pictures[number % DIFFERENT]
        run = GoldenRun({**run.document, "prompt": prompt}, None, run.blobs)
        folder = store.write(f"w{number:04}/default", run)
        if number >= MOST_FILES:
            share(folder, root / "golden" / f"w{number % DIFFERENT:04}/default")


def share(folder: Path, other: Path) -> None:
    """Put links to the files of another golden run of the same pictures in the place of those of a golden run."""
    for path in folder.glob("*.png"):
        path.unlink()
        path.hardlink_to(other / path.name)


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


def timed(root: Path, *words: str) -> tuple[float, float]:
    """Return seconds and peak memory (MB) of one pytest run."""
    start = time.perf_counter()
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", *words]
    # Else sessions with workers, which make temporary folders, would remove those of all earlier sessions at their end.
    pytest += ["--basetemp", str(root / "temporary")]
    command = [sys.executable, "-c", LAUNCHER, *pytest]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, env=ENVIRONMENT)
    took = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(done.stdout)
    return took, int(done.stdout.splitlines()[-1]) / 1024


if __name__ == "__main__":
    main()
