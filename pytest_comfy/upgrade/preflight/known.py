"""What preflight goes by: a workflow with its golden run, and the server, or what stands for one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...workflow import Workflow
from ...workflow.replacing import Replacements
from ...workflow.validate import Manners
from .finding import Severity

Definitions = Mapping[str, Any]


def _nobody_knows(_: Any) -> None:
    return None


@dataclass(frozen=True)
class Given:
    """One case of a workflow.

    workflow  with the values of the case set
    convert   (workflow, definitions) -> the workflow in API form; raises WorkflowError
    kept      class -> the definition that its golden run keeps
    environment  of its golden run, {} without one
    has_input whether a value names a file that is sent to the server before the workflow is queued
    named     files that are sent whatever input names them
    allow_node_errors  whether the case accepts that the server runs a part of it
    """

    workflow: Workflow
    convert: Callable[[Workflow, Definitions], Workflow]
    kept: Definitions = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    has_input: Callable[[Any], bool] = _nobody_knows  # type: ignore[assignment]
    allow_node_errors: bool = False
    named: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Known:
    """What is known of the server.

    definitions  class -> what `/object_info` says of it
    partly       whether they are those of golden runs: not all classes, and of choices of files only what was used
    manners      how it validates
    replacements  what `/node_replacements` answers
    system       its `describe_system`, {} where nobody asked
    has_file     whether it has a file by the name that loaders know it by; None: nobody knows
    embeddings   asks for the names of its embeddings; None: nobody knows
    folders_of   asks where among the models there is a file of this name, such as "checkpoints/a.safetensors"
    api_nodes    how bad API nodes are
    """

    definitions: Definitions
    partly: bool = False
    manners: Manners = field(default_factory=lambda: Manners(True, True, True, True, True, True))
    replacements: Replacements = field(default_factory=dict)
    system: Mapping[str, Any] = field(default_factory=dict)
    has_file: Callable[[str], bool | None] = _nobody_knows
    embeddings: Callable[[], Iterable[str] | None] = lambda: None
    folders_of: Callable[[str], list[str]] = lambda name: []
    api_nodes: Severity = "warning"
