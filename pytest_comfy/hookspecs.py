"""Hooks that a project or a plugin may implement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pluggy

hookspec = pluggy.HookspecMarker("pytest")


@hookspec(firstresult=True)
def pytest_comfy_widgets(class_type: str, definition: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Say what the JavaScript of a node class does to its widgets, which its node definition does not tell.

    class_type  the class of a node of a UI-form workflow that is to be converted
    definition  what /object_info says of it; empty for a class that the server does not know

    Return a table with the keys of comfy-widgets.toml (docs/workflows.md), or None for a class that is not
    yours. It goes before the project's file and before what pytest-comfy knows itself.
    """
