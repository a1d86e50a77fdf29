"""Which model files a workflow asks for, as far as its file tells without a server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from ..golden.environment import MODEL_SUFFIXES
from ..workflow import Workflow, WorkflowError

_MAIN = ("checkpoint", "unet", "diffusion")
"""In the names of the node classes that load what takes the longest."""

Models = tuple[tuple[str, ...], tuple[str, ...]]
"""The checkpoints and diffusion models, and all other model files; each sorted."""


def models_asked(workflow: Workflow, values: Mapping[str, Any]) -> Models:
    """Return the model files that a workflow names, with the values of a case set; nothing for one that is broken."""
    try:
        patched = workflow.patched(values)
    except WorkflowError:
        return (), ()
    main: set[str] = set()
    others: set[str] = set()
    named = [*_named(patched.graph), *(("", value) for value in patched.values.values())]
    for class_type, value in named:
        for name in _files(value):
            (main if any(word in class_type.lower() for word in _MAIN) else others).add(name)
    return tuple(sorted(main)), tuple(sorted(others - main))


def _named(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield class and values of every node, in either form, those of subgraphs as well."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            class_type = one.get("class_type", one.get("type"))
            inputs = one.get("inputs") if "class_type" in one else one.get("widgets_values")
            if isinstance(class_type, str) and inputs is not None:
                yield class_type, inputs
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def _files(value: Any) -> Iterator[str]:
    values = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else (value,)
    for one in values:
        if isinstance(one, str) and PurePosixPath(one.replace("\\", "/")).suffix.lower() in MODEL_SUFFIXES:
            yield one
