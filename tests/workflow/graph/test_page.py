"""Workflows drawn by `canvas.py` or written by hand, converted as ComfyUI's own page converted them.

Each file of `page/` is one workflow. `page` is what the front-ends 1.27.10 (of ComfyUI 0.3.64), 1.35.9 (of 0.8.0),
1.48.7 and 1.58.1 (on 0.30.0) made of it in Chromium, with dice that always show the first branch; null where they
failed. Where nothing is kept of one, it makes what the one before it makes. Where we differ, `differs` says why, and
`ours` is what we make of it.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest

from pytest_comfy.workflow.graph import ConversionError, ConversionWarning, to_prompt

HERE = Path(__file__).parent
PAGES = ("0.3.64", "0.8.0", "0.30.0", "0.30.0 on 1.58.1")
"""In the order of their front-ends; after `on` the one that the server does not come with."""
DEFINITIONS = {
    version: json.loads((HERE / f"definitions-{version}.json").read_text(encoding="utf-8"))
    for version in ("0.3.64", "0.8.0", "0.30.0")
}
CASES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted((HERE / "page").glob("*.json"))}


def kept(case, page):
    """Return the latest page up to one of which a case has something; None where there is none."""
    return next((one for one in reversed(PAGES[: PAGES.index(page) + 1]) if one in case["page"]), None)


PAIRS = [(name, page) for name, case in CASES.items() for page in PAGES if kept(case, page)]


@pytest.fixture
def first_branch(monkeypatch):
    monkeypatch.setattr("pytest_comfy.workflow.graph.texts.Chooser.__call__", lambda *_: 0)


def plain(prompt):
    return {node_id: (node["class_type"], node["inputs"]) for node_id, node in prompt.items()}


def prompt_of(case, page):
    """Convert a case's workflow as a page does it."""
    version, _, frontend = page.partition(" on ")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConversionWarning)
        return to_prompt(case["workflow"], DEFINITIONS[version], frontend=frontend)


@pytest.mark.parametrize(("name", "page"), PAIRS)
def test_pair(name, page, first_branch):
    case = CASES[name]
    of = kept(case, page)
    ours = case.get("ours", {})
    wanted = ours[page] if page in ours else ours[of] if of in ours else case["page"][of]
    if wanted is None:
        with pytest.raises(ConversionError):
            prompt_of(case, page)
    else:
        assert plain(prompt_of(case, page)) == plain(wanted)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "ours" in case])
def test_difference_is_one(name):
    """A reason to differ that has gone is taken out."""
    case = CASES[name]
    assert case["differs"]
    for page, ours in case["ours"].items():
        made = case["page"][kept(case, page)]
        assert made is not ours
        assert ours is None or plain(ours) != plain(made or {})
