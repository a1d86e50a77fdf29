"""What a live server tells about itself: environment, models and node definitions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..golden.environment import describe_system, models_named, node_packs

if TYPE_CHECKING:
    from ..client import ComfyClient

_HASH_KEYS = ("modelspec.hash_sha256", "sshs_model_hash", "sshs_legacy_hash", "modelspec.architecture")


def definitions_of(client: ComfyClient, prompt: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return class -> node definition for the classes of a prompt that the server knows."""
    return client.definitions(str(node.get("class_type")) for node in prompt.values())


def environment_of(client: ComfyClient, prompt: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the environment of runs of a prompt on a server, as golden runs keep it.

    Raises ServerUnreachable.
    """
    environment = describe_system(client.system_stats())
    environment["models"] = _models(client, models_named(prompt))
    environment["node_packs"] = node_packs(definitions_of(client, prompt))
    return environment


def _models(client: ComfyClient, names: list[str]) -> dict[str, Any]:
    """Return model file -> what the server tells of it: folder, size in bytes, hashes of its metadata."""
    if not names:
        return {}
    told: dict[str, Any] = dict.fromkeys(names)
    for folder in _list(client, "/models"):
        if not isinstance(folder, str) or not any(found is None for found in told.values()):
            continue
        for entry in _list(client, f"/experiment/models/{quote(folder, safe='')}"):
            name = entry.get("name") if isinstance(entry, Mapping) else None
            if isinstance(name, str) and name in told and told[name] is None:
                told[name] = {"folder": folder, "size": entry.get("size"), **_hashes(client, folder, name)}
    return {name: found or {} for name, found in told.items()}


def _list(client: ComfyClient, path: str) -> list[Any]:
    reply = client.http.get(path)
    found = reply.json() if reply.status == 200 else None
    return found if isinstance(found, list) else []


def _hashes(client: ComfyClient, folder: str, name: str) -> dict[str, Any]:
    reply = client.http.get(f"/view_metadata/{quote(folder, safe='')}", {"filename": name})
    if reply.status != 200:
        return {}
    metadata = reply.json()
    return {key: metadata[key] for key in _HASH_KEYS if isinstance(metadata, Mapping) and key in metadata}
