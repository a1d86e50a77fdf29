"""The walk: of what is known of values, which node is the first that makes others out of the same."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ...workflow.digest import links_into
from .probes import Slot, in_order
from .values import Level


@dataclass(frozen=True)
class First:
    """The first node that differs.

    inputs  how far what goes into it is apart, as far as that was seen
    unseen  nodes whose outputs go into it, or into what does, and cannot be seen; the nearest first
    slot    the output that differs most; None where it is the node's result, which is judged
    """

    node: str
    inputs: Level
    unseen: tuple[str, ...]
    slot: Slot | None


class Walk:
    """The walk from the first nodes of a prompt to one whose result differs.

    levels   output -> how far its values are apart, of those that were seen
    """

    def __init__(self, prompt: Mapping[str, Any], target: str, levels: Mapping[Slot, Level]) -> None:
        self.prompt = prompt
        self.target = target
        self.levels = levels

    @cached_property
    def order(self) -> list[str]:
        """The target and all that it depends on, each after what it depends on."""
        return in_order(self.prompt, [self.target])

    def first(self) -> list[First]:
        """Return the first nodes that differ, more than one where branches differ by themselves.

        What is as far apart as rounding makes it counts only where nothing else does.
        """
        before = [node_id for node_id in self.order if node_id != self.target]
        strong = [node_id for node_id in before if self._made(node_id) >= Level.MOVED > self._in(node_id)]
        if strong:
            return [self._told(node_id) for node_id in strong]
        weak = [node_id for node_id in before if self._made(node_id) > self._in(node_id)]
        if weak and self._in(self.target) > Level.IDENTICAL:
            return [self._told(weak[0])]
        return [self._told(self.target)]

    def unknown(self, slots: Collection[Slot]) -> list[Slot]:
        """Return the outputs, of those that can be seen, that are still to be looked at: those before a difference."""
        waiting = [slot for slot in slots if slot not in self.levels]
        differing = {node for (node, _), level in self.levels.items() if level >= Level.MOVED}
        first = next((node_id for node_id in self.order if node_id in differing), None)
        before = set(self.order if first is None else in_order(self.prompt, [first]))
        return [slot for slot in waiting if slot[0] in before]

    def _made(self, node_id: str) -> Level:
        return max((level for (node, _), level in self.levels.items() if node == node_id), default=Level.IDENTICAL)

    def _in(self, node_id: str) -> Level:
        return self._into[node_id][0]

    @cached_property
    def _into(self) -> dict[str, tuple[Level, tuple[str, ...]]]:
        """How far what goes into each node is apart, looking through nodes that cannot be seen, and those."""
        found: dict[str, tuple[Level, tuple[str, ...]]] = {}
        for node_id in self.order:
            level, unseen = Level.IDENTICAL, dict[str, None]()
            for slot in links_into(self.prompt, node_id):
                if slot in self.levels:
                    level = max(level, self.levels[slot])
                else:
                    further = found.get(slot[0], (Level.IDENTICAL, ()))
                    level = max(level, further[0])
                    unseen.update(dict.fromkeys((slot[0], *further[1])))
            found[node_id] = level, tuple(unseen)
        return found

    def _told(self, node_id: str) -> First:
        level, unseen = self._into[node_id]
        own = [slot for slot in self.levels if slot[0] == node_id]
        worst = max(own, key=lambda slot: self.levels[slot], default=None)
        return First(node_id, level, unseen, worst)
