"""What makes two runs of one workflow differ by themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...text import plain, shown
from ...workflow.graph.specs import definition_specs
from .finding import Finding
from .known import Given, Known
from .nodes import Node

DEVICE_SAMPLERS = frozenset(
    ("euler_ancestral", "euler_ancestral_cfg_pp", "dpm_2_ancestral", "dpmpp_2s_ancestral", "dpmpp_2s_ancestral_cfg_pp",
     "dpmpp_sde_gpu", "dpmpp_2m_sde_gpu", "dpmpp_2m_sde_heun_gpu", "dpmpp_3m_sde_gpu", "ddpm", "lcm",
     "res_multistep_ancestral", "res_multistep_ancestral_cfg_pp", "er_sde", "exp_heun_2_x0_sde", "seeds_2", "seeds_3",
     "sa_solver", "sa_solver_pece")
)  # fmt: skip
"""Samplers that draw noise in every step by a generator of the device that they run on.

Source: comfy/k_diffusion/sampling.py of ComfyUI 0.3.64, 0.8.0 and 0.30.0, `default_noise_sampler` and
`BrownianTreeNoiseSampler(cpu=False)`. The other SDE samplers draw theirs on the CPU, whatever they run on.
"""
DEVICE_CLASSES = frozenset(
    ("SamplerEulerAncestral", "SamplerEulerAncestralCFGPP", "SamplerDPMPP_2S_Ancestral", "SamplerER_SDE",
     "SamplerSASolver", "SamplerSEEDS2", "SamplerDPMAdaptative", "SamplerLCM", "SamplerLCMUpscale")
)  # fmt: skip
"""Classes that are such a sampler; an `eta` of 0 leaves the noise out."""
_NOISE_DEVICE = "noise_device"
"""Input of the classes of SDE samplers that lets a person choose: "gpu" or "cpu"."""

ALWAYS_RUN = frozenset(("SaveImageWebsocket",))
"""Classes that come with ComfyUI and say in each run that they changed: their `IS_CHANGED` is the time, or NaN.

Definitions do not tell it, so of node packs nothing is known.
"""

_CONTROLLED = ("randomize", "increment", "decrement", "increment-wrap")
_DATE = re.compile(r"%date(?::[^%]*)?%|%(?:year|month|day|hour|minute|second)%")
_OTHER_CPU_NOISE = ((0, 3, 64), (0, 8, 0))
"""On a CPU such samplers have another seed since a version between these, so that noise is not that of the latent."""


def determinism(nodes: list[Node], saved: list[Node], given: Given, known: Known) -> Iterator[Finding]:
    """Yield what is found of the nodes of a prompt, and of those of the UI-form file that it was made of."""
    for node in nodes:
        yield from _noise(node, given.environment, known)
        if node.class_type in ALWAYS_RUN:
            yield node.found(
                "info", "always-runs", "counts as changed in every run, so the server's cache never has it"
            )
        # Of a UI-form file the page has replaced some of them already.
        for name, value in node.inputs.items() if not saved else ():
            if isinstance(value, str) and _DATE.search(value):
                yield _dated(node, value, name)
    for node in saved:
        yield from _controlled(node, known.definitions.get(node.class_type))
        values = node.saved.values() if isinstance(node.saved, Mapping) else node.saved
        values = values if isinstance(values, Iterable) else ()
        for text in dict.fromkeys(one for one in values if isinstance(one, str)):
            if _DATE.search(text):
                yield _dated(node, text, None)


def _dated(node: Node, text: str, name: str | None) -> Finding:
    found = _DATE.search(text)
    assert found is not None
    return node.found("info", "date", f"{plain(found[0], 40)} in {shown(text, 60)} is another text every time", name)


def _controlled(node: Node, definition: Any) -> Iterator[Finding]:
    """Yield the seeds of a node of a UI-form file that the page changes after each run."""
    values = node.saved if isinstance(node.saved, list) else []
    words = [value for value in values if isinstance(value, str) and value in (*_CONTROLLED, "fixed")]
    specs = definition_specs(definition) if isinstance(definition, Mapping) else []
    names = [spec.name for spec in specs if spec.is_widget and spec.is_control]
    if len(names) != len(words):
        return  # other texts of the node say the same, or a link has taken the widget
    for name, word in zip(names, words, strict=True):
        if word != "fixed":
            yield node.found(
                "info",
                "seed-control",
                f"input {plain(name, 80)!r} is left on {word}: saved after a run in the page, the file has another one",
                name,
            )


def _noise(node: Node, environment: Mapping[str, Any], known: Known) -> Iterator[Finding]:
    name = _noisy_input(node)
    if name is None:
        return
    value = f"sampler {shown(node.inputs[name], 40)}" if name in node.inputs else "it"
    before, now = _devices(environment), _devices(known.system)
    sentence = f"{value} draws noise on the device that it runs on"
    if before and now and before != now:
        yield node.found(
            "warning", "device-noise", f"{sentence}: the golden run's was {before}, and this server's is {now}", name
        )
    elif before == now == "cpu" and _is_other_cpu_noise(environment, known.system):
        versions = [plain(one.get("comfyui"), 40) for one in (environment, known.system)]
        yield node.found(
            "warning",
            "device-noise",
            f"{sentence}, and on a CPU ComfyUI {versions[1]} draws other noise than {versions[0]}, of the golden run",
            name,
        )
    else:
        yield node.found("info", "device-noise", f"{sentence}: another kind of device makes another picture", name)


def _noisy_input(node: Node) -> str | None:
    """Return the input that chooses noise of the device, "" where the class is such a sampler, None for all others."""
    sampler = node.inputs.get("sampler_name")
    if isinstance(sampler, str) and sampler in DEVICE_SAMPLERS:
        return "sampler_name"
    if node.inputs.get("eta") == 0:
        return None
    if node.inputs.get(_NOISE_DEVICE) == "gpu":
        return _NOISE_DEVICE
    return "" if node.class_type in DEVICE_CLASSES else None


def _devices(environment: Mapping[str, Any]) -> str:
    told = environment.get("devices")
    kinds = {str(one.get("type")) for one in told if isinstance(one, Mapping)} if isinstance(told, list) else set()
    return plain(" and ".join(sorted(kinds)), 40)


def _is_other_cpu_noise(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    old, new = (_version(one.get("comfyui")) for one in (before, now))
    until, since = _OTHER_CPU_NOISE
    return bool(old and new and ((old <= until and new >= since) or (new <= until and old >= since)))


def _version(text: Any) -> tuple[int, ...]:
    found = re.match(r"v?(\d{1,9})\.(\d{1,9})\.(\d{1,9})", text) if isinstance(text, str) else None
    return tuple(map(int, found.groups())) if found else ()
