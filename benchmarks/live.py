"""Idle time of a live server between short workflows, from its own history's timestamps."""

from __future__ import annotations

import itertools
import sys
import time
from typing import Any

from pytest_comfy import ComfyClient

RUNS = 30


def main() -> None:
    """Run 30 short workflows one after the other and print how long the server waited for us."""
    with ComfyClient(sys.argv[1]) as client:
        started = time.perf_counter()
        seed = time.time_ns() % 1_000_000
        spans = [span(client, prompt(seed + number)) for number in range(RUNS)]
        wall = time.perf_counter() - started
    idle = [after[0] - before[1] for before, after in itertools.pairwise(spans)]
    busy = sum(end - start for start, end in spans)
    whole = spans[-1][1] - spans[0][0]
    print(f"{RUNS} runs in {wall:.2f} s")
    print(f"idle between runs: median {sorted(idle)[len(idle) // 2]} ms, largest {max(idle)} ms, sum {sum(idle)} ms")
    print(f"utilisation: {busy / whole:.0%}")


def prompt(seed: int) -> dict[str, Any]:
    """Return a short workflow that nothing of it is cached of."""
    return {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 512, "height": 512, "batch_size": 1, "color": seed}},
        "2": {"class_type": "ImageBlur", "inputs": {"image": ["1", 0], "blur_radius": 8, "sigma": 3.0}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "comfy-bench/x"}},
    }


def span(client: ComfyClient, graph: dict[str, Any]) -> tuple[int, int]:
    """Return when one run started and ended by the server's clock, in ms."""
    run = client.run(graph)
    times = {kind: data["timestamp"] for kind, data in run.status["messages"]}
    return times["execution_start"], times["execution_success"]


if __name__ == "__main__":
    main()
