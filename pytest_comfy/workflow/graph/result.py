"""What a conversion gives, and what it complains about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..errors import WorkflowError


class ConversionError(WorkflowError):
    """A UI-form workflow cannot be converted exactly; the text is one sentence that names the node's path."""


class ConversionWarning(UserWarning):
    """Something in a UI-form workflow that converts, but is probably not what a person meant."""


@dataclass(frozen=True)
class Choice:
    """What a text was turned into where the page would have thrown dice or read the clock.

    node    id of the node in the prompt
    before  the text as it is saved
    after   the text as it is sent
    """

    node: str
    input: str
    kind: Literal["dynamic prompt", "date"]
    before: str
    after: str


@dataclass(frozen=True)
class Conversion:
    """A UI-form workflow in API form.

    prompt     node id -> {class_type, inputs, _meta}; `_meta` has the node's title and, for a node of a
               subgraph, under "subgraph" the titles of the instances around it, outermost first;
               where the page gives it another id than the file, under "was" that of the file
    choices    of dynamic prompts and dates
    warnings   a sentence each
    general    those of them that are about the server and not about this workflow
    exposed    id of an instance -> name of an input it exposes -> the (node id, input) whose values it gives
    subgraphs  id of an instance -> its title
    """

    prompt: dict[str, dict[str, Any]]
    choices: tuple[Choice, ...] = ()
    warnings: tuple[str, ...] = ()
    exposed: Mapping[str, Mapping[str, tuple[tuple[str, str], ...]]] = field(default_factory=dict)
    subgraphs: Mapping[str, str] = field(default_factory=dict)
    general: frozenset[str] = frozenset()

    def told_of(self, source: str) -> tuple[str, ...]:
        """Return the warnings with the workflow's name where they are about it; what is not is the same for all."""
        return tuple(one if one in self.general else f"{source}: {one}" for one in self.warnings)
