"""A prompt on its way through the queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..recordings.script import Script


@dataclass(frozen=True, slots=True)
class Arriving:
    """A script that is being recorded; `interrupt` asks for its end."""

    script: asyncio.Future[Script]
    interrupt: Callable[[], None]


@dataclass(slots=True, eq=False)
class Job:
    """A queued prompt; the `index`-th that was accepted, counted from 1."""

    index: int
    number: float
    prompt_id: str
    prompt: Mapping[str, Any]
    extra_data: Any
    outputs: list[str]
    script: Script
    may_be_cached: bool
    intermediate: frozenset[str] = frozenset()
    """Nodes that tell of what they put out although they are no output nodes."""
    marks: Mapping[str, Any] = field(default_factory=dict)
    """What was posted to stand in every message of the run, such as a `workflow_id`."""
    arriving: Arriving | None = None
    """The script that is to take the place of `script`, where it is still being recorded."""

    @property
    def owner(self) -> Any:
        """The client_id, or None."""
        return self.extra_data.get("client_id") if isinstance(self.extra_data, Mapping) else None

    def marked(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what a message tells with the marks of its run; what it says itself stays."""
        return {**data, **self.marks, **data} if self.marks and "prompt_id" in data else data

    def as_item(self) -> list[Any]:
        """Return the item of `GET /queue`."""
        return [self.number, self.prompt_id, self.prompt, self.extra_data, self.outputs]

    def __lt__(self, other: Job) -> bool:
        return False
