"""Which version of ComfyUI's page a workflow is converted as: the one that the server's node definitions belong to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def is_modern(definitions: Mapping[str, Any]) -> bool:
    """Whether node definitions are those of a server whose page is 1.35 or later, as far as they tell.

    No definition says so: those of the later ones have keys and names that the earlier ones do not know.
    """
    old = False
    for name, definition in definitions.items():
        if not isinstance(definition, Mapping):
            continue
        if "output_matchtypes" in definition:
            return True
        old = old or ("api_node" in definition and "deprecated" in definition)
        old = old or (name == "PreviewAny" and definition.get("display_name") == "Preview Any")
    return not old
