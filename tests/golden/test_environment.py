"""The environment of a run: what is kept of it, and what changed since the golden run."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_comfy.golden.differences import changes
from pytest_comfy.golden.environment import (
    can_be_compared,
    describe_system,
    model_changes,
    model_facts,
    models_named,
    node_packs,
    pack_versions,
    summary,
    was_touched,
)

# /system_stats of a ComfyUI 0.8.0, as captured, shortened
STATS = {
    "system": {
        "os": "linux",
        "ram_total": 67430993920,
        "comfyui_version": "0.8.0",
        "python_version": "3.11.7 (main, Jan 1 2024, 00:00:00) [GCC 12.2.0]",
        "pytorch_version": "2.8.0+cu128",
        "embedded_python": False,
        "required_frontend_version": "1.35.9",
        "installed_templates_version": "0.7.67",
        "argv": ["/home/me/ComfyUI/main.py", "--port", "8188", "--cpu", "--base-directory", "/home/me/base"],
    },
    "devices": [{"name": "cuda:0 NVIDIA RTX 4090", "type": "cuda", "index": 0, "vram_total": 25282281472}],
}
ENVIRONMENT = {
    "version": 2,
    "comfyui": "0.8.0",
    "python": "3.11.7",
    "torch": "2.8.0+cu128",
    "os": "linux",
    "argv": ["--cpu"],
    "frontend": "1.35.9",
    "packages": {"comfyui-workflow-templates": "0.7.67"},
    "devices": [{"name": "cuda:0 NVIDIA RTX 4090", "type": "cuda", "vram_total": 25282281472}],
}


def test_what_is_kept():
    assert describe_system(STATS) == ENVIRONMENT


@pytest.mark.parametrize(
    ("argv", "kept"),
    [
        (["main.py", "--listen", "0.0.0.0", "--port", "1"], []),
        (["--fast", "fp16_accumulation", "cublas_ops"], ["--fast", "fp16_accumulation", "cublas_ops"]),
        (["--fast", "/opt/secret", "--cpu"], ["--fast", "--cpu"]),
        (["--fast", "C:\\Users\\me"], ["--fast"]),
        (["--fp8_e4m3fn-unet", "--bf16-vae", "--use-sage-attention"],
         ["--fp8_e4m3fn-unet", "--bf16-vae", "--use-sage-attention"]),
        (["--cache-lru", "10", "--output-directory", "out"], ["--cache-lru", "10"]),
        (["--directml=1", "--deterministic"], ["--directml=1", "--deterministic"]),
        (["--force-fp16", "--cuda-device", "0", "--lowvram"], ["--force-fp16", "--lowvram"]),
        (["--reserve-vram", "1.5", "--disable-async-offload", "--fast-disk"],
         ["--reserve-vram", "1.5", "--disable-async-offload", "--fast-disk"]),
        (["--enable-triton-backend", "--disable-dynamic-vram", "--vram-headroom=2"],
         ["--enable-triton-backend", "--disable-dynamic-vram", "--vram-headroom=2"]),
        ("--cpu", []),
        (None, []),
    ],
)  # fmt: skip
def test_flags(argv, kept):
    assert describe_system({"system": {"argv": argv}})["argv"] == kept


def test_paths_given_with_an_equals_sign_are_dropped():
    kept = describe_system({"system": {"argv": ["--base-directory=/home/me", "--fast=/home/me/x", "--cpu"]}})["argv"]
    assert "--cpu" in kept
    assert "/home" not in " ".join(kept)


# /system_stats of a ComfyUI 0.30.0, as captured, shortened
PACKAGES = [
    {"name": "comfyui-frontend-package", "installed": "1.48.7", "required": "1.47.11"},
    {"name": "comfyui-workflow-templates", "installed": "0.11.34", "required": "0.11.27"},
    {"name": "comfy-kitchen", "installed": "0.2.26", "required": "0.2.26"},
    {"name": "comfy-aimdo", "installed": None, "required": "0.4.11"},
]


def test_packages_and_page_of_newer_servers():
    system = {**STATS["system"], "required_frontend_version": "1.47.11", "comfy_package_versions": PACKAGES}
    told = describe_system({"system": system})
    assert told["frontend"] == "1.48.7"
    assert told["packages"] == {"comfyui-workflow-templates": "0.11.34", "comfy-kitchen": "0.2.26"}


def test_memory_of_the_machine_is_no_device_of_its_own():
    told = describe_system({"devices": [{"name": "cpu", "type": "cpu", "vram_total": 67430993920}]})
    assert told["devices"] == [{"name": "cpu", "type": "cpu"}]


@pytest.mark.parametrize("stats", [{}, {"system": 5, "devices": 5}, {"devices": [5, None, {}]}])
def test_stats_of_another_shape(stats):
    described = describe_system(stats)
    assert described["comfyui"] is None
    assert described["argv"] == []
    assert summary(described).startswith("ComfyUI of unknown version, torch of unknown version")


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "system",
                    "devices",
                    "argv",
                    "name",
                    "python_version",
                    "vram_total",
                    "comfy_package_versions",
                    "installed",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@settings(max_examples=150)
@given(st.dictionaries(st.sampled_from(["system", "devices"]), JSON))
def test_any_stats_are_described_and_equal_to_themselves(stats):
    described = describe_system(stats)
    assert set(described) == set(ENVIRONMENT)
    assert changes(described, described) == []
    assert summary(described)


def test_summary():
    assert summary(ENVIRONMENT) == "ComfyUI 0.8.0, torch 2.8.0+cu128, cuda:0 NVIDIA RTX 4090"


def test_models():
    prompt = {
        "1": {"class_type": "A", "inputs": {"ckpt": "sub\\b.SAFETENSORS", "text": "a.png", "link": ["2", 0]}},
        "2": {"class_type": "B", "inputs": {"lora": "a.gguf", "again": "a.gguf"}},
        "3": {"class_type": "C"},
    }
    assert models_named(prompt) == ["a.gguf", "sub\\b.SAFETENSORS"]


def test_node_packs():
    definitions = {
        "B": {"python_module": "custom_nodes.pack"},
        "A": {"python_module": "custom_nodes.pack"},
        "C": {"python_module": "nodes"},
        "D": {},
    }
    assert node_packs(definitions) == {"pack": ["A", "B"]}


def test_versions_of_node_packs_as_the_manager_tells_them():
    told = {
        "ComfyUI-KJNodes": {"ver": "1.1.9", "cnr_id": "comfyui-kjnodes", "aux_id": None, "enabled": True},
        "mine": {"ver": "a" * 40, "cnr_id": "", "aux_id": "me/mine", "enabled": True},
        "off": {"ver": "1.0.0", "cnr_id": "off", "aux_id": None, "enabled": False},
        "odd": {"ver": 5},
        "odder": "1.0",
    }
    assert pack_versions(told) == {"ComfyUI-KJNodes": "1.1.9", "mine": "a" * 40}
    assert pack_versions(["no object"]) == {}


def test_facts_of_a_model_as_servers_tell_them():
    """As ComfyUI 0.8.0 and 0.30.0 answer /experiment/models/vae and /view_metadata/vae."""
    entry = {"name": "a.safetensors", "pathIndex": 0, "modified": 1795652807.9467478, "created": 1795652797.0,
             "size": 9793276}  # fmt: skip
    metadata = {"modelspec.hash_sha256": "0xab", "modelspec.title": "mine", "sshs_model_hash": 5}
    assert model_facts("vae", entry, metadata) == {
        "folder": "vae", "size": 9793276, "modified": "2026-11-26T00:26:47.946Z",
        "touched": "2026-11-26T00:26:37.000Z", "modelspec.hash_sha256": "0xab",
    }  # fmt: skip


ANY = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers(), max_size=2)
FACTS = st.dictionaries(st.sampled_from(["folder", "size", "modified", "sshs_model_hash", "name"]), ANY)


@given(FACTS, ANY | FACTS)
def test_facts_of_hostile_servers(entry, metadata):
    facts = model_facts("vae", entry, metadata)
    assert all(isinstance(value, (int, str)) and not isinstance(value, bool) for value in facts.values())
    assert model_changes(facts, facts) is None


@given(ANY | FACTS, ANY | FACTS)
def test_changes_of_hostile_golden_runs(before, now):
    changes = model_changes(before, now)
    assert changes is None or can_be_compared(before, now)
    assert "\x1b" not in (changes or "")
    assert model_changes(before, before) is None


@pytest.mark.parametrize(
    ("before", "now", "touched"),
    [
        ({"size": 5, "touched": "a"}, {"size": 5, "touched": "b"}, True),
        ({"touched": "a"}, {"touched": "a"}, False),
        ({"size": 5}, {"size": 5, "touched": "b"}, False),
        ({"touched": "a"}, None, False),
        ({"touched": 5}, {"touched": "a"}, False),
    ],
)
def test_files_that_were_touched_alone(before, now, touched):
    assert was_touched(before, now) is touched
    assert model_changes(before, now) is None


@pytest.mark.parametrize(
    ("before", "now", "told", "comparable"),
    [
        ({"size": 5}, {"size": 6, "modified": "x"}, "size 6 (was 5)", True),
        ({"size": 5, "modified": "a"}, {"size": 5, "modified": "b"}, "modified b (was a)", True),
        ({"size": 5, "modified": "a"}, {"size": 5}, None, True),
        ({"size": float("nan")}, {"size": float("nan")}, None, False),
        ({"folder": "vae", "size": 5}, {"folder": "loras", "size": 5}, None, True),
        ({"size": 5}, {"modified": "b"}, None, False),
        ({"folder": "vae"}, {"folder": "vae", "size": 5}, None, False),
        ({}, {"size": 5}, None, False),
        (None, {"size": 5}, None, False),
    ],
)
def test_what_changed_of_a_model(before, now, told, comparable):
    assert model_changes(before, now) == told
    assert can_be_compared(before, now) is comparable
