"""What differs of two environments: of what both could tell, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_comfy.golden.differences import changes, difference, differences

CARD = {"name": "cuda:0 NVIDIA RTX 4090 : cudaMallocAsync", "type": "cuda", "vram_total": 25282281472}
ENVIRONMENT = {
    "version": 2,
    "comfyui": "0.8.0",
    "python": "3.11.7",
    "torch": "2.8.0+cu128",
    "attention": "pytorch",
    "os": "linux",
    "argv": ["--cpu"],
    "frontend": "1.35.9",
    "packages": {"comfyui-workflow-templates": "0.7.67", "comfy-kitchen": "0.2.26"},
    "devices": [CARD],
    "models": {"a.safetensors": {"folder": "vae", "size": 5, "modified": "b", "touched": "c"}},
    "node_packs": {"KJNodes": ["Blur", "Grow"]},
    "pack_versions": {"KJNodes": "1.1.9"},
}
OLD = {key: ENVIRONMENT[key] for key in ("comfyui", "python", "torch", "os", "argv", "models", "node_packs")} | {
    "devices": [{"name": CARD["name"], "type": "cuda"}]
}
"""The same as it was kept before environments had a version."""


def test_it_names_what_changed_and_nothing_else():
    assert difference(ENVIRONMENT, {**ENVIRONMENT, "torch": "2.9.0"}) == ("golden: torch 2.8.0+cu128; now: torch 2.9.0")
    now = {**ENVIRONMENT, "comfyui": "0.9.0", "argv": [], "devices": [{"name": "cpu", "type": "cpu"}]}
    assert difference(ENVIRONMENT, now) == (
        "golden: ComfyUI 0.8.0, device cuda:0 NVIDIA RTX 4090, flags --cpu; now: ComfyUI 0.9.0, device cpu, flags none"
    )
    assert difference(ENVIRONMENT, dict(ENVIRONMENT)) is None
    assert difference({}, {}) is None


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ({"torch": "2.9.0"}, "torch 2.8.0+cu128 -> 2.9.0"),
        ({"commit": "abc"}, None),
        ({"commit": "def"}, None),
        ({"attention": "xformers"}, "attention pytorch -> xformers"),
        ({"vram_state": "LOW_VRAM"}, None),
        ({"frontend": "1.48.7"}, "front-end 1.35.9 -> 1.48.7"),
        ({"frontend": None}, None),
        ({"packages": {"comfyui-workflow-templates": "0.11.34"}}, None),
        ({"packages": {"comfy-kitchen": "0.3.0", "comfy-aimdo": "0.4.11"}}, "comfy-kitchen 0.2.26 -> 0.3.0"),
        ({"argv": ["--cpu", "--fast", "fp16_accumulation"]}, "flags --cpu -> --cpu --fast fp16_accumulation"),
        ({"argv": []}, "flags --cpu -> none"),
        ({"os": "posix"}, None),
        ({"os": "darwin"}, "os linux -> darwin"),
        ({"os": "nt"}, "os linux -> nt"),
        ({"devices": [{**CARD, "name": "cuda:0 NVIDIA L4 : native", "vram_total": 1}]},
         "device cuda:0 NVIDIA RTX 4090 -> cuda:0 NVIDIA L4"),
        ({"devices": [{**CARD, "name": "cuda:0 NVIDIA RTX 4090 : native"}]},
         "memory allocator cudaMallocAsync -> native"),
        ({"devices": [{**CARD, "vram_total": 25252134912}]}, "VRAM 23.55 GiB -> 23.52 GiB"),
        ({"devices": [CARD, {**CARD, "name": "cuda:1 NVIDIA L4 : native"}]}, None),
        ({"pack_versions": {"KJNodes": "0123456789" * 4}}, "node pack KJNodes 1.1.9 -> 0123456789"),
        ({"pack_versions": {}}, None),
        ({"node_packs": {"Fork": ["Blur"], "KJNodes": ["Grow"]}}, "node pack of Blur KJNodes -> Fork"),
        ({"node_packs": {}}, None),
        ({"models": {"a.safetensors": {"folder": "vae", "size": 6, "modified": "b", "sshs_model_hash": "c"}}},
         "model a.safetensors size 5 -> size 6"),
        ({"models": {"a.safetensors": {"folder": "vae", "size": 5, "modified": "b", "touched": "d"}}}, None),
        ({"models": {"a.safetensors": {}, "b.safetensors": {"size": 1}}}, None),
    ],
)  # fmt: skip
def test_one_change(now, told):
    assert differences(ENVIRONMENT, {**ENVIRONMENT, **now}) == ([told] if told else [])


def test_old_golden_runs_are_no_difference():
    assert differences(OLD, ENVIRONMENT) == []
    assert differences(ENVIRONMENT, OLD) == []
    assert differences(OLD, {**ENVIRONMENT, "comfyui": "0.30.0"}) == ["ComfyUI 0.8.0 -> 0.30.0"]


def test_flags_that_were_not_kept_before_count_when_both_keep_them():
    with_more = {**ENVIRONMENT, "argv": ["--cpu", "--reserve-vram", "2"]}
    assert differences(OLD, with_more) == []
    assert differences(ENVIRONMENT, with_more) == ["flags --cpu -> --cpu --reserve-vram 2"]


def test_the_order_of_flags_is_no_difference():
    one = {**ENVIRONMENT, "argv": ["--fast", "b", "--cpu"]}
    assert differences(one, {**ENVIRONMENT, "argv": ["--cpu", "--fast", "b"]}) == []


def test_what_only_one_of_them_tells_is_no_difference():
    assert differences({"torch": "2.8.0"}, {}) == []
    assert differences({}, {"argv": ["--cpu"]}) == []


def test_servers_of_other_generations_tell_the_system_in_other_words():
    assert differences({"os": "posix"}, {"os": "linux"}) == []
    assert differences({"os": "nt"}, {"os": "win32"}) == []
    assert differences({"os": "posix"}, {"os": "win32"}) == ["os posix -> win32"]


def test_neither_folders_nor_escapes_are_told():
    told = difference({"torch": "\x1b[31m2.8\n"}, {"torch": "x" * 999})
    assert told is not None
    assert "\x1b" not in told
    assert len(told) < 500
    assert differences({"torch": "/home/me/torch"}, {"torch": "2.8"}) == ["torch …/torch -> 2.8"]


KEYS = st.sampled_from([*ENVIRONMENT, "commit", "name", "vram_total", "KJNodes", "a.safetensors"])
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=200)
@given(st.dictionaries(KEYS, ANY), st.dictionaries(KEYS, ANY))
def test_any_environments(golden, now):
    assert changes(golden, golden) == []
    assert all(len(line) <= 200 for line in differences(golden, now))
    assert len(changes(golden, now)) == len(changes(now, golden))
