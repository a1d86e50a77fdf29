"""Workflows in UI form, converted as the page of a server does it."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from typing import Any

from ..workflow.model import Workflow


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
