"""`requires` of a sidecar: what it may say, and what of it a server lacks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_comfy.cases.requirements import checked_requirements, unmet
from pytest_comfy.session.given import SettingsError

GPU = {"name": "cuda:0 NVIDIA GeForce RTX 4090 : cudaMallocAsync", "type": "cuda", "vram_total": 25_757_220_864}
CPU = {"name": "cpu", "type": "cpu", "vram_total": 128 * 10**9}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def stats(*devices, version="0.30.0"):
    return {"system": {"comfyui_version": version}, "devices": [*devices]}


def models(folder):
    return {"": ["checkpoints", "loras"], "checkpoints": ["sd.safetensors", "xl\\big.safetensors"]}.get(folder)


@pytest.mark.parametrize(
    "needs",
    [
        {}, {"vram_gb": 24}, {"vram_gb": 24, "device": "cuda"}, {"device": "RTX 4090"}, {"device": "CUDA"},
        {"comfyui": ">=0.8"}, {"comfyui": ">=0.8, <1"}, {"comfyui": "==0.30"}, {"comfyui": "!=0.29"},
        {"models": ["sd.safetensors", "xl/big.safetensors", "checkpoints/sd.safetensors"]},
    ],
)  # fmt: skip
def test_what_a_server_has(needs):
    assert unmet(checked_requirements(needs, "requires"), stats(CPU, GPU), models) == ""


@pytest.mark.parametrize(
    ("needs", "told"),
    [
        ({"vram_gb": 32}, "requires 32 GB of VRAM, and it has 25.8 GB"),
        ({"device": "mps"}, "requires device 'mps', and it has cpu, cuda:0 NVIDIA GeForce RTX 4090 : cudaMallocAsync"),
        ({"comfyui": ">0.30"}, "requires ComfyUI >0.30, and it is 0.30.0"),
        ({"models": ["sd.safetensors", "other.ckpt"]}, "requires model other.ckpt, which it does not have"),
    ],
)
def test_what_it_lacks(needs, told):
    assert unmet(checked_requirements(needs, "requires"), stats(CPU, GPU), models) == told


def test_memory_of_the_machine_is_no_vram():
    assert unmet({"vram_gb": 24}, stats(CPU), models) == "requires 24 GB of VRAM, and it has 0 GB"
    assert unmet({"vram_gb": 24, "device": "cpu"}, stats(CPU), models) == ""


@given(JSON, JSON)
def test_whatever_a_server_tells(told, version):
    needs = {"vram_gb": 1, "device": "cuda", "comfyui": ">=0.8", "models": ["a.ckpt"]}
    for found in (
        told,
        {"devices": told, "system": told},
        {"devices": [told, GPU], "system": {"comfyui_version": version}},
    ):
        if isinstance(found, dict):
            assert isinstance(unmet(needs, found, lambda folder: None), str)


@given(JSON)
def test_what_is_no_requirement_is_refused_in_a_sentence(value):
    for given_value in (value, *({key: value} for key in ("vram_gb", "device", "comfyui", "models", "else"))):
        try:
            found = checked_requirements(given_value, "a.toml: requires")
        except SettingsError as error:
            assert str(error).startswith("a.toml: requires")
        else:
            assert isinstance(unmet(found, stats(GPU), models), str)
