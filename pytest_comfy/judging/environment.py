"""What a live server tells about itself: environment, models and node definitions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..golden.environment import describe_system, models_named, node_packs
from .models import Models
from .packs import Packs
from .startup import started

if TYPE_CHECKING:
    from ..client import ComfyClient


DIFFERENCES = "comfy_differences"
"""Property of a report: how the environment differs from the golden run's, a JSON list of lines."""


class Facts:
    """What one server tells of itself, asked once a session by each process.

    models  its model files
    """

    def __init__(self) -> None:
        self.models = Models()
        self._packs = Packs()
        self._system: dict[str, Any] | None = None
        self._started: dict[str, str] | None = None
        self._modules: dict[str, dict[str, Any]] = {}

    def environment(
        self, client: ComfyClient, prompt: Mapping[str, Mapping[str, Any]], *, anew: bool = False
    ) -> dict[str, Any]:
        """Return the environment of runs of a prompt on the server, as golden runs keep it.

        anew  ask the server for its versions although it told them before

        Raises ServerUnreachable and TooLarge.
        """
        if self._system is None or anew:
            self._system = describe_system(client.system_stats())
        if self._started is None:
            self._started = started(client)
        packs = node_packs(self._modules_of(client, prompt))
        return {
            **self._system,
            **self._started,
            "models": self.models.told(client, models_named(prompt)),
            "node_packs": packs,
            "pack_versions": self._packs.versions(client, packs),
        }

    def _modules_of(self, client: ComfyClient, prompt: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
        """Return class -> what tells its node pack; of a client a test, the next one knows what this one asked."""
        classes = {str(node.get("class_type")) for node in prompt.values()}
        wanted = classes - self._modules.keys()
        told = client.definitions(wanted) if wanted else {}
        self._modules |= {name: {"python_module": told.get(name, {}).get("python_module")} for name in wanted}
        return {name: self._modules[name] for name in classes}


def definitions_of(client: ComfyClient, prompt: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return class -> node definition for the classes of a prompt that the server knows."""
    return client.definitions(str(node.get("class_type")) for node in prompt.values())
