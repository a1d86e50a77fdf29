"""From two runs that differ to the node that did it, in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...text import listed, plain
from ...workflow.definitions import loads_models
from ...workflow.digest import class_of, links_into
from ...workflow.model import title_of
from .asking import Asking, Seen
from .probes import Slot, types_of
from .values import Level, apart
from .walking import First, Walk

if TYPE_CHECKING:
    from ...judging.verdict import OutputVerdict

MOST_PROBES = 64
"""Of one run: more of them are spread over several, each of which looks before the first difference that is known."""
_MOST_NAMED = 3
_MOST_TARGETS = 16

Before = Callable[[Mapping[Slot, str]], Seen]
"""Gives the values of outputs as they were: of the old server, or of a golden run."""


@dataclass(frozen=True)
class Blame:
    """What is to blame for an output.

    nodes     ids of the nodes where the difference begins
    sentence  for a person
    runs      how many runs it took on each server
    """

    nodes: tuple[str, ...]
    sentence: str
    runs: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return it as the report has it."""
        return {"nodes": list(self.nodes), "sentence": self.sentence, "runs": self.runs}


class Blaming:
    """Looks for what makes the outputs of a run differ.

    now     asks the server of the run
    before  tells what the values were
    visible  whether an output may be looked at: whether it was before
    """

    def __init__(self, now: Asking, before: Before, visible: Callable[[Slot], bool] = lambda slot: True) -> None:
        self.now = now
        self.before = before
        self.visible = visible
        self.levels: dict[Slot, Level] = {}
        self.told: dict[Slot, str] = {}

    def blame(self, targets: Iterable[str]) -> list[Blame]:
        """Return what is to blame for the results of some nodes, each finding once; raises ComfyError."""
        found: dict[str, Blame] = {}
        for target in list(dict.fromkeys(targets))[:_MOST_TARGETS]:
            if target in self.now.run.prompt:
                one = self._one(target)
                found.setdefault(one.sentence, one)
        return list(found.values())

    def _one(self, target: str) -> Blame:
        prompt = self.now.run.prompt
        walk = Walk(prompt, target, self.levels)
        kinds = {slot: kind for slot, kind in self.now.slots(walk.order).items() if self.visible(slot)}
        most = MOST_PROBES
        while waiting := walk.unknown(kinds):
            most = self._look({slot: kinds[slot] for slot in _spread(waiting, walk.order, most)}, kinds, most)
            walk = Walk(prompt, target, self.levels)
        first = walk.first()
        told = [self._sentence(one) for one in first[:_MOST_NAMED]]
        more = len(first) - _MOST_NAMED
        sentence = f"first difference {'; and '.join(told)}{f'; and at {more} nodes more' if more > 0 else ''}"
        return Blame(tuple(one.node for one in first), plain(sentence, 700), self.now.runs)

    def _look(self, slots: Mapping[Slot, str], kinds: dict[Slot, str], most: int) -> int:
        """Look at some outputs on both sides; what cannot be shown is looked at no more. Returns how many to look at
        next time: fewer where they were too large together."""
        from ...client import TooLarge

        try:
            now = self.now.values(slots)
            before = self.before({slot: slots[slot] for slot in now})
        except TooLarge:
            if len(slots) == 1:
                kinds.pop(next(iter(slots)))
            return max(1, len(slots) // 2)
        for slot in slots:
            if slot in now and slot in before:
                self.levels[slot], self.told[slot] = apart(before[slot], now[slot])
            else:
                kinds.pop(slot, None)
        return most

    def _sentence(self, first: First) -> str:
        loaders = [node for node in first.unseen if self._is_loader(node)]
        hidden = [node for node in first.unseen if node not in loaders]
        told = self.told.get(first.slot, "") if first.slot else ""
        why = f"; {self._kind(first.slot)}: {_worded(told)}" if first.slot and told else ""
        same = "inputs identical" if first.inputs is Level.IDENTICAL else "inputs the same but for rounding"
        if hidden:
            begins = self._begins(hidden)
            between = listed([self._named(node) for node in begins])
            more = len(hidden) - len(begins)
            through = f", through {more} node{'s' * (more != 1)} more," if more else ""
            return (
                f"between {between} and {self._named(first.node)} (what goes between them{through} cannot be seen){why}"
            )
        if loaders:
            same += f", as far as they can be seen: not those of {listed([self._named(node) for node in loaders])}"
        return f"at {self._named(first.node)} ({same}){why}"

    def _begins(self, hidden: Sequence[str]) -> list[str]:
        """Return, of nodes that cannot be seen, those that take nothing of another one."""
        prompt = self.now.run.prompt
        return [node for node in hidden if not any(source in hidden for source, _ in links_into(prompt, node))]

    def _is_loader(self, node_id: str) -> bool:
        """Whether a node but reads a model, of whose file it is known elsewhere whether it changed."""
        node = self.now.run.prompt[node_id]
        is_root = not list(links_into(self.now.run.prompt, node_id))
        return is_root and loads_models(self.now.definitions.get(str(class_of(node))))

    def _named(self, node_id: str) -> str:
        return f"node {node_id} {title_of(node_id, self.now.run.prompt[node_id])!r}"

    def _kind(self, slot: Slot) -> str:
        kinds = types_of(self.now.definitions.get(str(class_of(self.now.run.prompt[slot[0]]))))
        return kinds[slot[1]] if slot[1] < len(kinds) else "output"


def differing(outputs: Iterable[OutputVerdict]) -> list[str]:
    """Return the nodes whose outputs failed, as the prompt names them."""
    return list(dict.fromkeys(one.name.partition(".")[0] for one in outputs if one.failed))


def against_old(now: Asking, before: Asking) -> Blaming:
    """Return what holds a run against that of another server; raises ServerUnreachable."""
    there = before.slots(before.run.prompt)
    return Blaming(now, lambda slots: before.values({slot: there[slot] for slot in slots}), there.__contains__)


def _spread(slots: Sequence[Slot], order: Sequence[str], most: int) -> list[Slot]:
    """Return some of the outputs, spread evenly over the order of nodes."""
    place = {node_id: number for number, node_id in enumerate(order)}
    found = sorted(slots, key=lambda slot: (place[slot[0]], slot[1]))
    if len(found) <= most:
        return found
    return [found[number * len(found) // most] for number in range(most)]


def _worded(told: str) -> str:
    return told if len(told) <= 160 else f"{told[:157]}..."
