"""The environment of a run: what may change its pictures, as servers tell it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from ..text import plain
from ..workflow.page import PACKAGE as PAGE
from ..workflow.page import page_of
from .flags import numeric_flags

MODEL_HASHES = ("modelspec.hash_sha256", "sshs_model_hash", "sshs_legacy_hash", "modelspec.architecture")
"""Of a safetensors file's metadata, where its maker wrote them."""
TOUCHED = "touched"
"""Of a model's facts, the one that also copies of a file have of their own."""
MODEL_SUFFIXES = {".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".onnx"}

VERSION = 2
"""Of what `describe_system` tells; environments without one are of the first, which told fewer flags."""
TEMPLATES = "comfyui-workflow-templates"
_MOST_PACKAGES = 50


def describe_system(stats: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `/system_stats` tells that may change pictures; of argv only the flags that do.

    Keys: version, comfyui, python, torch, os, argv, frontend (of the page), packages {name: version} that ComfyUI comes
    with, devices [{name, type, vram_total in bytes where it is not the machine's own memory}].
    """
    system = _mapping(stats.get("system"))
    devices = stats.get("devices")
    python = str(system.get("python_version") or "").split()
    return {
        "version": VERSION,
        "comfyui": _text(system.get("comfyui_version")),
        "python": python[0] if python else None,
        "torch": _text(system.get("pytorch_version")),
        "os": _text(system.get("os")),
        "argv": numeric_flags(system.get("argv")),
        "frontend": page_of(stats) or None,
        "packages": _packages(system),
        "devices": [
            _device(device) for device in (devices if isinstance(devices, list) else []) if isinstance(device, Mapping)
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

    Keys: folder; size in bytes; modified, such as "2026-11-26T00:27:57.123Z"; touched, the same of when the file, its
    name or its rights changed, which nobody can set; hashes of its metadata. What is not told is left out.
    """
    facts: dict[str, Any] = {"folder": folder}
    size = entry.get("size")
    if isinstance(size, int) and not isinstance(size, bool):
        facts["size"] = size
    for key, told in (("modified", entry.get("modified")), (TOUCHED, entry.get("created"))):
        # No file is of the year 1970: a server that says so does not know.
        if isinstance(told, (int, float)) and told > 0:
            with suppress(ValueError, OverflowError, OSError):
                when = datetime.fromtimestamp(told, UTC).isoformat(timespec="milliseconds")
                facts[key] = when.replace("+00:00", "Z")
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


def was_touched(golden: Any, now: Any) -> bool:
    """Whether a model file is another one, or was moved or copied: what ComfyUI tells as `created` differs."""
    before, after = _mapping(golden).get(TOUCHED), _mapping(now).get(TOUCHED)
    return isinstance(before, str) and isinstance(after, str) and before != after


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


def pack_versions(installed: Any) -> dict[str, str]:
    """Return node pack -> version, or commit, by what ComfyUI-Manager answers: {folder: {"ver": "1.2.0"}}."""
    return {
        plain(folder, 120): plain(pack["ver"], 80)
        for folder, pack in _mapping(installed).items()
        if isinstance(pack, Mapping) and isinstance(pack.get("ver"), str) and pack.get("enabled") is not False
    }


def summary(environment: Mapping[str, Any]) -> str:
    """Return an environment in a few words: 'ComfyUI 0.8.0, torch 2.8.0, cuda:0 NVIDIA RTX 4090'."""
    devices = [device.get("name") or device.get("type") for device in environment.get("devices") or []]
    parts = [
        f"ComfyUI {environment.get('comfyui') or 'of unknown version'}",
        f"torch {environment.get('torch') or 'of unknown version'}",
        *(plain(device, 60) for device in devices),
    ]
    return ", ".join(plain(part, 80) for part in parts)


def _telling(facts: Mapping[str, Any]) -> set[str]:
    """Return the keys of a model's facts by which it is told from others, of those that `model_facts` may write."""
    return {key for key in ("size", "modified", *MODEL_HASHES) if isinstance(facts.get(key), (int, str))}


def _device(device: Mapping[str, Any]) -> dict[str, Any]:
    told = {"name": _text(device.get("name")), "type": _text(device.get("type"))}
    memory = device.get("vram_total")
    # Of a CPU it is the machine's memory, which changes no picture.
    if told["type"] != "cpu" and isinstance(memory, int) and not isinstance(memory, bool) and memory > 0:
        return {**told, "vram_total": memory}
    return told


def _packages(system: Mapping[str, Any]) -> dict[str, str]:
    """Return the packages that ComfyUI comes with, but for the page's, which `page_of` tells; older servers tell of
    one."""
    listed = system.get("comfy_package_versions")
    rows = [one for one in (listed if isinstance(listed, list) else []) if isinstance(one, Mapping)]
    pairs: list[tuple[Any, Any]] = [(TEMPLATES, system.get("installed_templates_version"))]
    pairs += [(one.get("name"), one.get("installed")) for one in rows[:_MOST_PACKAGES]]
    return {
        plain(name, 80): plain(version, 80)
        for name, version in pairs
        if isinstance(name, str) and isinstance(version, str) and name != PAGE
    }


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    return None if value is None else plain(value, 120)
