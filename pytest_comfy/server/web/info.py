"""Answers about the server itself, made from what recordings tell, shaped as ComfyUI's."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from ...golden.environment import MODEL_HASHES, TEMPLATES, TOUCHED
from ...workflow.page import PACKAGE as PAGE
from ..versions import Trait, Version

_NO_MODELS = ("configs", "custom_nodes")


def system_stats(environment: Mapping[str, Any], version: Version) -> dict[str, Any]:
    """Return `GET /system_stats`, shaped as ComfyUI's; memory sizes are 0 where goldens do not tell them."""
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
        "os": environment.get("os") or (sys.platform if version.is_modern else os.name),
        "ram_total": environment.get("ram_total", 0),
        "ram_free": environment.get("ram_free", 0),
        "comfyui_version": version.text,
        "required_frontend_version": environment.get("frontend"),
        "installed_templates_version": _kept(environment).get(TEMPLATES),
        "required_templates_version": None,
        **({"comfy_package_versions": _packages(environment)} if version.has(Trait.PACKAGE_VERSIONS) else {}),
        "python_version": environment.get("python") or sys.version,
        "pytorch_version": environment.get("torch"),
        "embedded_python": bool(environment.get("embedded_python", False)),
        **({"deploy_environment": "local-git"} if version.has(Trait.DEPLOY_ENVIRONMENT) else {}),
        "argv": list(environment.get("argv") or ["main.py"]),
    }
    return {"system": system, "devices": devices}


def _packages(environment: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the packages that ComfyUI comes with, as far as golden runs tell; what it wants of them is what it has."""
    page = environment.get("frontend")
    kept = {**({PAGE: page} if page else {}), **_kept(environment)}
    return [{"name": name, "installed": version, "required": version} for name, version in kept.items()]


def _kept(environment: Mapping[str, Any]) -> Mapping[str, Any]:
    packages = environment.get("packages")
    return packages if isinstance(packages, Mapping) else {}


def experiment_folders(known: Mapping[str, list[str]], version: Version) -> list[dict[str, Any]]:
    """Return `GET /experiment/models`; the fake has no paths to tell, nor endings."""
    more: dict[str, Any] = {"extensions": []} if version.has(Trait.MODEL_EXTENSIONS) else {}
    return [{"name": folder, "folders": [], **more} for folder in known if folder not in _NO_MODELS]


def experiment_models(names: list[str], facts: Callable[[str], Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return `GET /experiment/models/{folder}`; 0 is what recordings do not tell of a file."""
    return [_experiment_model(name, facts(name)) for name in names]


def _experiment_model(name: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    size = facts.get("size")
    size = size if isinstance(size, int) else 0
    modified, created = _when(facts.get("modified")), _when(facts.get(TOUCHED))
    return {"name": name, "pathIndex": 0, "modified": modified, "created": created, "size": size}


def _when(told: Any) -> float:
    with suppress(ValueError, TypeError, OverflowError, OSError):
        return datetime.fromisoformat(told).timestamp()
    return 0.0


def view_metadata(facts: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return `GET /view_metadata/{folder}`: of a file's metadata golden runs keep the hashes; None without any."""
    return {key: facts[key] for key in MODEL_HASHES if key in facts} or None
