"""What a live server tells about itself: environment, models and node definitions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..golden.environment import describe_system, models_named, node_packs

if TYPE_CHECKING:
    from ..client import ComfyClient
    from .models import Models


def definitions_of(client: ComfyClient, prompt: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return class -> node definition for the classes of a prompt that the server knows."""
    return client.definitions(str(node.get("class_type")) for node in prompt.values())


def environment_of(client: ComfyClient, prompt: Mapping[str, Mapping[str, Any]], models: Models) -> dict[str, Any]:
    """Return the environment of runs of a prompt on a server, as golden runs keep it.

    Raises ServerUnreachable.
    """
    environment = describe_system(client.system_stats())
    environment["models"] = models.told(client, models_named(prompt))
    environment["node_packs"] = node_packs(definitions_of(client, prompt))
    return environment
