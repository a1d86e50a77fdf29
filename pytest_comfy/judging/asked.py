"""What is checked, and what it asks of a server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..cases.options import CaseOptions
from ..golden import GoldenRun
from ..workflow import Workflow

if TYPE_CHECKING:
    from ..client import Progress, Run

    Wait = Callable[[Callable[[Progress], None] | None], Run]
    Begin = Callable[..., Wait]


@dataclass(frozen=True)
class Subject:
    """What is checked: a case of a workflow file, or a test.

    key      the golden run's folder, "WORKFLOW/CASE"
    source   the workflow or test file, relative to the project's folder
    node_id  as pytest names it, for the command that approves
    """

    key: str
    source: str
    case: str
    node_id: str
    options: CaseOptions = field(default_factory=CaseOptions)


@dataclass(frozen=True)
class Asked:
    """What a case asks of a server.

    workflow  in API form, as it is queued
    golden    the case's golden run, None where there is none
    """

    workflow: Workflow
    golden: GoldenRun | None


@dataclass(frozen=True)
class Ahead:
    """What was queued ahead of its turn; `wait` returns its run."""

    asked: Asked
    wait: Wait
