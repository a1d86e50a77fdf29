"""What one server tells of its model files, asked once a session, and which of them it was seen to load."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..golden.environment import can_be_compared, model_changes, model_facts, models_by_node, models_named, was_touched
from ..text import plain

if TYPE_CHECKING:
    from ..client import ComfyClient, Run


CHANGED = "comfy_models_changed"
"""The property that tells which models changed since the golden run."""
CACHED = "comfy_models_cached"
"""The property that tells which models may have changed without being noticed."""


class Models:
    """The model files of one server, for one process of a session."""

    def __init__(self) -> None:
        self._folders: list[str] | None = None
        self._listed: dict[str, dict[str, Mapping[str, Any]]] = {}
        self._facts: dict[str, dict[str, Any]] = {}
        self._loaded: set[str] = set()

    def told(self, client: ComfyClient, names: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return model file -> what the server tells of it, see `environment.model_facts`; nothing where it does not.

        A folder is listed when a name was not found in those before, and each once. A server that lacks the routes, or
        does not answer them, tells nothing.
        """
        return {name: self._found(client, name) for name in names}

    def saw(self, run: Run) -> None:
        """Note which model files a run loaded: those of which no node was served from the server's cache."""
        self._loaded |= set(models_named(run.prompt)) - cached_models(run)

    def unloaded(self, run: Run) -> set[str]:
        """Return the model files of a run that the server had loaded, by whom and when nobody knows."""
        return cached_models(run) - self._loaded

    def _found(self, client: ComfyClient, name: str) -> dict[str, Any]:
        if name in self._facts:
            return self._facts[name]
        if self._folders is None:
            self._folders = [folder for folder in _asked(client, "/models") if isinstance(folder, str)]
        facts: dict[str, Any] = {}
        for folder in self._folders:
            entry = self._list(client, folder).get(name)
            if entry is not None:
                facts = model_facts(folder, entry, _metadata(client, folder, name))
                break
        self._facts[name] = facts
        return facts

    def _list(self, client: ComfyClient, folder: str) -> dict[str, Mapping[str, Any]]:
        if folder not in self._listed:
            entries = _asked(client, f"/experiment/models/{quote(folder, safe='')}")
            self._listed[folder] = {
                entry["name"]: entry
                for entry in reversed(entries)  # of files of one name in several places, ComfyUI takes the first
                if isinstance(entry, Mapping) and isinstance(entry.get("name"), str)
            }
        return self._listed[folder]


class Comparison:
    """The models of a run beside those of its golden run.

    changed  model file -> what changed of it, in words
    touched  model files that may be others although size and time are the same, or copies of the same
    stale    those of both that the server had loaded, so that the run may have been made with the earlier ones
    unsure   model files that the server had loaded, and of which it cannot be told whether they changed
    """

    def __init__(self, models: Models, client: ComfyClient, run: Run, golden: Mapping[str, Any]) -> None:
        before = golden.get("models")
        before = before if isinstance(before, Mapping) else {}
        named = models_named(run.prompt)
        now = models.told(client, named)
        changes = {name: model_changes(before.get(name), now[name]) for name in named}
        unloaded = models.unloaded(run)
        self.changed = {name: change for name, change in changes.items() if change}
        self.touched = {name for name in named if was_touched(before.get(name), now[name])} - self.changed.keys()
        self.stale = unloaded & (self.touched | self.changed.keys())
        self.unsure = {name for name in unloaded if not can_be_compared(before.get(name), now[name])}

    @property
    def notes(self) -> list[str]:
        """What whoever looks at a failure should know of it."""
        changed = [f"models changed since the golden run: {self._changes()}"] if self.changed else []
        names = ", ".join(plain(name, 120) for name in sorted(self.touched))
        told = f"model files written, moved or copied since the golden run, of the same size and time: {names}"
        return [*changed, *([told] if self.touched else [])]

    def _changes(self) -> str:
        return "; ".join(f"{plain(name, 120)}: {change}" for name, change in self.changed.items())

    @property
    def properties(self) -> dict[str, str]:
        """What the reports tell of it."""
        cached = ", ".join(plain(name, 120) for name in sorted(self.unsure | self.stale))
        told = {CHANGED: self._changes(), CACHED: cached}
        return {name: text for name, text in told.items() if text}


def cached_models(run: Run) -> set[str]:
    """Return the model files that nodes of a run name which were served from the server's cache."""
    return {name for node, names in models_by_node(run.prompt).items() if node in run.cached for name in names}


def _asked(client: ComfyClient, path: str) -> list[Any]:
    from ..client import ServerUnreachable, TooLarge

    with contextlib.suppress(ServerUnreachable, TooLarge):
        reply = client.http.get(path)
        found = reply.json() if reply.status == 200 else None
        if isinstance(found, list):
            return found
    return []


def _metadata(client: ComfyClient, folder: str, name: str) -> Any:
    from ..client import ServerUnreachable, TooLarge

    with contextlib.suppress(ServerUnreachable, TooLarge):
        reply = client.http.get(f"/view_metadata/{quote(folder, safe='')}", {"filename": name})
        return reply.json() if reply.status == 200 else None
    return None
