"""The page of a real ComfyUI queues a workflow, we queue the same file: both prompts in the history are the same.

And what is kept in `tests/workflow/graph/page` is what the page makes of these files today.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from chromium import CHROMIUM, page_at

from pytest_comfy import ComfyClient
from pytest_comfy.workflow import Workflow
from pytest_comfy.workflow.digest import NONCE_INPUT

WORKFLOWS = sorted((Path(__file__).parent / "page").glob("*.json"))
PAGES = ("0.3.64", "0.8.0", "0.30.0", "0.30.0 on 1.58.1")
"""As in `tests/workflow/graph/test_page.py`: where nothing is kept of one, it makes what the one before it makes."""
PAIRS = sorted((Path(__file__).parent.parent / "workflow/graph/page").glob("*.json"))

pytestmark = [
    pytest.mark.live,
    pytest.mark.browser,
    pytest.mark.skipif(not os.environ.get("COMFY_URL"), reason="needs a real ComfyUI at COMFY_URL"),
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
]

QUEUE = """async workflow => {
    await window.app.loadGraphData(workflow);
    const queued = new Promise(done => {
        const post = window.app.api.queuePrompt.bind(window.app.api);
        window.app.api.queuePrompt = async (...all) => { const reply = await post(...all); done(reply); return reply };
    });
    await window.app.queuePrompt(0, 1);
    return (await queued).prompt_id;
}"""

CONVERT = """async workflow => {
    Math.random = () => 0;
    try {
        await window.app.loadGraphData(workflow);
        await new Promise(done => requestAnimationFrame(() => setTimeout(done, 60)));  // Reroutes settle after it
        return JSON.parse(JSON.stringify((await window.app.graphToPrompt()).output));
    } catch (error) {
        return null;
    }
}"""


@pytest.fixture(scope="module")
def page():
    with page_at(os.environ["COMFY_URL"], classes=50) as page:
        yield page


@pytest.fixture
def client():
    with ComfyClient(os.environ["COMFY_URL"]) as client:
        yield client


def queued(entry):
    """Return what a history entry says was queued, but for titles, which the page translates, and our nonce."""
    return {
        node_id: {
            "class_type": node["class_type"],
            "inputs": {name: value for name, value in node["inputs"].items() if name != NONCE_INPUT},
        }
        for node_id, node in entry["prompt"][2].items()
    }


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_page_and_converter_queue_the_same_prompt(page, client, path):
    by_page = page.evaluate(QUEUE, json.loads(path.read_text(encoding="utf-8")))
    page.wait_for_function(
        "async id => id in await (await fetch(`/history/${id}`)).json()", arg=by_page, timeout=60_000
    )
    run = client.run(Workflow.load(path))
    history = client.http.get("/history").json()
    assert queued(history[run.prompt_id]) == queued(history[by_page])
    assert run.images


@pytest.mark.parametrize("path", PAIRS, ids=lambda path: path.stem)
def test_kept_pairs_are_what_the_page_makes(page, client, path):
    case = json.loads(path.read_text(encoding="utf-8"))
    version = client.system_stats()["system"]["comfyui_version"]
    ours = f"{version} on {page.evaluate('() => window.__COMFYUI_FRONTEND_VERSION__')}"
    known = [one for one in PAGES if one in case["page"]]
    before = [
        one for one in known if PAGES.index(one) <= (PAGES.index(ours) if ours in PAGES else PAGES.index(version))
    ]
    if not before:
        pytest.skip(f"nothing is kept of ComfyUI {version}")
    found = page.evaluate(CONVERT, case["workflow"])
    if found is not None:
        found = {key: {"class_type": node.get("class_type"), "inputs": node["inputs"]} for key, node in found.items()}
    assert found == case["page"][before[-1]]
