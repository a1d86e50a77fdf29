"""The captures against the fake server, and the comparison against captures that were tampered with."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_comfy.golden import GoldenRun
from pytest_comfy.server import faults

from .conftest import life_of, play

CAPTURES = Path(__file__).parent.parent / "captures"
FOLDERS = [
    *sorted(path for path in CAPTURES.iterdir() if path.is_dir()),
    *(Path(one) for one in os.environ.get("CAPTURES", "").split(os.pathsep) if one),
]
"""Those of the repository, and the folders that `CAPTURES` names."""

SCENARIOS = [
    pytest.param(folder, path.name.partition(".")[0], id=f"{folder.name}-{path.name.partition('.')[0]}")
    for folder in FOLDERS
    for path in sorted([*folder.glob("*.json"), *folder.glob("*.json.gz")])
]

SHOWN = 25
"""Differences in the message of a failure."""


def test_captures_are_there():
    assert len(SCENARIOS) >= 60


@pytest.mark.parametrize(("folder", "scenario"), SCENARIOS)
def test_server_answers_as_the_real_one_did(folder, scenario, outcome):
    found = outcome(folder).differences[scenario]
    if found:
        more = f"\n... and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        listed = "\n".join(f"- {text}" for text in found[:SHOWN])
        pytest.fail(f"{scenario} of {folder.name}: {len(found)} differences\n{listed}{more}", pytrace=False)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_golden_run_made_of_the_captures_was_asked_for(folder, outcome):
    assert outcome(folder).unused == []


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (faults.drop("executed"), "expected [executed 4"),
        (faults.duplicate("execution_start"), "expected nothing, got [execution_start"),
        (faults.reorder("executing"), "expected nothing, got [progress_state"),
    ],
    ids=["dropped", "sent twice", "out of order"],
)
def test_a_server_that_does_otherwise_is_told(fault, told):
    life = life_of(CAPTURES / "0.3.64")
    found = play(replace(life, captures=life.captures[:1]), fault).differences["success"]
    assert any(told in text for text in found), found


def test_a_server_that_answers_otherwise_is_told():
    life = life_of(CAPTURES / "0.3.64")
    golden = life.runs[0]
    meta = {node: {**told, "display_node": "77"} for node, told in golden.document["meta"].items()}
    wrong = GoldenRun({**golden.document, "meta": meta}, None, dict.fromkeys(golden.blobs, b"other"))
    found = play(replace(life, captures=life.captures[:1], runs=[wrong])).differences["success"]
    assert any("/history/" in text and "meta" in text for text in found), found
    assert any("/view" in text and "got 5 bytes" in text for text in found), found


def test_a_folder_may_hold_some_scenarios_of_a_life(tmp_path):
    for scenario in ("two_clients_queue", "txt2img_previews", "front_of_queue"):
        shutil.copy(CAPTURES / "0.8.0" / f"{scenario}.json.gz", tmp_path)
    found = play(life_of(tmp_path)).differences
    assert found == {"txt2img_previews": [], "two_clients_queue": [], "front_of_queue": []}
