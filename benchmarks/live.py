"""How long a live server waits between short workflows, from its own history: ours beside others, in one run.

    python benchmarks/live.py URL

Each in turn runs the same workflows, and none finds anything of them in the server's cache: a session of pytest with
and without cases queued ahead, ComfyClient one run after the other, and `comfy run --wait` where comfy-cli is on PATH,
or at COMFY_CLI."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests
from results import NotMeasured, Options, Result

from pytest_comfy import ComfyClient

RUNS = 60
BY_CLI = 10
"""Runs by comfy-cli unless all is measured: each takes a second or two."""
AHEAD = "--comfy-lookahead"
QUIET = {"DO_NOT_TRACK": "1", "COMFY_NO_TELEMETRY": "1", "COMFY_NO_UPDATE_CHECK": "1", "COMFY_NO_WATCH": "1",
         "COMFY_CLI_NO_REMOTE_REFRESH": "1", "POSTHOG_API_KEY": "", "TERM": "dumb"}  # fmt: skip

COLLECTED = 20.5
"""Seconds without a run after which the next one surely ends with a look for garbage: one may come 10 s after the last
run, and another 10 s after that."""

Span = tuple[int, int]
"""When a run started and ended, by the server's clock in ms."""
Way = Callable[[], object]


class Waits(NamedTuple):
    """What a server did between its first run and its last: ms that it waited, and the share of time that it ran."""

    gaps: list[int]
    utilisation: float


def measure(options: Options) -> list[Result]:
    """Return how long the server waited between runs, and how much of the time it ran, for each way to ask it."""
    if not options.live:
        raise NotMeasured("it needs a real ComfyUI: --live URL")
    count = options.counts([RUNS], [RUNS])[0]
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder), options.live, count)
        found: dict[str, list[Waits]] = {}
        for _ in range(options.turns(3)):
            for peer, way in project.ways():
                project.collect_garbage()
                found.setdefault(peer, []).append(waits(options.live, way, count))
        if comfy := os.environ.get("COMFY_CLI") or shutil.which("comfy"):
            some = count if options.full else min(count, BY_CLI)
            found["comfy run --wait"] = [waits(options.live, lambda: project.by_cli(comfy, some), some)]
    return [result for peer, rounds in found.items() for result in results(peer, rounds)]


def results(peer: str, rounds: list[Waits]) -> Iterator[Result]:
    """Yield the figures of one way; only those of ours have limits."""
    limits = (3.0, 50.0, 0.97) if not peer else (None, None, None)
    every = [gap for one in rounds for gap in one.gaps]
    yield Result("idle between runs, median", median(every), "ms", limits[0], peer=peer)
    yield Result("idle between runs, largest", median(max(one.gaps) for one in rounds), "ms", limits[1], peer=peer)
    yield Result("utilisation", median(one.utilisation for one in rounds), "", limits[2], at_least=True, peer=peer)


def waits(url: str, way: Way, count: int) -> Waits:
    """Have some workflows run and return how the server waited meanwhile; raises where not all of them ran."""
    before = history(url)
    way()
    spans = sorted(span(entry) for key, entry in history(url).items() if key not in before)
    if len(spans) != count:
        raise RuntimeError(f"{len(spans)} workflows of {count} ran")
    gaps = [after[0] - before[1] for before, after in itertools.pairwise(spans)]
    return Waits(gaps, sum(end - start for start, end in spans) / (spans[-1][1] - spans[0][0]))


def history(url: str) -> dict[str, Any]:
    """Return what the server tells of all its runs."""
    answer = requests.get(f"{url}/history", timeout=60)
    answer.raise_for_status()
    return dict(answer.json())


def span(entry: dict[str, Any]) -> Span:
    """Return when a run started and ended."""
    times = {kind: data["timestamp"] for kind, data in entry["status"]["messages"]}
    return times["execution_start"], times["execution_success"]


class Project:
    """Workflows with golden runs, and the ways to run them."""

    def __init__(self, root: Path, url: str, count: int) -> None:
        self.root, self.url = root, url
        seed = time.time_ns() % 1_000_000
        (root / "pytest.ini").write_text("[pytest]\n")
        (root / "workflows").mkdir()
        self.prompts = [prompt(seed + number) for number in range(count)]
        for number, one in enumerate(self.prompts):
            (root / f"workflows/w{number:03}.json").write_text(json.dumps(one))
        self.has_ahead = AHEAD in self.pytest("--help")
        self.pytest(
            "workflows", "--comfy-url", url, "--comfy-update=missing", "--comfy-allow-blank"
        )  # each has one tone

    def ways(self) -> Iterator[tuple[str, Way]]:
        """Yield whose way each is, "" for the one that has to be fast, and what runs all workflows."""
        session = "workflows", "--comfy-url", self.url, "--comfy-fresh"
        if self.has_ahead:
            yield "", lambda: self.pytest(*session)
            yield f"session, {AHEAD} 0", lambda: self.pytest(*session, AHEAD, "0")
        else:
            yield "session, nothing queued ahead", lambda: self.pytest(*session)
        yield "ComfyClient, in turn", self.by_client

    def collect_garbage(self) -> None:
        """Have the server look for garbage, so that it does not within the next seconds."""
        time.sleep(COLLECTED)
        with ComfyClient(self.url) as client:
            for _ in range(2):  # the second waits until that is over
                client.run(self.prompts[0], fresh=True)

    def pytest(self, *words: str) -> str:
        """Run pytest in the project; raises with what it told unless all passed."""
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words]
        done = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        return done.stdout

    def by_client(self) -> None:
        """Run all workflows by ComfyClient, each once the one before it is there."""
        with ComfyClient(self.url) as client:
            for one in self.prompts:
                client.run(one, fresh=True)

    def by_cli(self, comfy: str, count: int) -> None:
        """Run new workflows by comfy-cli, which starts anew for each."""
        home, address = self.root / "home", urlsplit(self.url)
        home.mkdir()
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "NO_PROXY": "127.0.0.1", **QUIET}
        for number in range(count):
            path = home / f"{number}.json"
            path.write_text(json.dumps(prompt(self.prompts[-1]["1"]["inputs"]["color"] + 1 + number)))
            command = [comfy, "--skip-prompt", "--no-json", "run", "--workflow", str(path), "--wait", "--no-notify"]
            command += ["--host", str(address.hostname), "--port", str(address.port)]
            subprocess.run(
                command, env=environment, cwd=home, stdin=subprocess.DEVNULL, capture_output=True, check=True
            )


def prompt(seed: int) -> dict[str, Any]:
    """Return a short workflow, another for every seed."""
    return {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 512, "height": 512, "batch_size": 1, "color": seed}},
        "2": {"class_type": "ImageBlur", "inputs": {"image": ["1", 0], "blur_radius": 8, "sigma": 3.0}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "comfy-bench/x"}},
    }


if __name__ == "__main__":
    for found in measure(Options(live=sys.argv[1])):
        print(f"{found.what:28} {found.peer or 'ours':32} {found.value:8.3g} {found.unit}")
