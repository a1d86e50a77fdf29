"""What a case demands of the server that runs it: `requires` of its sidecar, held against what a server tells."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ..session.given import SettingsError
from ..text import did_you_mean, listed, plain

KEYS = ("vram_gb", "device", "comfyui", "models")
_GB = 10**9
_BOUND = re.compile(r"(>=|<=|==|!=|>|<)\s*(\d+(?:\.\d+)*)")
_VERSION = re.compile(r"\d+(?:\.\d+)*")

Listed = Callable[[str], list[str] | None]
"""Gives the model files in a folder of the server, and for "" its folders; None where it does not tell."""


def checked_requirements(value: Any, where: str) -> dict[str, Any]:
    """Return what `requires` says; raises SettingsError naming `where` for what is not understood.

    Keys: vram_gb, a number of 10**9 bytes; device, "cuda" or another type, or a part of a device's name; comfyui,
    bounds of the version such as ">=0.8,<0.30"; models, names of files.
    """
    if not isinstance(value, dict):
        raise SettingsError(f'{where} must be a table: write requires = {{ vram_gb = 24, device = "cuda" }}')
    for key in value:
        if key not in KEYS:
            raise SettingsError(f"{where}: unknown key {key!r}{did_you_mean(key, KEYS)}; known are {listed(KEYS)}")
    vram = value.get("vram_gb", 1)
    if isinstance(vram, bool) or not isinstance(vram, (int, float)) or not 0 < vram < 10**6:
        raise SettingsError(f"{where}.vram_gb must be a number of gigabytes above 0")
    device = value.get("device", "cpu")
    if not isinstance(device, str) or not device.strip():
        raise SettingsError(f'{where}.device must be the type of a device, such as "cuda", or a part of its name')
    version = value.get("comfyui", ">=0")
    if not isinstance(version, str) or not all(_BOUND.fullmatch(bound.strip()) for bound in version.split(",")):
        raise SettingsError(f'{where}.comfyui must be bounds of a version, such as ">=0.8" or ">=0.8,<0.30"')
    models = value.get("models", [])
    if not isinstance(models, list) or not all(isinstance(name, str) and name for name in models):
        raise SettingsError(f'{where}.models must be a list of names of model files: ["sd_xl_base_1.0.safetensors"]')
    return dict(value)


def unmet(needs: Mapping[str, Any], stats: Mapping[str, Any], models: Listed) -> str:
    """Return what a server lacks of what is needed, a few words; "" where it has all.

    stats   its `/system_stats`
    models  what it has of models
    """
    devices = [device for device in _list(stats.get("devices")) if isinstance(device, Mapping)]
    wanted = str(needs.get("device", "")).strip().lower()
    fitting = [device for device in devices if _is(device, wanted)]
    if wanted and not fitting:
        return f"requires device {wanted!r}, and it has {listed(_names(devices)) or 'none'}"
    if "vram_gb" in needs:
        # What a CPU tells is the machine's memory.
        most = max((_vram(one) for one in fitting if wanted == "cpu" or one.get("type") != "cpu"), default=0.0)
        if most < needs["vram_gb"] * _GB:
            return f"requires {needs['vram_gb']:g} GB of VRAM, and it has {most / _GB:.3g} GB"
    system = stats.get("system")
    version = str(system.get("comfyui_version") if isinstance(system, Mapping) else "")
    for bound in filter(None, (one.strip() for one in str(needs.get("comfyui", "")).split(","))):
        if not _within(version, bound):
            return f"requires ComfyUI {bound}, and it is {plain(version, 40) or 'of unknown version'}"
    missing = [name for name in needs.get("models", []) if not _has(models, name)]
    if missing:
        return f"requires model {listed(missing)}, which it does not have"
    return ""


def _has(models: Listed, name: str) -> bool:
    """Whether a server has a model file, by its name with or without the folder of models that it lies in."""
    wanted = name.replace("\\", "/")
    return any(
        wanted in (told.replace("\\", "/"), f"{folder}/{told}")
        for folder in models("") or []
        for told in models(folder) or []
    )


def _is(device: Mapping[str, Any], wanted: str) -> bool:
    kind, name = str(device.get("type", "")).lower(), str(device.get("name", "")).lower()
    return wanted == kind or wanted in name


def _vram(device: Mapping[str, Any]) -> float:
    memory = device.get("vram_total")
    return float(memory) if isinstance(memory, (int, float)) and not isinstance(memory, bool) else 0.0


def _names(devices: list[Mapping[str, Any]]) -> list[str]:
    return [plain(device.get("name") or device.get("type") or "?", 60) for device in devices]


def _within(version: str, bound: str) -> bool:
    told, found = _VERSION.match(version.lstrip("v")), _BOUND.fullmatch(bound)
    if told is None or found is None:
        return False
    have, want = ([int(part) for part in text.split(".")] for text in (told[0], found[2]))
    longest = max(len(have), len(want))
    have, want = (part + [0] * (longest - len(part)) for part in (have, want))
    return {
        ">=": have >= want, "<=": have <= want, "==": have == want, "!=": have != want, ">": have > want,
        "<": have < want,
    }[found[1]]  # fmt: skip


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
