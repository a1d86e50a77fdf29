"""A prompt on its way to the server: what is posted, and what the server would say of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..text import plain
from ..workflow.digest import class_of
from ..workflow.validate import Validation, manners_of, validate
from .errors import PromptRejected
from .told import version_in


@dataclass(frozen=True)
class Posting:
    """The body of `POST /prompt`, in ComfyUI's own terms; what is None is not sent."""

    prompt_id: str
    prompt: Mapping[str, Any]
    extra_data: Mapping[str, Any] | None = None
    number: float | None = None
    front: bool = False
    partial_execution_targets: list[str] | None = None

    def body(self, client_id: str) -> dict[str, Any]:
        """Return what is posted."""
        body: dict[str, Any] = {"prompt": self.prompt, "client_id": client_id, "prompt_id": self.prompt_id}
        if self.extra_data:
            body["extra_data"] = dict(self.extra_data)
        if self.number is not None:
            body["number"] = self.number
        if self.front:
            body["front"] = True
        if self.partial_execution_targets is not None:
            body["partial_execution_targets"] = self.partial_execution_targets
        return body

    def classes(self) -> set[str]:
        """Return the classes of the prompt's nodes."""
        return {name for node in self.prompt.values() if isinstance(name := class_of(node), str)}


async def checked(
    posting: Posting,
    definitions: Mapping[str, Any],
    stats: Mapping[str, Any],
    has_file: Callable[[str], Awaitable[bool]],
) -> tuple[Any, Any] | None:
    """Return `error` and `node_errors` of a prompt that the server would refuse, None for one that it would queue.

    stats     `/system_stats`, which tell the version by whose rules is judged
    has_file  whether the server has a file by the name that loaders know it by

    Raises PromptRejected where the server would answer 500.
    """
    manners = manners_of(version_in(stats))
    known: dict[str, bool] = {}
    while True:
        asked: dict[str, bool] = {}

        def is_file(name: str, asked: dict[str, bool] = asked) -> bool:
            return known[name] if name in known else asked.setdefault(name, False)

        try:
            found: Validation = validate(
                posting.prompt,
                definitions,
                manners=manners,
                targets=posting.partial_execution_targets,
                is_file=is_file,
            )
        except (TypeError, ValueError, AttributeError, KeyError) as error:
            raise PromptRejected(
                f"the server answers 500 to such a prompt: it has not the shape of one ({plain(error, 120)})"
            ) from error
        if not asked:
            return None if found.error is None else (found.error, found.node_errors)
        for name in asked:
            known[name] = await has_file(name)
