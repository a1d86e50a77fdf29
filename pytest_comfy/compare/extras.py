"""Packages that only some kinds of output need."""

from __future__ import annotations

import io
from importlib import import_module
from typing import Any

from .result import MissingExtraError


def load(module: str, needs: str) -> Any:
    """Return a module of an optional package; raises MissingExtraError, whose text is `needs`, when it is not there."""
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtraError(needs) from error


def open_media(av: Any, data: bytes, **options: Any) -> Any:
    """Open a sound or video with PyAV, `av`; names and comments in it that are no UTF-8 do not keep it from being read.

    PyAV 19 reads such texts by itself, and no longer takes the option for it.
    """
    if int(av.__version__.partition(".")[0]) < 19:
        options["metadata_errors"] = "replace"
    return av.open(io.BytesIO(data), **options)
