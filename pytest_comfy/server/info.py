"""What the server says of itself: answers made from the environment of the golden runs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from .library import Library

_MODEL_FOLDERS = [
    "checkpoints",
    "configs",
    "loras",
    "vae",
    "text_encoders",
    "diffusion_models",
    "clip_vision",
    "style_models",
    "embeddings",
    "diffusers",
    "vae_approx",
    "controlnet",
    "gligen",
    "upscale_models",
    "latent_upscale_models",
    "custom_nodes",
    "hypernetworks",
    "photomaker",
    "classifiers",
    "model_patches",
    "audio_encoders",
]
"""ComfyUI 0.8.0, folder_paths.py, in its order."""

_NO_MODELS = ("configs", "custom_nodes")


def system_stats(environment: Mapping[str, Any]) -> dict[str, Any]:
    """Return `GET /system_stats`, shaped as ComfyUI's; memory sizes are 0, as goldens do not tell them."""
    devices = [
        {
            "name": device.get("name", "cpu"),
            "type": device.get("type", "cpu"),
            "index": device.get("index"),
            "vram_total": device.get("vram_total", 0),
            "vram_free": device.get("vram_free", 0),
            "torch_vram_total": device.get("torch_vram_total", 0),
            "torch_vram_free": device.get("torch_vram_free", 0),
        }
        for device in environment.get("devices") or [{}]
    ]
    system = {
        "os": environment.get("os") or sys.platform,
        "ram_total": environment.get("ram_total", 0),
        "ram_free": environment.get("ram_free", 0),
        "comfyui_version": environment.get("comfyui") or "0.8.0",
        "required_frontend_version": environment.get("frontend"),
        "installed_templates_version": None,
        "required_templates_version": None,
        "python_version": environment.get("python") or sys.version,
        "pytorch_version": environment.get("torch"),
        "embedded_python": bool(environment.get("embedded_python", False)),
        "argv": list(environment.get("argv") or ["main.py"]),
    }
    return {"system": system, "devices": devices}


def node_definitions(library: Library) -> dict[str, Any]:
    """Return the definitions of all classes that the golden runs know."""
    found: dict[str, Any] = {}
    for document in library.documents():
        found.update(document.get("node_definitions") or {})
    return found


def models(library: Library) -> dict[str, list[str]]:
    """Return model folder -> names, as the golden runs tell them; ComfyUI's folders are always there.

    An environment names them `{folder: [names]}`, `{folder: {name: facts}}` or `{"folder/name": facts}`.
    """
    found: dict[str, set[str]] = {folder: set() for folder in _MODEL_FOLDERS}
    for document in library.documents():
        told = (document.get("environment") or {}).get("models") or {}
        for name, value in told.items():
            folder, slash, rest = name.partition("/")
            if slash:
                found.setdefault(folder, set()).add(rest)
            elif isinstance(value, (list, Mapping)):
                found.setdefault(folder, set()).update(str(one) for one in value)
    return {folder: sorted(names) for folder, names in found.items()}


def experiment_folders(known: Mapping[str, list[str]]) -> list[dict[str, Any]]:
    """Return `GET /experiment/models`; the fake has no paths to tell."""
    return [{"name": folder, "folders": []} for folder in known if folder not in _NO_MODELS]


def experiment_models(names: list[str]) -> list[dict[str, Any]]:
    """Return `GET /experiment/models/{folder}`."""
    return [{"name": name, "pathIndex": 0, "modified": 0, "created": 0, "size": 0} for name in names]
