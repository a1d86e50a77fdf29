"""`pytest-comfy diff` of two environments' golden folders, with a third one that was approved."""

from __future__ import annotations

import json

import pytest
from projects import graph, png, recorded

from pytest_comfy.commands.__main__ import main
from pytest_comfy.golden import GoldenStore

SOFT = 90


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Write golden runs of several workflows: {folder: {workflow: shift}}."""
    monkeypatch.chdir(tmp_path)

    def write(versions, **shifts):
        for folder, version in versions.items():
            for name, shift in shifts.items():
                made = {"9": {"images": [png(1, shift=shift[folder])]}}
                run = recorded(graph(), made, environment={"comfyui": version})
                GoldenStore(tmp_path / folder).write(f"{name}/default", run)

    return write


VERSIONS = {"golden": "0.8.0", "old": "0.8.0", "new": "0.30.0"}
CASES = {
    "worse": {"golden": 0, "old": 0, "new": SOFT},
    "better": {"golden": 0, "old": SOFT, "new": 0},
    "stale": {"golden": 0, "old": SOFT, "new": SOFT},
    "alike": {"golden": 0, "old": 0, "new": 0},
}


def test_what_differs_between_the_environments_is_told_once(folders, capsys):
    folders(VERSIONS, **CASES)
    assert main(["diff", "old", "new"]) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[-2:] == [
        "different: 2 different, 2 identical",
        "environment: ComfyUI 0.8.0 -> 0.30.0 (in 4 of 4 golden runs)",
    ]


def test_a_third_folder_says_who_is_right(folders, capsys):
    folders(VERSIONS, **CASES)
    assert main(["diff", "old", "new", "--golden", "golden"]) == 1
    out = capsys.readouterr().out.splitlines()
    assert [line.partition(": node")[0] for line in out[:3]] == [
        "improved: different: better/default",
        "golden stale: identical: stale/default",
        "regression: different: worse/default",
    ]
    assert out[4] == "new against old: 1 regression, 1 golden stale, 1 improved, 1 same"


def test_a_run_that_one_folder_alone_has_is_held_against_what_was_approved(folders, capsys):
    folders({"golden": "0.8.0", "old": "0.8.0", "new": "0.30.0"}, alike=CASES["alike"])
    folders({"golden": "0.8.0", "old": "0.8.0"}, gone={"golden": 0, "old": 0})
    folders({"golden": "0.8.0", "new": "0.30.0"}, back={"golden": 0, "new": 0})
    folders({"old": "0.8.0", "new": "0.30.0"}, unknown={"old": 0, "new": SOFT})
    assert main(["diff", "old", "new", "--golden", "golden"]) == 1
    out = capsys.readouterr().out.splitlines()
    assert "regression: missing: gone/default/run.json: only in old" in out
    assert "improved: unexpected: back/default/run.json: only in new" in out
    assert any(line.startswith("different: unknown/default: node 9") for line in out)


def test_a_folder_that_is_not_there_is_named(folders, capsys):
    folders(VERSIONS, **CASES)
    assert main(["diff", "old", "nowhere", "--golden", "golden"]) == 2
    assert "nowhere: is not there: --golden takes three folders" in capsys.readouterr().err


def test_what_the_new_one_makes_no_worse_is_no_failure(folders, capsys):
    folders(VERSIONS, **{name: CASES[name] for name in ("better", "stale", "alike")})
    assert main(["diff", "old", "new", "--golden", "golden", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["trends"] == {"improved": 1, "golden stale": 1, "same": 1}
    assert [item["trend"] for item in document["items"]] == ["same", "improved", "golden stale"]
    assert document["environment"] == {"runs": 3, "changes": [{"change": "ComfyUI 0.8.0 -> 0.30.0", "runs": 3}]}


def test_what_nobody_approved_differs_or_does_not(folders, capsys):
    folders({"old": "0.8.0", "new": "0.8.0"}, one={"old": 0, "new": SOFT}, other={"old": 0, "new": 0})
    folders({"golden": "0.8.0"}, third={"golden": 0})
    assert main(["diff", "old", "new", "--golden", "golden"]) == 1
    assert "new against old: 1 different, 1 same" in capsys.readouterr().out


def test_it_is_for_folders(folders, capsys):
    folders({"old": "0.8.0", "new": "0.8.0"}, one={"old": 0, "new": 0})
    assert main(["diff", "old", "new", "--golden", "nowhere"]) == 2
    assert "nowhere: is not there: --golden takes three folders" in capsys.readouterr().err
