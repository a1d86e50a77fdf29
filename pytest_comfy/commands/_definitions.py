"""Node definitions from files, for the commands that need no server."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


class DefinitionsError(Exception):
    """There are no node definitions to go by; the text is one sentence for the user."""


def read_definitions(path: Path) -> Mapping[str, Any]:
    """Return class -> node definition of what /object_info answered, a golden run's run.json, or a folder of golden
    runs; raises DefinitionsError, WorkflowError and GoldenError."""
    from ..cases.converting import definitions_kept
    from ..golden import GoldenRun
    from ..workflow.definitions import read_json

    if path.is_dir():
        return of_golden_runs(path)
    found = read_json(path)
    if isinstance(found, dict) and isinstance(found.get("format"), int):
        found = definitions_kept(GoldenRun(found))
    if not isinstance(found, dict) or not found or not all(isinstance(one, dict) for one in found.values()):
        raise DefinitionsError(f"{path}: holds no node definitions: save what /object_info answers")
    return found


def of_golden_runs(folder: Path) -> Mapping[str, Any]:
    """Return class -> node definition as the golden runs of a folder keep them; raises DefinitionsError."""
    from ..server.recordings.facts import node_definitions
    from ..server.recordings.library import Library

    library = Library()
    library.add(folder)
    found = node_definitions(library)
    if not found:
        broken = f" ({library.broken[0]})" if library.broken else ""
        raise DefinitionsError(
            f"{folder}: holds no golden run with node definitions{broken}: give a server with --comfy-url"
        )
    return found
