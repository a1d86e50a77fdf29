"""One fake server per folder of captures, driven through all its scenarios once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from pytest_comfy.server import FakeComfyServer, faults

from .driver import Driver
from .life import Life
from .scenario import compare_scenario


@cache
def life_of(folder: Path) -> Life:
    """Read a folder of captures, once."""
    return Life.load(folder)


@dataclass(frozen=True)
class Outcome:
    """What came of a server life.

    differences  scenario -> what our server does otherwise
    unused       cases of the golden runs that no prompt asked for
    """

    differences: dict[str, list[str]]
    unused: list[str]


def play(life: Life, *wrong: faults.Fault) -> Outcome:
    """Drive a server through all scenarios of a life; `wrong` is what it is told to do wrong."""
    found: dict[str, list[str]] = {}
    with FakeComfyServer(life.runs, exchanges=life.exchanges) as server:
        driver = Driver(server)
        trouble = driver.before(life)
        if wrong:
            server.faults.add(*wrong)
        for capture in life.captures:
            heard, missed = driver.drive(capture, life.uncounted(capture))
            found[capture.scenario] = trouble + missed + compare_scenario(capture.events, heard, driver.names)
            trouble = []
        return Outcome(found, [run.document["case"] for run in server.unused])


@pytest.fixture(scope="session")
def outcome():
    """Return a function: folder of captures -> outcome; each folder is played once."""
    return cache(lambda folder: play(life_of(folder)))
