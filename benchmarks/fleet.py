"""Several servers at once: fake ones in processes of their own, which take as long as was recorded.

    python benchmarks/fleet.py

How the throughput of a session grows with servers, how near it comes to the shortest time possible where cases
differ in length, and what becomes of its cases while servers die, freeze and come back. Times are those of the servers'
histories, from the first start to the last end (a start and what was recorded): pytest's own start is not among them.
"""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from live import Span, span
from offline import ENVIRONMENT
from results import Options, Result

from pytest_comfy.golden import GoldenStore
from pytest_comfy.server.synthesis import synthesize

SIDE = 64
SECONDS, CASES = 0.7, 10
"""Of each case where all are of one length, and how many of them there are for each server."""
SHORTEST, SPREAD, SPREAD_CASES = 0.1, 50, 10
"""Seconds of the shortest case, how many times as long the longest is, and cases for each server."""
LINEAR, OVER_BOUND = 0.95, 1.10
"""What is asked: of N times the throughput of one server, and of the shortest time possible."""

FLEET, KILLED, FROZEN, BACK = 8, (0, 1, 2), 3, 1
"""Servers of which some die, one freezes and one of the dead is started again."""
AWAY = 4.0
"""Seconds after which it is; one that refuses connections is given up after three."""
FLEET_CASES = 15
LONGEST_WAIT = 120.0

DEFINITIONS: dict[str, Any] = {
    "EmptyImage": {
        "name": "EmptyImage", "output_node": False, "output": ["IMAGE"], "output_name": ["IMAGE"],
        "input": {"required": {"width": ["INT", {}], "height": ["INT", {}], "color": ["INT", {}]}},
    },
    "SaveImage": {
        "name": "SaveImage", "output_node": True, "output": [], "output_name": [],
        "input": {"required": {"images": ["IMAGE", {}], "filename_prefix": ["STRING", {}]}},
    },
}  # fmt: skip


def measure(options: Options) -> list[Result]:
    """Return the figures of fleets of several sizes, and of one that loses servers."""
    sizes = [1, 2, 4, 8, 16] if options.full else [1, 2, 4]
    found = [*throughput(sizes, options.count or CASES)]
    found += [over_bound(size, options.count or SPREAD_CASES) for size in sizes[2:]]
    if hasattr(signal, "SIGSTOP"):
        found += losses(options.count or FLEET_CASES)
    return found


def throughput(sizes: Sequence[int], each: int) -> Iterator[Result]:
    """Yield what N servers do beside N times what one does, with as many cases for each."""
    alone = 0.0
    for size in sizes:
        rate = size * each / makespan(size, [SECONDS] * (size * each))
        alone = alone or rate
        if size == 1:
            yield Result("cases a second with 1 server", rate, "")
        else:
            yield Result(f"throughput of {size} servers, of {size} times that", rate / size / alone, "", LINEAR, True)


def over_bound(size: int, each: int) -> Result:
    """Return how long cases of very different length take, beside the shortest time that any order could have."""
    lengths = spread(size * each, SHORTEST, SPREAD)
    bound = max(sum(lengths) / size, max(lengths))
    what = f"{size * each} cases spread 1:{SPREAD} on {size} servers, of the least time"
    return Result(what, makespan(size, lengths) / bound, "", OVER_BOUND)


def losses(each: int) -> Iterator[Result]:
    """Yield what became of the cases of a fleet of which three die, one freezes, and one comes back."""
    count = FLEET * each
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_project(root, spread(count, 0.2, 10))
        with Fleet(root, FLEET) as fleet, session(root, fleet.urls) as running:
            until(lambda: sum(len(spans(url)) for url in fleet.urls) >= FLEET)
            for number in KILLED:
                fleet.kill(number)
            fleet.processes[FROZEN].send_signal(signal.SIGSTOP)
            time.sleep(AWAY)
            fleet.start(BACK)
            told, _ = running.communicate(timeout=LONGEST_WAIT)
            returned = len(spans(fleet.urls[BACK]))
    passed = Counter(re.findall(r"^(workflows/\S+) PASSED", told, re.MULTILINE))
    others = re.findall(r"^workflows/\S+ (?!PASSED)[A-Z]+", told, re.MULTILINE)
    what = f"{len(KILLED)} of {FLEET} servers killed, 1 frozen, 1 back: "
    once = sum(times == 1 for times in passed.values())
    yield Result(f"{what}cases that passed once, of {count}", once, "", count, at_least=True)
    yield Result(f"{what}verdicts beside", sum(passed.values()) - once + len(others), "", 0)
    yield Result(f"{what}cases that the one ran which came back", returned, "", 1, at_least=True)


def spread(count: int, shortest: float, times: float) -> list[float]:
    """Return lengths of cases between the shortest and so many times that, as many in each doubling."""
    lengths = [shortest * times ** (number / (count - 1)) for number in range(count)] if count > 1 else [shortest]
    random.Random(1).shuffle(lengths)
    return lengths


def makespan(size: int, lengths: Sequence[float]) -> float:
    """Return the seconds from the first start to the last end of cases that take so long, on so many servers."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_project(root, lengths)
        with Fleet(root, size) as fleet:
            with session(root, fleet.urls) as running:
                told, _ = running.communicate()
            ran = [one for url in fleet.urls for one in spans(url)]
    if running.returncode or len(ran) != len(lengths):
        raise RuntimeError(f"{len(ran)} runs of {len(lengths)} cases: {told}")
    return (max(end for _, end in ran) - min(start for start, _ in ran)) / 1000


def make_project(root: Path, lengths: Sequence[float]) -> None:
    """Write workflows with golden runs that took so many seconds."""
    (root / "pytest.ini").write_text("[pytest]\n")
    (root / "workflows").mkdir()
    store = GoldenStore(root / "golden")
    for number, seconds in enumerate(lengths):
        prompt = {
            "1": {"class_type": "EmptyImage", "inputs": {"width": SIDE, "height": SIDE, "color": number}},
            "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
        }
        (root / f"workflows/w{number:04}.json").write_text(json.dumps(prompt))
        run = synthesize(prompt, DEFINITIONS, ["2"])
        run.document["node_definitions"] = DEFINITIONS
        events = run.document["events"]
        # What is told of a run after it succeeded takes the server no time.
        last = [event["type"] for _, event in events].index("execution_success")
        for place, event in enumerate(events):
            event[0] = round(seconds * min(place / last, 1.0), 3)
            if "timestamp" in event[1]["data"]:
                event[1]["data"]["timestamp"] = round(event[0] * 1000)  # ms from the start: what histories tell
        store.write(f"w{number:04}/default", run)


class Fleet:
    """Fake servers on free ports, all of which end with the block."""

    def __init__(self, root: Path, size: int) -> None:
        self._root = root
        self._size = size
        self.processes: list[subprocess.Popen[str]] = []
        self.urls: list[str] = []

    def __enter__(self) -> Fleet:
        try:
            for _ in range(self._size):
                self.processes.append(self._process(0))
            self.urls = [self._url(process) for process in self.processes]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for number in range(len(self.processes)):
            self.kill(number)

    def kill(self, number: int) -> None:
        """End one at once, also where it is frozen."""
        process = self.processes[number]
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()

    def start(self, number: int) -> None:
        """Start one again at its port."""
        self.processes[number] = self._process(int(self.urls[number].rpartition(":")[2]))
        self._url(self.processes[number])

    def _process(self, port: int) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "pytest_comfy.commands", "serve", str(self._root / "golden")]
        command += ["--port", str(port), "--speed", "1"]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=ENVIRONMENT)

    def _url(self, process: subprocess.Popen[str]) -> str:
        """Wait until a server tells where it is."""
        assert process.stdout is not None
        found = re.match(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        if found is None:
            raise RuntimeError("a fake server did not start")
        return found[0]


@contextmanager
def session(root: Path, urls: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """Run pytest with all servers; it ends with the block."""
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-p", "no:asyncio", "-p", "no:randomly"]
    command += ["workflows", *(word for url in urls for word in ("--comfy-url", url))]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) as process:
        try:
            yield process
        finally:
            process.kill()


def spans(url: str) -> list[Span]:
    """Return when each run that is over started and ended on a server."""
    with urllib.request.urlopen(f"{url}/history", timeout=60) as answer:
        return [span(entry) for entry in json.load(answer).values()]


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds; raises TimeoutError."""
    ends = time.monotonic() + LONGEST_WAIT
    while not holds():
        if time.monotonic() > ends:
            raise TimeoutError(f"not within {LONGEST_WAIT:g} s")
        time.sleep(0.1)


if __name__ == "__main__":
    for found in measure(Options()):
        print(f"{found.what:80} {found.value:8.4g} {found.unit}")
