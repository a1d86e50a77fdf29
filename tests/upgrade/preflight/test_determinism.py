"""What makes runs differ by themselves: seeds, noise of the device, dates, classes that never are cached."""

from __future__ import annotations

import pytest

from .scene import definitions, found, in_short, node, prompt, saved

CPU = {"devices": [{"name": "cpu", "type": "cpu"}]}
GPU = {"devices": [{"name": "cuda:0 A", "type": "cuda"}]}
NOISE = ("device-noise", "3", "sampler_name")


def sampled(name):
    graph = prompt()
    graph["3"]["inputs"]["sampler_name"] = name
    return graph


@pytest.mark.parametrize("word", ["randomize", "increment", "decrement"])
def test_seed_that_the_page_changes_is_told(word):
    (told,) = found(saved(word), definitions())
    assert (told.severity, told.kind, told.node, told.input) == ("info", "seed-control", "3", "seed")
    assert f"'seed' is left on {word}" in told.sentence


def test_fixed_seed_says_nothing():
    assert found(saved("fixed"), definitions()) == []


def test_seed_in_a_subgraph_is_told_by_its_id_in_the_prompt():
    from ui_form import document, subgraph

    inner = subgraph(
        "8b5f0d5e-3d1c-4b6e-9f0a-2f4f5c1e7a01", "Sample",
        [node(3, "KSampler", [1, "randomize", 20, 7.0, "euler", "normal", 1.0], [("model", "MODEL", None)])], [],
    )  # fmt: skip
    graph = document([node(40, inner["id"], title="Sample")], [], [inner])
    told = [one for one in found(graph, definitions()) if one.kind == "seed-control"]
    assert [(one.node, one.title) for one in told] == [("40:3", "Sample > KSampler")]


@pytest.mark.parametrize("sampler", ["euler_ancestral", "dpmpp_3m_sde_gpu", "lcm", "er_sde"])
def test_noise_of_the_device_is_told(sampler):
    assert in_short(found(sampled(sampler), definitions())) == [("info", *NOISE)]


@pytest.mark.parametrize("sampler", ["euler", "dpmpp_2m", "dpmpp_2m_sde", "dpmpp_3m_sde", "uni_pc"])
def test_noise_of_the_cpu_says_nothing(sampler):
    assert found(sampled(sampler), definitions()) == []


@pytest.mark.parametrize(("before", "now", "severity"), [(GPU, CPU, "warning"), (CPU, CPU, "info"), ({}, CPU, "info")])
def test_noise_of_another_kind_of_device_is_a_warning(before, now, severity):
    told = found(sampled("euler_ancestral"), definitions(), environment=before, system=now)
    assert in_short(told) == [(severity, *NOISE)]


@pytest.mark.parametrize(
    ("before", "now", "severity"),
    [
        ("0.3.64", "0.8.0", "warning"),
        ("0.8.0", "0.3.60", "warning"),
        ("0.8.0", "0.30.0", "info"),
        ("?", "0.8.0", "info"),
    ],
)
def test_other_noise_of_a_later_comfyui_on_a_cpu_is_a_warning(before, now, severity):
    environments = {"environment": {**CPU, "comfyui": before}, "system": {**CPU, "comfyui": now}}
    assert in_short(found(sampled("euler_ancestral"), definitions(), **environments)) == [(severity, *NOISE)]


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({"noise_device": "gpu", "eta": 1.0}, ["noise_device"]),
        ({"noise_device": "cpu", "eta": 1.0}, []),
        ({"noise_device": "gpu", "eta": 0}, []),
    ],
)
def test_classes_that_let_choose_the_device_are_told_by_their_choice(inputs, told):
    now = {"SamplerDPMPP_SDE": {"output_node": True}}
    graph = {"1": {"class_type": "SamplerDPMPP_SDE", "inputs": inputs}}
    assert [one.input for one in found(graph, now) if one.kind == "device-noise"] == told


@pytest.mark.parametrize("prefix", ["%date:yyyy-MM-dd%/fox", "fox_%year%", "%date%"])
def test_dates_are_told_in_both_forms(prefix):
    graph = prompt()
    graph["9"]["inputs"]["filename_prefix"] = prefix
    assert in_short(found(graph, definitions())) == [("info", "date", "9", "filename_prefix")]
    page = saved(**{"9": node(9, "SaveImage", [prefix], [("images", "IMAGE", 9)])})
    assert in_short(found(page, definitions())) == [("info", "date", "9", None)]


def test_percent_signs_are_no_dates():
    graph = prompt()
    graph["6"]["inputs"]["text"] = "50% grey, 20% %KSampler.seed%"
    assert found(graph, definitions()) == []


def test_class_that_always_counts_as_changed_is_told():
    graph = prompt()
    graph["9"]["class_type"] = "SaveImageWebsocket"
    graph["9"]["inputs"].pop("filename_prefix")
    assert in_short(found(graph, definitions())) == [("info", "always-runs", "9", None)]
