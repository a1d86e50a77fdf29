"""Prompts with API nodes, which may cost money, are not queued unless that was allowed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from ..text import listed
from ..workflow.definitions import is_api_node
from ..workflow.digest import class_of
from .errors import ApiNodesRefused
from .explain import node_label

WAY = "allow it with --comfy-allow-api-nodes, or of a client of your own with allow_api_nodes=True"


class Asked(Protocol):
    """Who knows, or finds out, what the server says of its classes."""

    async def definition(self, class_type: str) -> dict[str, Any] | None:
        """Return the definition of a class, None for an unknown one."""

    async def replacements(self) -> dict[str, Any]:
        """Return obsolete class -> list of what takes its place."""

    def is_untold(self, class_type: str) -> bool:
        """Whether the server did not say whether it has a class."""


async def refuse_api_nodes(prompt: Mapping[str, Any], server: Asked) -> None:
    """Raise ApiNodesRefused for a prompt with API nodes, and where the server does not say whether it has some.

    A class that the server lacks counts as the one that it would put in its place.
    """
    classes = sorted({name for node in prompt.values() if isinstance(name := class_of(node), str)})
    unknown = [name for name in classes if not await server.definition(name)]
    untold = [name for name in unknown if server.is_untold(name)]
    if untold:
        raise ApiNodesRefused(
            f"the server does not answer /object_info for {listed(map(repr, untold), 3)}, so whether such nodes cost "
            f"money is not known, and nothing was queued: have it answer, or {WAY}"
        )
    paid = {name for name in classes if is_api_node(await server.definition(name))}
    if unknown:
        paid |= await _replaced_by_paid(unknown, server)
    nodes = [node_label(prompt, node_id) for node_id, node in prompt.items() if class_of(node) in paid]
    if nodes:
        more = f" ({len(nodes) - 1} more of the kind)" if len(nodes) > 1 else ""
        raise ApiNodesRefused(f"{nodes[0]}{more}: is an API node, which may cost money, and was not queued: {WAY}")


async def _replaced_by_paid(unknown: Iterable[str], server: Asked) -> set[str]:
    """Return the classes of which the server would make API nodes."""
    known = await server.replacements()
    found = set()
    for name in unknown:
        told = known.get(name)
        for one in told if isinstance(told, list) else ():
            new = one.get("new_node_id") if isinstance(one, Mapping) else None
            if isinstance(new, str) and (is_api_node(await server.definition(new)) or server.is_untold(new)):
                found.add(name)
    return found
