"""Workflows in UI form, converted as the page of a server does it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from typing import Any

from ..workflow.model import Workflow

_VERSION = re.compile(r"v?\d[\w.+-]{0,40}", re.ASCII)


def page_of(stats: Mapping[str, Any]) -> str:
    """Return the version of ComfyUI's page that `/system_stats` asks for, "" where it does not tell."""
    system = stats.get("system")
    told = system.get("required_frontend_version") if isinstance(system, Mapping) else None
    return told if isinstance(told, str) and _VERSION.fullmatch(told) else ""


def converted(workflow: Workflow, definitions: Mapping[str, Any], frontend: str = "") -> Workflow:
    """Convert a workflow to API form and tell what is suspicious as ConversionWarning."""
    done = workflow.converted(definitions, frontend=frontend)
    if done.conversion is not None:
        from ..workflow.graph import ConversionWarning

        for told in done.conversion.told_of(str(workflow.source)):
            # Of who called `run` or `converted`.
            warnings.warn(told, ConversionWarning, stacklevel=5)
    return done
