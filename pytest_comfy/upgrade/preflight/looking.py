"""The look at one case: what its classes, its values and their changes come to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...text import nearest, plain
from ...workflow import WorkflowError
from ...workflow.replacing import replaced
from . import classes
from .checking import Checking, without_definition
from .determinism import determinism
from .drift import NOTHING, Drift, drift
from .drifted import Drifted, Moved
from .finding import Finding, in_order
from .known import Given, Known
from .nodes import Node, links_of, saved_nodes, sent_nodes

_EMBEDDING = re.compile(r"\bembedding:([^\s,():]+)")


def look(given: Given, known: Known) -> list[Finding]:
    """Return what is found of a case, the worst first; nothing is asked of a server but what `known` asks.

    Raises WorkflowError for a file that cannot be read.
    """
    return in_order(_Look(given, known).findings())


@dataclass(frozen=True)
class _Converted:
    """What a UI-form file becomes.

    nodes   of the prompt; without values where it cannot be converted
    saved   of the file
    failure why it cannot
    before  the prompt by the definitions of the golden run, node id -> inputs
    """

    nodes: list[Node]
    saved: list[Node]
    failure: str = ""
    checkable: bool = True
    before: Mapping[str, Mapping[str, Any]] | None = None


class _Look:
    def __init__(self, given: Given, known: Known) -> None:
        self.given = given
        self.known = known
        self.definitions: dict[str, Any] = {}
        self.drifts: dict[str, Drift] = {}

    def findings(self) -> Iterator[Finding]:
        made = self._converted() if self.given.workflow.form == "ui" else self._prompt()
        missing = {node.class_type for node in made.nodes if not self._is_there(node.class_type)}
        for node in made.nodes:
            if node.class_type in missing:
                yield classes.missing(node, self.given, self.known)
            else:
                definition = self.known.definitions[node.class_type]
                yield from classes.of_class(node, definition, self.given.kept.get(node.class_type), self.known)
        nodes, self.definitions = self._as_run(made.nodes, missing)
        for name in {node.class_type for node in nodes} - missing:
            self._drift(name)
        done: set[tuple[str, str | int]] = set()
        if made.checkable and nodes:
            checking = Checking(nodes, self.definitions, self.drifts, self.given, self.known)
            yield from (one for one in checking.findings() if one.class_type not in missing)
            done = checking.done
        yield from self._drifted(replace(made, nodes=nodes), done)
        yield from determinism(made.nodes if made.checkable else [], made.saved, self.given, self.known)
        yield from self._embeddings(made.nodes)

    def _drift(self, class_type: str) -> Drift:
        """Return what changed of a class, NOTHING where nobody knows what it was, or is."""
        if class_type not in self.drifts:
            kept, now = self.given.kept.get(class_type), self.known.definitions.get(class_type)
            self.drifts[class_type] = drift(kept, now)
        return self.drifts[class_type]

    def _is_there(self, class_type: str) -> bool:
        return isinstance(self.known.definitions.get(class_type), Mapping)

    def _prompt(self) -> _Converted:
        return _Converted(sent_nodes(self.given.workflow.prompt()), [])

    def _converted(self) -> _Converted:
        """Convert a UI-form file; a class that is not there stands in it as its golden run knows it."""
        workflow, kept = self.given.workflow, self.given.kept
        saved = saved_nodes(workflow, self.known.definitions)
        packs = {node.class_type: node.pack for node in saved}
        unknown = {node.class_type for node in saved if not self._is_there(node.class_type)}
        if unknown - kept.keys():
            return _Converted(saved, saved, checkable=False)
        try:
            definitions = {**self.known.definitions, **{name: kept[name] for name in unknown}}
            prompt = self.given.convert(workflow, definitions).prompt()
        except WorkflowError as error:
            told = str(error).removeprefix(f"{workflow.source}: ")
            return _Converted(saved, saved, told, checkable=False)
        nodes = [replace(node, pack=packs.get(node.class_type, "")) for node in sent_nodes(prompt)]
        return _Converted(nodes, [_as_sent(node, nodes) for node in saved], before=self._before(packs))

    def _before(self, classes: Iterable[str]) -> Mapping[str, Mapping[str, Any]] | None:
        """Return the prompt that the file was by the definitions of its golden run."""
        if not any(self._drift(name).shifts for name in classes):
            return None
        try:
            prompt = self.given.convert(self.given.workflow, self.given.kept).prompt()
        except WorkflowError:
            return None  # the file is a later one
        return {node_id: node["inputs"] for node_id, node in prompt.items()}

    def _as_run(self, nodes: list[Node], missing: set[str]) -> tuple[list[Node], dict[str, Any]]:
        """Return the nodes that the server would run, obsolete ones replaced, and what they are checked by."""
        known, kept = self.known, self.given.kept
        if missing & known.replacements.keys():
            prompt = {
                node.id: {"class_type": node.class_type, "inputs": dict(node.inputs), "_meta": {"title": node.title}}
                for node in nodes
            }
            try:
                packs = {node.id: node.pack for node in nodes}
                done = replaced(prompt, known.replacements, known.definitions)
                nodes = [replace(node, pack=packs[node.id]) for node in sent_nodes(done)]
            except (LookupError, TypeError, AttributeError):
                pass  # what the server answers is then its own matter: it is left as it is
        definitions = {}
        for name in {node.class_type for node in nodes}:
            found = known.definitions.get(name)
            if not isinstance(found, Mapping):
                found = kept.get(name) or without_definition(name, nodes)
            definitions[name] = found
        return nodes, definitions

    def _drifted(self, made: _Converted, done: set[tuple[str, str | int]]) -> Iterator[Finding]:
        linked: dict[str, set[int]] = {}
        for _, _, origin, slot in links_of(made.nodes):
            linked.setdefault(origin, set()).add(slot)
        explained = False
        for node in made.nodes:
            changed = self.drifts.get(node.class_type, NOTHING)
            if changed is NOTHING:
                continue
            failure = made.failure if _names(made.failure, node) else ""
            moved = self._moved(node, changed, made) if made.saved else None
            for found in Drifted(node, changed, done, linked.get(node.id, set()), moved, failure).findings():
                explained = explained or bool(failure and found.severity == "error")
                yield found
        if made.failure and not explained:
            yield Finding("error", "conversion", made.failure)

    def _moved(self, node: Node, changed: Drift, made: _Converted) -> Moved:
        """Return the inputs of a node for which a UI-form file means another value by today's definitions."""
        before = (made.before or {}).get(node.id)
        if before is None or not changed.shifts:
            return {}
        return {
            name: (before[old], value)
            for name, value in node.inputs.items()
            if (old := changed.renamed.get(name, name)) in before and before[old] != value
        }

    def _embeddings(self, nodes: Iterable[Node]) -> Iterator[Finding]:
        """Yield embeddings that texts name and the server does not have: it leaves them out, and only logs it."""
        for node in nodes:
            for name, value in node.inputs.items():
                for asked in dict.fromkeys(_EMBEDDING.findall(value)) if isinstance(value, str) else ():
                    there = self.known.embeddings()
                    if there is None:
                        return
                    names = {one.replace("\\", "/") for one in there}
                    stem = asked.replace("\\", "/").rpartition(".")[0] or asked
                    if not {asked, stem, asked.replace("\\", "/")} & names:
                        near = ", ".join(nearest(asked, names))
                        sentence = (
                            f"input {plain(name, 80)!r} names the embedding {plain(asked, 80)!r}, which the server "
                            f"lacks and leaves out{f'; nearest: {plain(near, 200)}' if near else ''}"
                        )
                        yield node.found("warning", "embedding-gone", sentence, name)


def _as_sent(saved: Node, nodes: list[Node]) -> Node:
    """Return a node of the file under the id that it has in the prompt; of several instances the first."""
    for node in nodes:
        if node.class_type == saved.class_type and node.id.rpartition(":")[2] == saved.id:
            return replace(saved, id=node.id, title=node.title)
    return saved


def _names(failure: str, node: Node) -> bool:
    """Whether the conversion's complaint is about a node."""
    return f"node {plain(node.id, 40)} " in failure
