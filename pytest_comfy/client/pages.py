"""Workflows in UI form, converted as the page of a server does it."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Mapping
from typing import Any

from ..workflow.model import Workflow

_OPTION, _PACKAGE = "--front-end-version", "comfyui-frontend-package"
_VERSION = re.compile(r"v?\d[\w.+-]{0,40}", re.ASCII)


def page_of(stats: Mapping[str, Any]) -> str:
    """Return the version of ComfyUI's page by `/system_stats`, "" where it does not tell.

    The one that the server was started with by --front-end-version, else the one that is installed beside it, else the
    one that it asks for: people upgrade the page alone.
    """
    system = stats.get("system")
    if not isinstance(system, Mapping):
        return ""
    told = (_started_with(system.get("argv")), _installed(system), system.get("required_frontend_version"))
    return next((one for one in told if isinstance(one, str) and _VERSION.fullmatch(one)), "")


def _started_with(argv: Any) -> Any:
    words = argv if isinstance(argv, list) else []
    found = words[words.index(_OPTION) + 1 :][:1] if _OPTION in words else []
    return found[0].rpartition("@")[2] if found and isinstance(found[0], str) else None


def _installed(system: Mapping[str, Any]) -> Any:
    packages = system.get("comfy_package_versions")
    for one in packages if isinstance(packages, list) else []:
        if isinstance(one, Mapping) and one.get("name") == _PACKAGE:
            return one.get("installed")
    return None


def converted(workflow: Workflow, definitions: Mapping[str, Any], frontend: str = "") -> Workflow:
    """Convert a workflow to API form and tell what is suspicious as ConversionWarning."""
    done = workflow.converted(definitions, frontend=frontend)
    if done.conversion is not None:
        from ..workflow.graph import ConversionWarning

        for told in done.conversion.told_of(str(workflow.source)):
            # Of who called `run` or `converted`.
            warnings.warn(told, ConversionWarning, stacklevel=_outside())
    return done


def _outside() -> int:
    """Return the `stacklevel` of the nearest caller that is not of the client."""
    level, frame = 0, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__package__") == __package__:
        level, frame = level + 1, frame.f_back
    return level + 1
