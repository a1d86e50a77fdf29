"""The page that a server comes with, ComfyUI's front-end, by what the server tells of itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

PACKAGE = "comfyui-frontend-package"
"""What the page is installed as."""
_OPTION = "--front-end-version"
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
        if isinstance(one, Mapping) and one.get("name") == PACKAGE:
            return one.get("installed")
    return None
