"""Records the scenarios from a real server: `python -m tests.conformance.capture URL OUT`.

Adding a version of ComfyUI is then: capture it, run `CAPTURES=OUT pytest tests/conformance`, read the differences.
Start the server anew (its queue is used and its history cleared), with `--cpu --preview-method latent2rgb`, ComfyUI's
own testing nodes in `custom_nodes`, and a `--base-directory` of its own.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import requests

from .scenarios import SCENARIOS, Scenario
from .tape import Recorder


def main(arguments: Sequence[str] | None = None) -> None:
    """Record all scenarios that the server has the classes for, a file each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("url", help="such as http://127.0.0.1:8188")
    parser.add_argument("out", type=Path, help="folder for SCENARIO.json.gz")
    parser.add_argument("--hide", action="append", default=[], metavar="PATH=SHOWN", help="a path of the machine")
    parser.add_argument("--only", action="append", default=[], metavar="SCENARIO")
    options = parser.parse_args(arguments)
    hidden = dict(one.split("=", 1) for one in options.hide)
    url = options.url.rstrip("/")
    version = requests.get(f"{url}/system_stats", timeout=60).json()["system"]["comfyui_version"]
    classes = requests.get(f"{url}/object_info", timeout=60).json().keys()
    options.out.mkdir(parents=True, exist_ok=True)
    for each in SCENARIOS:
        if options.only and each.name not in options.only:
            continue
        missing = sorted(each.needs - classes)
        if missing:
            print(f"{each.name}: left out, the server has no {', '.join(missing)}")
            continue
        events = record(each, url, hidden)
        document = {"scenario": each.name, "server": version, "events": events}
        content = gzip.compress(json.dumps(document).encode(), mtime=0)
        (options.out / f"{each.name}.json.gz").write_bytes(content)
        print(f"{each.name}: {len(events)} events, {len(content)} bytes")


def record(each: Scenario, url: str, hidden: dict[str, str]) -> list[dict[str, object]]:
    """Play one scenario and return its events."""
    server = Recorder(url, hidden)
    try:
        each.play(server)
        server.idle()
    finally:
        server.close()
    return list(server.tape.events)


if __name__ == "__main__":
    main()
