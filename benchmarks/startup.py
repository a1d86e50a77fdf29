"""What the plugin adds to pytest's start: its import, sessions without workflows, and thousands of files.

Sessions are measured by the processor time of their process, with the plugin and without it (-p no:comfy) in turn. They
are right for an installed wheel; from a checkout pytest finds the plugin otherwise.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from results import NotMeasured, Options, Result

HEAVY = ("PIL", "numpy", "requests", "aiohttp", "imagehash", "jinja2", "websocket", "scipy")
PROGRAM = f"""
import json, sys, time
import pytest, _pytest.python, _pytest.terminal  # loaded by pytest in any case
start = time.perf_counter()
import pytest_comfy.plugin
took = time.perf_counter() - start
print(json.dumps([took * 1000, [name for name in {HEAVY!r} if name in sys.modules]]))
"""
TIMED = """
import time, pytest
@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_sessionfinish():
    start = time.process_time()
    yield
    print("took", time.process_time() - start)
"""
"""A conftest that times the end of the session, where golden runs are looked for that nothing claims."""
FILES = 5000
"""Of what so many may take the limits are."""

BARE = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Installed packages have their bytecode; without it every start would compile."""
WITHOUT = ("-p", "no:comfy")


def measure(options: Options) -> list[Result]:
    """Measure import, sessions, collection and the search for unused golden runs."""
    if not any(one.name == "comfy" for one in entry_points(group="pytest11")):
        raise NotMeasured("pytest-comfy is not installed")
    turns = options.turns(7)
    [number] = options.counts([FILES // 5], [FILES])
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder)
        found = [Result("import of the plugin", import_ms(turns), "ms", 5.0)]
        for tests in (1, 50, 300):
            # A folder of that name is met in the projects of others, who keep golden files of their own in it.
            files = {"test_it.py": tests_of(tests), "golden/table.json": "[1, 2, 3]"}
            found += sessions(project(there / f"plain{tests}", files), tests, turns)
        found += collection(there, number, turns)
        found.append(unused(there, number))
    return found


def project(folder: Path, files: dict[str, str]) -> Path:
    """Write a project with an ini of its own, and return its folder."""
    for name, text in {"pytest.ini": "[pytest]\n", **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def tests_of(number: int) -> str:
    """Return a file of tests that do nothing."""
    return "".join(f"def test_{at}():\n    pass\n\n\n" for at in range(number))


def workflow(seed: int) -> str:
    """Return a workflow of seven nodes."""
    inputs = {
        "CheckpointLoaderSimple": {"ckpt_name": "model.safetensors"},
        "EmptyLatentImage": {"width": 512, "height": 512, "batch_size": 1},
        "CLIPTextEncode": {"text": f"a cat {seed}", "clip": ["1", 1]},
        "ConditioningZeroOut": {"conditioning": ["3", 0]},
        "KSampler": {"seed": seed, "steps": 20, "model": ["1", 0], "latent_image": ["2", 0], "positive": ["3", 0]},
        "VAEDecode": {"samples": ["5", 0], "vae": ["1", 2]},
        "SaveImage": {"images": ["6", 0], "filename_prefix": "cat"},
    }
    return json.dumps(
        {str(at): {"class_type": name, "inputs": own} for at, (name, own) in enumerate(inputs.items(), 1)}
    )


def seconds(folder: Path, *words: str, environment: dict[str, str] = BARE) -> float:
    """Return the processor time of a session, in seconds."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words]
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 5):
        raise RuntimeError(f"pytest ended with status {process.returncode}")
    return used.ru_utime + used.ru_stime


def in_turn(turns: int, *kinds: Callable[[], float]) -> list[float]:
    """Return the median of each kind of session; one each goes ahead and does not count."""
    found = [[kind() for kind in kinds] for _ in range(turns + 1)][1:]
    return [statistics.median(of_one) for of_one in zip(*found, strict=True)]


def import_ms(turns: int) -> float:
    """Return what importing the plugin takes, in ms; raises RuntimeError where it loads something heavy."""
    found = []
    for _ in range(2 * turns):
        told = subprocess.run(
            [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, env=BARE
        ).stdout
        took, heavy = json.loads(told)
        if heavy:
            raise RuntimeError(f"heavy modules loaded: {', '.join(heavy)}")
        found.append(took)
    return statistics.median(found)


def sessions(folder: Path, tests: int, turns: int) -> list[Result]:
    """Return how much longer a session without workflows takes, with bytecode written and without."""
    found = []
    for told, environment in (("", BARE), (", no bytecode written", {**BARE, "PYTHONDONTWRITEBYTECODE": "1"})):
        ours, bare = in_turn(
            turns,
            lambda: seconds(folder, environment=environment),  # noqa: B023
            lambda: seconds(folder, *WITHOUT, environment=environment),  # noqa: B023
        )
        what = f"session of {tests} plain test{'s' * (tests != 1)}{told}"
        found += [
            Result(f"{what}: times one without the plugin", ours / bare, "", 1.02),
            Result(what, ours * 1000, "ms"),
            Result(what, bare * 1000, "ms", peer="-p no:comfy"),
        ]
    return found


def collection(there: Path, files: int, turns: int) -> list[Result]:
    """Return what collecting workflow files takes over as many empty tests."""
    names = [f"workflows/{at % 50}/{at}.json" for at in range(files)]
    bare = project(there / "bare", {name: workflow(at) for at, name in enumerate(names)})
    both = {name.replace(".json", ".toml"): 'tolerance = "strict"\n' for name in names}
    sidecars = project(there / "sidecars", {**{name: workflow(at) for at, name in enumerate(names)}, **both})
    tests = project(there / "tests", {"test_it.py": tests_of(files)})
    kinds = [lambda one=one: seconds(one, "--collect-only") for one in (bare, sidecars, tests)]
    took_bare, took_sidecars, took_tests = in_turn(min(turns, 3), *kinds)
    limit = 1.5 * files / FILES
    return [
        Result(f"collecting {files} workflows, over as many tests", took_bare - took_tests, "s", limit),
        Result(
            f"collecting {files} workflows with sidecars, over as many tests", took_sidecars - took_tests, "s", limit
        ),
    ]


def unused(there: Path, files: int) -> Result:
    """Return what looking for unused golden runs takes, where all of them are."""
    run = {"format": 1, "prompt": json.loads(workflow(1)), "events": [[0.1, {"type": "status"}]] * 30, "outputs": []}
    runs = {
        f"golden/{at % 50}/{at}/default/run.json": json.dumps({**run, "workflow": f"workflows/{at % 50}/{at}.json"})
        for at in range(files)
    }
    folder = project(there / "golden", {**runs, "conftest.py": TIMED, "test_it.py": tests_of(1)})
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "test_it.py"]
    told = subprocess.run(command, cwd=folder, env=BARE, capture_output=True, text=True, check=True).stdout
    [took] = [float(line.split()[1]) for line in told.splitlines() if line.startswith("took ")]
    return Result(f"looking for unused ones among {files} golden runs", took, "s", files / FILES)


def main() -> None:
    """Print what is measured."""
    for one in measure(Options()):
        limit = "" if one.limit is None else f" (at most {one.limit:g})"
        print(f"{one.what}{f', {one.peer}' if one.peer else ''}: {one.value:.3f} {one.unit}{limit}")


if __name__ == "__main__":
    main()
