"""ComfyUI's own page on the fake server: it starts, queues what was recorded, and shows the outputs.

The page is no part of this project: COMFY_WEB_ROOT names its folder, which is `static` of the package
comfyui-frontend-package; several are separated as those of PATH are.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from chromium import CHROMIUM, page_at

from pytest_comfy.server import FakeComfyServer

HERE = Path(__file__).parents[2]
ROOTS = [Path(name) for name in os.environ.get("COMFY_WEB_ROOT", "").split(os.pathsep) if name]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
    pytest.mark.skipif(not ROOTS, reason="needs a folder of ComfyUI's page at COMFY_WEB_ROOT"),
]

QUEUE = """async prompt => {
    await window.app.loadApiJson(prompt, 'recorded');
    const done = new Promise(end => {
        for (const type of ['execution_success', 'execution_error'])
            window.app.api.addEventListener(type, () => end(type));
    });
    await window.app.queuePrompt(0, 1);
    return await done;
}"""
SHOWN = """id => {
    const shown = window.app.graph.getNodeById(id)?.imgs ?? [];
    return shown.length && shown.every(one => one.complete) ? shown.map(one => one.naturalWidth) : null;
}"""


@pytest.fixture(params=ROOTS or [None], ids=lambda root: root.parent.parent.name if root else "none")
def server(request):
    with FakeComfyServer(HERE / "golden/image/mask", version="0.30.0", speed=0, web_root=request.param) as server:
        yield server


def test_the_page_queues_what_was_recorded_and_shows_it(server):
    prompt = json.loads((HERE / "workflows/image/mask.json").read_text(encoding="utf-8"))
    saver = next(node_id for node_id, node in prompt.items() if node["class_type"] == "SaveImage")
    previews = next(node_id for node_id, node in prompt.items() if node["class_type"] == "MaskPreview")
    with page_at(server.url) as page:
        assert page.evaluate(QUEUE, prompt) == "execution_success"
        outputs = page.evaluate("() => JSON.parse(JSON.stringify(window.app.nodeOutputs))")
        assert outputs[saver]["images"][0]["filename"] == "mask_00001_.png"
        assert page.wait_for_function(SHOWN, arg=previews).json_value() == [96]
