"""Packages that only some kinds of output need."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .result import MissingExtraError


def load(module: str, needs: str) -> Any:
    """Return a module of an optional package; raises MissingExtraError, whose text is `needs`, when it is not there."""
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtraError(needs) from error
