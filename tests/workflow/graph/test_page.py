"""Workflows drawn by `canvas.py`, converted as ComfyUI's own page converted them.

Each file of `page/` is one workflow. `page` is what the front-ends 1.35.9 (of ComfyUI 0.8.0) and 1.27.10 (of 0.3.64)
made of it in Chromium, with dice that always show the first branch; null where they failed. Where we differ, `differs`
says why, and `ours` is what we make of it.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest

from pytest_comfy.workflow.graph import ConversionError, ConversionWarning, to_prompt

HERE = Path(__file__).parent
VERSIONS = ("0.8.0", "0.3.64")
DEFINITIONS = {
    version: json.loads((HERE / f"definitions-{version}.json").read_text(encoding="utf-8")) for version in VERSIONS
}
CASES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted((HERE / "page").glob("*.json"))}
PAIRS = [(name, version) for name, case in CASES.items() for version in case["page"]]


@pytest.fixture
def first_branch(monkeypatch):
    monkeypatch.setattr("pytest_comfy.workflow.graph.texts.Chooser.__call__", lambda *_: 0)


def plain(prompt):
    return {node_id: (node["class_type"], node["inputs"]) for node_id, node in prompt.items()}


@pytest.mark.parametrize(("name", "version"), PAIRS)
def test_pair(name, version, first_branch):
    case = CASES[name]
    wanted = case.get("ours", case["page"]).get(version, case["page"][version])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConversionWarning)
        if wanted is None:
            with pytest.raises(ConversionError):
                to_prompt(case["workflow"], DEFINITIONS[version])
        else:
            assert plain(to_prompt(case["workflow"], DEFINITIONS[version])) == plain(wanted)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "ours" in case])
def test_difference_is_one(name):
    """A reason to differ that has gone is taken out."""
    case = CASES[name]
    assert case["differs"]
    for version, ours in case["ours"].items():
        assert ours is None or plain(ours) != plain(case["page"][version] or {})
