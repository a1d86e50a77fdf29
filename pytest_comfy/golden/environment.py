"""The environment of a run: what may change its pictures, and what of it changed since the golden run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from ..text import plain

MODEL_HASHES = ("modelspec.hash_sha256", "sshs_model_hash", "sshs_legacy_hash", "modelspec.architecture")
"""Of a safetensors file's metadata, where its maker wrote them."""
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
    return sorted({name for names in models_by_node(prompt).values() for name in names})


def models_by_node(prompt: Mapping[str, Mapping[str, Any]]) -> dict[str, set[str]]:
    """Return node id -> the model files that it names, for the nodes that name one."""
    named = {
        node_id: {
            value
            for value in node.get("inputs", {}).values()
            if isinstance(value, str) and PurePosixPath(value.replace("\\", "/")).suffix.lower() in MODEL_SUFFIXES
        }
        for node_id, node in prompt.items()
    }
    return {node_id: names for node_id, names in named.items() if names}


def model_facts(folder: str, entry: Mapping[str, Any], metadata: Any = None) -> dict[str, Any]:
    """Return what tells a model file from another of its name.

    entry     of `/experiment/models/{folder}`
    metadata  of `/view_metadata/{folder}`, None where it has none

    Keys: folder; size in bytes; modified, such as "2026-11-26T00:27:57.123Z"; hashes of its metadata. What is not told
    is left out.
    """
    facts: dict[str, Any] = {"folder": folder}
    size, modified = entry.get("size"), entry.get("modified")
    if isinstance(size, int) and not isinstance(size, bool):
        facts["size"] = size
    # No file is of the year 1970: a server that says so does not know.
    if isinstance(modified, (int, float)) and modified > 0:
        with suppress(ValueError, OverflowError, OSError):
            when = datetime.fromtimestamp(modified, UTC).isoformat(timespec="milliseconds")
            facts["modified"] = when.replace("+00:00", "Z")
    for key in MODEL_HASHES if isinstance(metadata, Mapping) else ():
        if isinstance(metadata.get(key), str):
            facts[key] = plain(metadata[key], 200)
    return facts


def model_changes(golden: Any, now: Any) -> str | None:
    """Return 'size 5 (was 4)' over what differs of a model's facts, of those that both tell; None when nothing does."""
    before, after = _mapping(golden), _mapping(now)
    found = [
        f"{key} {plain(after[key], 80)} (was {plain(before[key], 80)})"
        for key in sorted(_telling(before) & _telling(after))
        if before[key] != after[key]
    ]
    return ", ".join(found) or None


def can_be_compared(golden: Any, now: Any) -> bool:
    """Whether two servers' facts of a model would show that the file is another one."""
    return bool(_telling(_mapping(golden)) & _telling(_mapping(now)))


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


def changes(golden: Mapping[str, Any], now: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return what differs of two environments, in words: what, its golden value and the one of now, else "none"."""
    was_loaded, is_loaded = _models_alike(golden, now)
    before, after = _facts(golden, was_loaded), _facts(now, is_loaded)
    return [
        (key, before.get(key) or "none", after.get(key) or "none")
        for key in dict.fromkeys([*before, *after])
        if before.get(key) != after.get(key)
    ]


def difference(golden: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """Return 'golden: …; now: …' over what differs of two environments, None when nothing does."""
    changed = changes(golden, now)
    if not changed:
        return None
    was = ", ".join(f"{key} {before}" for key, before, _ in changed)
    is_now = ", ".join(f"{key} {after}" for key, _, after in changed)
    return f"golden: {was}; now: {is_now}"


def _telling(facts: Mapping[str, Any]) -> set[str]:
    """Return the keys of a model's facts by which it is told from others, of those that `model_facts` may write."""
    return {key for key in ("size", "modified", *MODEL_HASHES) if isinstance(facts.get(key), (int, str))}


def _models_alike(golden: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the models of two environments; of one that both tell of, what both tell: older runs tell less."""
    before, after = _mapping(golden.get("models")), _mapping(now.get("models"))
    pairs: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    for name in dict.fromkeys([*before, *after]):
        was, is_now = _mapping(before.get(name)), _mapping(after.get(name))
        keys = was.keys() & is_now.keys() if was and is_now else was.keys() | is_now.keys()
        for models, told in zip(pairs, (was, is_now), strict=True):
            models[name] = {key: told[key] for key in keys & told.keys()}
    return pairs


def _facts(environment: Mapping[str, Any], models: Mapping[str, Any]) -> dict[str, str]:
    facts = {
        "ComfyUI": environment.get("comfyui"),
        "torch": environment.get("torch"),
        "Python": environment.get("python"),
        "os": environment.get("os"),
        "device": " + ".join(str(device.get("name")) for device in environment.get("devices") or []),
        "flags": " ".join(str(flag) for flag in environment.get("argv") or []),
    }
    for name, told in models.items():
        if told:
            facts[f"model {name}"] = " ".join(f"{key} {value}" for key, value in sorted(told.items()))
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
