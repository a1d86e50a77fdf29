"""The saved forms of node packs, each built from what the pack's own JavaScript writes and sends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_comfy.workflow.graph import convert

CASES = sorted((Path(__file__).parent / "packs").glob("*.json"))


def plain(prompt):
    return {node_id: (node["class_type"], node["inputs"]) for node_id, node in prompt.items()}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_pack(path):
    case = json.loads(path.read_text(encoding="utf-8"))
    assert plain(convert(case["workflow"], case["definitions"]).prompt) == plain(case["prompt"]), case["about"]
