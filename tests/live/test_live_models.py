"""A model file that is swapped under its own name, on a real ComfyUI at COMFY_URL whose models lie in COMFY_MODELS.

Any VAE among them serves; a copy of it is swapped, and removed at the end.
"""

from __future__ import annotations

import json
import os
import struct
import uuid
from pathlib import Path

import pytest
from projects import failure_of, section_of

from pytest_comfy import ComfyClient

MODELS = os.environ.get("COMFY_MODELS", "")
VAES = sorted(Path(MODELS, "vae").glob("*.safetensors")) if MODELS else []
WIDTHS = {"F32": 4, "F16": 2, "BF16": 2}

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not os.environ.get("COMFY_URL"), reason="needs a real ComfyUI at COMFY_URL"),
    pytest.mark.skipif(not VAES, reason="needs its folder of models, with a VAE in it, in COMFY_MODELS"),
]


def turned(data):
    """A model of the same names and size, with the sign of every weight turned."""
    start = 8 + struct.unpack_from("<Q", data)[0]
    kinds = {
        tensor["dtype"] for name, tensor in json.loads(data[8:start]).items() if not name.startswith("__")
    } - {"I64"}  # fmt: skip
    (width,) = {WIDTHS[kind] for kind in kinds}
    weights = bytearray(data[start:])
    weights[width - 1 :: width] = bytes(byte ^ 0x80 for byte in weights[width - 1 :: width])
    return data[:start] + bytes(weights)


@pytest.fixture
def model():
    """A model file of the server, of a name that no other run knows."""
    path = VAES[0].with_name(f"pytest-comfy-{uuid.uuid4().hex}.safetensors")
    path.write_bytes(VAES[0].read_bytes())
    yield path
    path.unlink()


@pytest.fixture
def swapping(project, model):
    """A workflow with that model, approved."""
    prompt = {
        "1": {"class_type": "VAELoader", "inputs": {"vae_name": model.name}},
        "2": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
        "3": {"class_type": "VAEDecode", "inputs": {"samples": ["2", 0], "vae": ["1", 0]}},
        "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "comfy-tests/models"}},
    }
    project.workflow(prompt=prompt)
    project.url = os.environ["COMFY_URL"]
    project.run("--comfy-url", project.url, "--comfy-update=missing").assert_outcomes(passed=1)
    return project


def test_environment_tells_the_file(swapping, model):
    (told,) = swapping.read("golden/txt2img/default/run.json")["environment"]["models"].values()
    assert told["size"] == model.stat().st_size
    assert told["folder"] == "vae" and told["modified"].startswith("20")


def test_swapped_model_is_caught_while_the_server_keeps_the_earlier_one(swapping, model):
    swapping.run("--comfy-url", swapping.url).assert_outcomes(passed=1)
    before = model.read_bytes()
    model.write_bytes(turned(before))
    with ComfyClient(swapping.url) as client:
        cached = client.run(swapping.read("workflows/txt2img.json"))
        assert "1" in cached.cached  # so that without being loaded anew it would pass
    result = swapping.run("--comfy-url", swapping.url)
    result.assert_outcomes(failed=1)
    lines = failure_of(result, "txt2img.json [default]")
    assert lines[0].startswith("different: node 4 ")
    assert any(line.startswith(f"models changed since the golden run: {model.name}: modified ") for line in lines)
    model.write_bytes(before)
    swapping.run("--comfy-url", swapping.url).assert_outcomes(passed=1)


def test_swapped_with_size_and_time_kept(swapping, model):
    """What ComfyUI tells as `created` is when the file was last touched, which no copy takes along."""
    swapping.run("--comfy-url", swapping.url).assert_outcomes(passed=1)
    times = model.stat().st_mtime_ns
    model.write_bytes(turned(model.read_bytes()))
    os.utime(model, ns=(times, times))
    swapping.run("--comfy-url", swapping.url).assert_outcomes(failed=1)


def test_fresh(swapping, model):
    result = swapping.run("--comfy-url", swapping.url, "--comfy-fresh")
    result.assert_outcomes(passed=1)
    assert not any(line.startswith("models: ") for line in section_of(result, "comfy"))
    swapping.run("--comfy-url", swapping.url).assert_outcomes(passed=1)
    path = swapping.root / "golden/txt2img/default/run.json"
    kept = swapping.read(path)
    for facts in kept["environment"]["models"].values():
        del facts["touched"]  # as golden runs were before, so that nothing tells of it
    swapping.write(path, kept)
    times = model.stat().st_mtime_ns
    model.write_bytes(turned(model.read_bytes()))
    os.utime(model, ns=(times, times))
    swapping.run("--comfy-url", swapping.url).assert_outcomes(passed=1)
    swapping.run("--comfy-url", swapping.url, "--comfy-fresh").assert_outcomes(failed=1)
