"""A run: one execution of a prompt, with its events and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ..memory import Budget
from ..workflow.addresses import names_of
from ..workflow.results import Event, Output, Preview

if TYPE_CHECKING:
    from PIL.Image import Image

    from ..workflow.model import Workflow


@dataclass(frozen=True)
class Progress:
    """Where a run is: node id and title, step of steps, seconds since it was posted.

    waiting  prompts that run or wait on the server, ours among them
    ahead    those that the server takes before ours
    started  whether the server has begun to execute it, as far as is known
    """

    node: str | None
    title: str
    value: float
    max: float
    seconds: float
    waiting: int = 0
    ahead: int = 0
    started: bool = False


Gap = Literal["dropped", "silent"]


@dataclass(frozen=True)
class Run:
    """One execution of a prompt that came to a good end.

    prompt        as given; `posted` is what was queued, with the input that keeps the cache out, if any
    events        the server's messages of this run, in order of arrival
    status, meta  of the history entry
    ui            the history entry's outputs, as the server gave them
    cached        ids of the nodes served from the server's cache
    cache_bust    how the server was made to run a prompt whose outputs it had cached: None, "nonce", "free"; "reload"
                  where model loaders were made to run as well
    gap           why events may be missing: "dropped" where the socket was closed during the run, "silent" where it
                  did not tell of the end; None where all came
    seconds       from posting the prompt to the end
    left_out      how many messages of progress and pictures on the way were not kept, as there were too many
    budget        what the run keeps in memory, and the most that it may
    workflow      what the prompt is of, in API form; None where a bare prompt was given
    extra_data    what was sent beside the prompt
    """

    prompt_id: str
    prompt: Mapping[str, Any]
    posted: Mapping[str, Any]
    events: tuple[Event, ...]
    previews: tuple[Preview, ...]
    status: Mapping[str, Any]
    meta: Mapping[str, Any]
    ui: Mapping[str, Any]
    outputs: tuple[Output, ...]
    cached: frozenset[str] = frozenset()
    cache_bust: str | None = None
    gap: Gap | None = None
    seconds: float = 0.0
    node_errors: Mapping[str, Any] = field(default_factory=dict)
    workflow: Workflow | None = None
    extra_data: Mapping[str, Any] = field(default_factory=dict, repr=False)
    left_out: int = 0
    budget: Budget | None = field(default=None, repr=False, compare=False)

    @property
    def complete(self) -> bool:
        """Whether the socket told of all that happened."""
        return self.gap is None

    @property
    def images(self) -> list[Image]:
        """All pictures of the run as PIL images, in order of nodes and batch."""
        return [output.image for output in self.outputs if output.media_type.startswith("image/")]

    def output(self, name: str, index: int | None = None) -> Output:
        """Return the one output of a node named by id, title or class, or by "node.key.index".

        Of a node in a subgraph, title and class may have its path in front: "Edit > Save Image".

        Raises KeyError, listing what there is, unless exactly one fits.
        """
        fits = [output for output in self.outputs if output.name == name]
        fits = fits or [
            output
            for output in self.outputs
            if (name in (output.node, output.title, output.class_type) or name in self._names(output))
            and (index is None or output.index == index)
        ]
        if len(fits) != 1:
            there = ", ".join(f"{output.name} ({output.title})" for output in self.outputs) or "no outputs"
            raise KeyError(f"{name!r} names {len(fits)} outputs of this run; there are: {there}")
        return fits[0]

    def _names(self, output: Output) -> tuple[str, ...]:
        node_id = output.node.split(".")[0]
        return names_of(output.node, self.prompt.get(node_id))
