"""Against a real ComfyUI at COMFY_URL, with nodes that need no model."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator

import pytest

from pytest_comfy import ComfyClient
from pytest_comfy.client import ExecutionError, PromptRejected, RunTimeout

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not os.environ.get("COMFY_URL"), reason="needs a real ComfyUI at COMFY_URL"),
]


@pytest.fixture
def client() -> Iterator[ComfyClient]:
    with ComfyClient(os.environ["COMFY_URL"]) as client:
        yield client


def prompt(color: int, side: int = 64, batch: int = 1) -> dict:
    size = {"width": side, "height": side, "batch_size": batch, "color": color}
    return {
        "1": {"class_type": "EmptyImage", "inputs": size},
        "2": {"class_type": "ImageBlur", "inputs": {"image": ["1", 0], "blur_radius": 3, "sigma": 1.0}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "comfy-tests/live"}},
        "4": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    }


def fresh_color() -> int:
    return time.time_ns() // 1000 % 0xFFFFFF


def test_a_run_has_pictures_and_events(client):
    run = client.run(prompt(fresh_color(), batch=2))
    assert [output.name for output in run.outputs] == ["3.images.0", "3.images.1", "4.images.0", "4.images.1"]
    assert {output.type for output in run.outputs} == {"output", "temp"}
    assert [image.size for image in run.images] == [(64, 64)] * 4
    assert run.events[0].type == "execution_start"
    assert run.events[-1].data["node"] is None
    assert run.status["status_str"] == "success"


def test_a_cached_run_is_made_to_run(client):
    graph = prompt(fresh_color())
    first, second = client.run(graph), client.run(graph)
    assert (first.cache_bust, second.cache_bust) == (None, "nonce")
    assert second.cached == frozenset()
    assert [image.tobytes() for image in first.images] == [image.tobytes() for image in second.images]


def test_refusals_name_node_and_input(client):
    graph = prompt(fresh_color())
    graph["2"]["inputs"]["blur_radius"] = 0
    with pytest.raises(PromptRejected, match=r"node 2 \(ImageBlur\): input 'blur_radius': .* min 1 and max 31"):
        client.run(graph)


def test_dropped_outputs_are_refused_and_nothing_is_left_in_the_queue(client):
    graph = prompt(fresh_color())
    graph["5"] = {"class_type": "SaveImage", "inputs": {"filename_prefix": "x"}}
    with pytest.raises(PromptRejected, match=r"drop node 5 \(SaveImage\)"):
        client.run(graph)
    queue = client.http.get("/queue").object()
    assert client.client_id not in json.dumps(queue["queue_pending"])


def test_a_failing_node_is_named(client):
    graph = prompt(fresh_color())
    graph["3"]["inputs"]["filename_prefix"] = "../../escape"
    with pytest.raises(ExecutionError, match=r"node 3 \(SaveImage\) failed: Exception"):
        client.run(graph)


def test_a_run_past_its_limit_is_cancelled(client):
    graph = prompt(fresh_color(), side=4096, batch=8)
    with pytest.raises(RunTimeout, match=r"limit of 0\.2 s"):
        client.run(graph, timeout=0.2)
    assert client.run(prompt(fresh_color())).outputs


def test_an_upload_is_found_by_the_name_given(client, tmp_path):
    from PIL import Image

    path = tmp_path / "blue.png"
    Image.new("RGB", (32, 16), "blue").save(path)
    name = client.upload(path.read_bytes(), "blue.png")
    assert client.upload(path.read_bytes(), "blue.png") == name
    run = client.run(
        {
            "1": {"class_type": "LoadImage", "inputs": {"image": name}},
            "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
        }
    )
    assert run.images[0].size == (32, 16)
    assert run.images[0].getpixel((5, 5)) == (0, 0, 255)
