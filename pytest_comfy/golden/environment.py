"""The environment of a run: what may change its pictures, and what of it changed since the golden run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from ..text import plain

MODEL_SUFFIXES = {".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".onnx"}

_NUMERIC_FLAGS = re.compile(
    r"--(?:cpu(?:-vae)?|directml|deterministic|fast|force-(?:fp16|fp32|channels-last|upcast-attention)"
    r"|dont-upcast-attention|(?:fp32|fp64|bf16|fp16|fp8)[\w-]*|supports-fp8-compute"
    r"|use-[\w-]*attention|disable-xformers|gpu-only|highvram|normalvram|lowvram|novram"
    r"|disable-smart-memory|cache-(?:classic|lru|none|ram)|default-hashing-function|oneapi-device-selector)"
)


def describe_system(stats: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `/system_stats` tells that may change pictures; of argv only the flags that do.

    Keys: comfyui, python, torch, os, argv, devices [{name, type}].
    """
    system = _mapping(stats.get("system"))
    devices = stats.get("devices")
    python = str(system.get("python_version") or "").split()
    return {
        "comfyui": _text(system.get("comfyui_version")),
        "python": python[0] if python else None,
        "torch": _text(system.get("pytorch_version")),
        "os": _text(system.get("os")),
        "argv": _numeric_flags(system.get("argv")),
        "devices": [
            {"name": _text(device.get("name")), "type": _text(device.get("type"))}
            for device in (devices if isinstance(devices, list) else [])
            if isinstance(device, Mapping)
        ],
    }


def models_named(prompt: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the model files that a prompt names, sorted."""
    return sorted(
        {
            value
            for node in prompt.values()
            for value in node.get("inputs", {}).values()
            if isinstance(value, str) and PurePosixPath(value.replace("\\", "/")).suffix.lower() in MODEL_SUFFIXES
        }
    )


def node_packs(definitions: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return custom node pack -> the classes used of it, by the definitions' python_module."""
    packs: dict[str, list[str]] = {}
    for class_type, definition in sorted(definitions.items()):
        module = str(definition.get("python_module") or "")
        if module.startswith("custom_nodes."):
            packs.setdefault(module.removeprefix("custom_nodes."), []).append(class_type)
    return packs


def summary(environment: Mapping[str, Any]) -> str:
    """Return an environment in a few words: 'ComfyUI 0.8.0, torch 2.8.0, cuda:0 NVIDIA RTX 4090'."""
    devices = [device.get("name") or device.get("type") for device in environment.get("devices") or []]
    parts = [
        f"ComfyUI {environment.get('comfyui') or 'of unknown version'}",
        f"torch {environment.get('torch') or 'of unknown version'}",
        *(plain(device, 60) for device in devices),
    ]
    return ", ".join(plain(part, 80) for part in parts)


def difference(golden: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """Return 'golden: …; now: …' over what differs of two environments, None when nothing does."""
    before, after = _facts(golden), _facts(now)
    changed = [key for key in dict.fromkeys([*before, *after]) if before.get(key) != after.get(key)]
    if not changed:
        return None
    was = ", ".join(f"{key} {before.get(key) or 'none'}" for key in changed)
    is_now = ", ".join(f"{key} {after.get(key) or 'none'}" for key in changed)
    return f"golden: {was}; now: {is_now}"


def _facts(environment: Mapping[str, Any]) -> dict[str, str]:
    facts = {
        "ComfyUI": environment.get("comfyui"),
        "torch": environment.get("torch"),
        "Python": environment.get("python"),
        "os": environment.get("os"),
        "device": " + ".join(str(device.get("name")) for device in environment.get("devices") or []),
        "flags": " ".join(str(flag) for flag in environment.get("argv") or []),
    }
    for name, told in _mapping(environment.get("models")).items():
        if told:
            facts[f"model {name}"] = " ".join(f"{key} {value}" for key, value in sorted(_mapping(told).items()))
    return {key: plain(value, 200) for key, value in facts.items() if value}


def _numeric_flags(argv: Any) -> list[str]:
    """Keep the flags that change numerics, and the plain values that follow them (never a path)."""
    kept: list[str] = []
    flag_kept = False
    for word in argv if isinstance(argv, list) else []:
        word = str(word)
        if word.startswith("-"):
            flag, _, value = word.partition("=")
            flag_kept = bool(_NUMERIC_FLAGS.fullmatch(flag))
            if flag_kept:
                kept.append(word if re.fullmatch(r"[\w.]+", value) else flag)
        elif flag_kept and re.fullmatch(r"[\w.]+", word):
            kept.append(word)
    return kept


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    return None if value is None else plain(value, 120)
