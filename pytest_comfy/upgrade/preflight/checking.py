"""What a server would refuse of a prompt, as findings: ComfyUI's own validation, and what changed since the golden run.

What a change explains is told as that change, and once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...text import listed, nearest, plain, shown
from ...workflow.definitions import is_file_name, upload_inputs
from ...workflow.graph.types import type_name
from ...workflow.model import is_link
from ...workflow.validate import Validation, validate
from .drift import NOTHING, Drift
from .finding import Finding, Severity
from .known import Given, Known
from .nodes import Node, links_of

_BEFORE_CUSTOM = frozenset(("required_input_missing", "bad_linked_input", "invalid_input_type", "dependency_cycle"))
"""Reasons that no check of a class's own can take back."""
_EXCEPTIONS = (TypeError, ValueError, AttributeError, KeyError, IndexError)


class Checking:
    """Checks one prompt, whose classes are all defined.

    drifts  class -> what changed of it
    done    (node, input) of what was told; outputs are `(node, slot)`
    """

    def __init__(
        self,
        nodes: list[Node],
        definitions: Mapping[str, Any],
        drifts: Mapping[str, Drift],
        given: Given,
        known: Known,
    ) -> None:
        self.nodes = {node.id: node for node in nodes}
        self.definitions = dict(definitions)
        self.drifts = drifts
        self.given = given
        self.known = known
        self.done: set[tuple[str, str | int]] = set()
        self._prompt: dict[str, Any] = {
            node.id: {"class_type": node.class_type, "inputs": dict(node.inputs)} for node in nodes
        }

    def findings(self) -> Iterator[Finding]:
        """Yield what is sure to keep the prompt, or a part of it, from running."""
        yield from self._links()
        if not self._outputs():
            yield self._without_outputs()
            return
        is_whole = self._validated(self.definitions, None)
        every = {name: {**found, "output_node": True} for name, found in self.definitions.items()}
        # ComfyUI does not look behind a link that is broken: who mends it should not find the next fault then.
        found = self._validated(every, self._that_run())
        if isinstance(found, str) or isinstance(is_whole, str):
            yield Finding("error", "refused", f"has not the shape of a prompt ({found})")
            return
        dropped = is_whole.error is None and self.given.allow_node_errors
        yield from self._reasons(found, "warning" if dropped else "error")

    def _validated(self, definitions: Mapping[str, Any], targets: list[str] | None) -> Validation | str:
        """Validate the prompt, or some nodes of it; returns why it cannot be read."""
        prompt, known = self._prompt, self.known
        try:
            return validate(prompt, definitions, manners=known.manners, targets=targets, is_file=self._is_file)
        except _EXCEPTIONS as error:
            return plain(error, 120)

    def _outputs(self) -> list[str]:
        return [one.id for one in self.nodes.values() if self.definitions[one.class_type].get("output_node") is True]

    def _that_run(self) -> list[str]:
        """Return the nodes that output nodes ask for, by inputs of today and by those that were renamed."""
        found = dict.fromkeys(self._outputs())
        pending = list(found)
        while pending:
            node = self.nodes[pending.pop()]
            old = self.drifts.get(node.class_type, NOTHING).renamed.values()
            for name, value in self._prompt[node.id]["inputs"].items():
                asked = name in old or _is_declared(self.definitions[node.class_type], name)
                if is_link(value) and asked and value[0] not in found:
                    found[value[0]] = None
                    pending.append(value[0])
        return [node_id for node_id in self.nodes if node_id in found]

    def _links(self) -> Iterator[Finding]:
        """Yield links to what is not there, and have validation go on as if it were."""
        for node, name, origin, slot in links_of(list(self.nodes.values())):
            source = self.nodes.get(origin)
            if source is None:
                self.done.add((node.id, name))
                del self._prompt[node.id]["inputs"][name]
                sentence = f"input {_name(name)} is linked to node {plain(origin, 40)}, which is not there"
                yield node.found("error", "link", sentence, name)
                continue
            outputs = self.definitions[source.class_type].get("output")
            count = len(outputs) if isinstance(outputs, list) else 0
            if slot < count:
                continue
            self._pad(source.class_type, slot + 1)
            if isinstance(outputs, list) and (source.id, slot) not in self.done:
                self.done.add((source.id, slot))
                was = self.drifts.get(source.class_type, NOTHING).outputs.get(slot)
                told = f"its output {slot}{f' ({plain(was[0], 40)})' if was else ''} is no longer declared"
                sentence = f"{told if was else f'it has no output {slot}'}, and {self._uses(source.id, slot)} it"
                yield source.found("error", "output-removed" if was else "link", sentence)

    def _pad(self, class_type: str, count: int) -> None:
        definition = self.definitions[class_type]
        outputs = definition.get("output")
        outputs = list(outputs) if isinstance(outputs, list) else []
        self.definitions[class_type] = {**definition, "output": outputs + ["*"] * (count - len(outputs))}

    def _uses(self, node_id: str, slot: int) -> str:
        linked = links_of(list(self.nodes.values()))
        users = [_where(one) for one, _, origin, at in linked if (origin, at) == (node_id, slot)]
        return f"{users[0]} takes" if len(users) == 1 else f"{len(users)} nodes take"

    def _without_outputs(self) -> Finding:
        for node in self.nodes.values():
            if self.drifts.get(node.class_type, NOTHING).output_node is False:
                self.done.add((node.id, "output_node"))
                return node.found(
                    "error", "output-node", "is no output node any more, and without one the server runs nothing"
                )
        return Finding("error", "no-outputs", "has no output node, so the server runs nothing: add one that saves")

    def _reasons(self, found: Validation, severity: Severity) -> Iterator[Finding]:
        for node_id, entry in found.node_errors.items():
            node = self.nodes[node_id]
            for reason in entry["errors"]:
                name = reason["extra_info"].get("input_name")
                if name is None or (node_id, name) not in self.done:
                    yield from self._told(node, reason, name, severity)

    def _told(self, node: Node, reason: Mapping[str, Any], name: str | None, severity: Severity) -> Iterator[Finding]:
        kind = reason["type"]
        if kind not in _BEFORE_CUSTOM and _may_check_itself(self.definitions[node.class_type]):
            severity = "warning" if severity == "error" else severity
        if name is None:
            yield node.found(severity, "link" if "cycle" in kind else "refused", _words(reason))
            return
        if kind == "value_not_in_list" and not self._is_known_choice(node, name):
            return
        if kind == "custom_validation_failed" and not reason["details"].endswith(f": {node.inputs.get(name)}"):
            return  # ComfyUI says the same of every input of such a class, also of those that are not to blame
        if kind == "return_type_mismatch":
            told = self._mismatch(node, name, reason, severity)
            if told is not None:
                yield told
            return
        self.done.add((node.id, name))
        yield node.found(severity, *self._of_input(node, name, kind, reason), name)

    def _of_input(self, node: Node, name: str, kind: str, reason: Mapping[str, Any]) -> tuple[str, str]:
        """Return kind and sentence of what is wrong with an input."""
        drift = self.drifts.get(node.class_type, NOTHING)
        value = node.inputs.get(name)
        own = f"input {_name(name)}"
        if kind == "required_input_missing":
            return _missing(name, drift)
        if name in drift.retyped:
            was, now = drift.retyped[name]
            lost = (
                f", and {shown(value)} is none of its choices" if "list" in kind else f", which {shown(value)} is not"
            )
            return "input-retyped", f"{own} is {plain(now, 60)} now (was {plain(was, 60)}){lost}"
        if kind == "value_not_in_list":
            return "choice-gone", self._gone(node, name, value)
        if kind in ("value_smaller_than_min", "value_bigger_than_max"):
            bound = "min" if "min" in kind else "max"
            limit = reason["extra_info"]["input_config"][1][bound]
            bounds = drift.ranges.get(name, {}).get(bound)
            beyond = "below" if bound == "min" else "above"
            told = f" (was {bounds[0]})" if bounds else ""
            return "out-of-range", f"{own} is {shown(value)}, {beyond} its {bound} of {shown(limit)}{told}"
        if kind == "custom_validation_failed" and isinstance(value, str):
            choices = _choices(self.definitions[node.class_type], name)
            return "file-gone", f"{own}: the server has no file {shown(value)}{_near(value, choices)}"
        if kind == "invalid_input_type":
            declared = type_name(reason["extra_info"]["input_config"][0])
            return "value-type", f"{own} is {plain(declared, 60)}, which {shown(value)} is not"
        return "link" if kind == "bad_linked_input" else "refused", f"{own}: {_words(reason)}"

    def _mismatch(self, node: Node, name: str, reason: Mapping[str, Any], severity: Severity) -> Finding | None:
        """Return a link between types that do not go together; of an output that changed once for all its links."""
        origin, slot = reason["extra_info"]["linked_node"]
        source = self.nodes[origin]
        takes = type_name(reason["extra_info"]["input_config"][0])
        gives = type_name(reason["extra_info"]["received_type"])
        retyped = self.drifts.get(node.class_type, NOTHING).retyped.get(name)
        output = self.drifts.get(source.class_type, NOTHING).outputs.get(slot)
        self.done.add((node.id, name))
        if output is not None and retyped is None:
            if (origin, slot) in self.done:
                return None
            self.done.add((origin, slot))
            sentence = f"its output {slot} is {plain(gives, 60)} now (was {plain(output[0], 60)})"
            to = f"input {_name(name)} of {_where(node)}"
            return source.found(severity, "output-retyped", f"{sentence}, which {to} does not take")
        gets = f"{_where(source)} gives {plain(gives, 60)}"
        if retyped is not None:
            sentence = f"input {_name(name)} takes {plain(takes, 60)} now (was {plain(retyped[0], 60)}), and {gets}"
            return node.found(severity, "input-retyped", sentence, name)
        return node.found(severity, "link", f"input {_name(name)} takes {plain(takes, 60)}, and {gets}", name)

    def _is_known_choice(self, node: Node, name: str) -> bool:
        """Whether what a value is none of are all choices that there are."""
        value = node.inputs.get(name)
        definition = self.definitions[node.class_type]
        is_upload = node.class_type.startswith("Load") or name in upload_inputs(definition) or value in self.given.named
        if is_upload and self.given.has_input(value):
            return False
        if not self.known.partly:
            return True
        choices = [one for one in _choices(definition, name) if isinstance(one, str)]
        # Golden runs keep of choices with names of files those alone that they use.
        return len(choices) > 1 and not any(map(is_file_name, choices))

    def _gone(self, node: Node, name: str, value: Any) -> str:
        kept = _choices(self.given.kept.get(node.class_type), name)
        gone = "is no longer among its choices" if value in kept else "is none of its choices"
        choices = _choices(self.definitions[node.class_type], name)
        folders = self.known.folders_of(value) if isinstance(value, str) and is_file_name(value) else []
        there = f"; models/{listed(folders, 3)} has a file of that name" if folders else ""
        return f"input {_name(name)}: {shown(value)} {gone}{_near(value, choices)}{there}"

    def _is_file(self, name: str) -> bool:
        return self.given.has_input(name) or self.known.has_file(name) is not False


def _missing(name: str, drift: Drift) -> tuple[str, str]:
    own = f"input {_name(name)}"
    if name in drift.renamed:
        return "input-renamed", f"input {_name(drift.renamed[name])} is called {_name(name)} now, which has no value"
    if name in drift.added:
        return "input-added", f"{own} is new and required, and has no value"
    if name in drift.required:
        return "input-required", f"{own} is required now, and has no value"
    if name in drift.retyped:
        was, now = drift.retyped[name]
        return "input-retyped", f"{own} is {plain(now, 60)} now (was {plain(was, 60)}), and has no value"
    return "input-missing", f"{own} is required, and has no value"


def _may_check_itself(definition: Mapping[str, Any]) -> bool:
    """Whether a class may accept by code of its own what its declaration does not: of core classes all is known."""
    return str(definition.get("python_module") or "").startswith("custom_nodes.")


def _is_declared(definition: Mapping[str, Any], name: str) -> bool:
    """Whether a class has an input, as far as the name of a dynamic one tells."""
    groups = definition.get("input")
    if not isinstance(groups, Mapping):
        return True
    return any(isinstance(group, Mapping) and name.partition(".")[0] in group for group in groups.values())


def _choices(definition: Any, name: str) -> list[Any]:
    """Return the choices that a definition lists for an input, also for one of a dynamic combo's options."""
    pending = [definition.get("input")] if isinstance(definition, Mapping) else []
    last = name.rpartition(".")[2]
    while pending:
        groups = pending.pop()
        for inputs in groups.values() if isinstance(groups, Mapping) else ():
            for key, spec in inputs.items() if isinstance(inputs, Mapping) else ():
                if not isinstance(spec, list) or not spec:
                    continue
                options = spec[1].get("options") if len(spec) > 1 and isinstance(spec[1], Mapping) else None
                choices = spec[0] if isinstance(spec[0], list) else options
                if isinstance(choices, list):
                    if key in (name, last):
                        return choices
                    pending += [one.get("inputs") for one in choices if isinstance(one, Mapping)]
    return []


def _near(value: Any, choices: list[Any]) -> str:
    names = [one for one in choices if isinstance(one, str)]
    same = [one for one in names if _stem(one, "") == _stem(str(value), "")]
    # By what stands before their endings, which files of a kind have in common.
    stems = {_stem(one): one for one in names}
    near = same[:3] or [stems[one] for one in nearest(_stem(str(value)), stems)]
    if near:
        return f"; nearest: {listed(near)}"
    return f"; there {'is' if len(names) == 1 else 'are'} {listed(names, 3)}" if names else "; there are none"


def _stem(name: str, ending: str = ".") -> str:
    """Return the name of a file without its folders, and without its ending."""
    base = name.replace("\\", "/").rpartition("/")[2].casefold()
    return base.rpartition(ending)[0] or base if ending and is_file_name(name) else base


def _words(reason: Mapping[str, Any]) -> str:
    message, details = plain(reason["message"], 200), plain(reason["details"], 200)
    return f"{message} ({details})" if details else message


def _where(node: Node) -> str:
    return node.found("info", "", "").where


def _name(name: str) -> str:
    return repr(plain(name, 80))


def without_definition(class_type: str, nodes: list[Node]) -> dict[str, Any]:
    """Return what stands for the definition of a class of which nothing is known, so that the rest can be checked."""
    ids = {node.id for node in nodes if node.class_type == class_type}
    used = any(origin in ids for _, _, origin, _ in links_of(nodes))
    return {"output_node": not used, "name": class_type}
