"""What changed of the classes of a workflow, and breaks nothing: told of each node, with what it means there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Any

from ...text import plain, shown
from .drift import Drift
from .finding import Finding, Severity
from .nodes import Node

Moved = Mapping[str, tuple[Any, Any]]
"""Input -> the value that a UI-form file gave it by the definitions of before, and the one that it gives it now."""


class Drifted:
    """Tells of one node what changed of its class.

    done    (node, input or slot) of what was told already
    linked  the slots that others take
    moved   of a UI-form file; None of one in API form, whose values have names
    failure why the file cannot be converted any more, where that is on account of this node
    """

    def __init__(
        self, node: Node, drift: Drift, done: Set[tuple[str, str | int]], linked: Set[int], moved: Moved | None,
        failure: str,
    ) -> None:  # fmt: skip
        self.node = node
        self.drift = drift
        self.done = done
        self.linked = linked
        self.moved = moved
        self.failure = failure

    def findings(self) -> Iterator[Finding]:
        """Yield what was not told yet."""
        for found in (*self._inputs(), *self._outputs()):
            key: str | int | None = found.input
            if key is None or (self.node.id, key) not in self.done:
                yield found

    def _inputs(self) -> Iterator[Finding]:
        drift, given = self.drift, self.node.inputs
        for name, old in drift.renamed.items():
            lost = old in given and name not in given
            told = ": what the workflow sets there is ignored" if lost else ""
            severity: Severity = "warning" if lost else "info"
            yield self._found(severity, "input-renamed", f"input {_q(old)} is called {_q(name)} now{told}", name)
        for name in drift.added:
            yield self._added(name)
        for name in drift.removed:
            yield self._removed(name)
        for name, (was, now) in drift.retyped.items():
            yield self._retyped(name, was, now)
        for name in drift.moved:
            yield self._placed("input-moved", f"input {_q(name)} stands in another place among the widgets", name)
        for name in drift.required:
            yield self._found("info", "input-required", f"input {_q(name)} is required now, and has a value", name)
        for name in drift.optional:
            yield self._found("info", "input-optional", f"input {_q(name)} is optional now", name)
        for name in dict.fromkeys([*drift.ranges, *drift.defaults]):
            yield self._numbers(name)

    def _added(self, name: str) -> Finding:
        spec = self.drift.now[name]
        sentence = f"input {_q(name)} is new{' and optional' if spec.optional else ''}"
        if name in self.drift.ahead:
            return self._placed("input-added", f"{sentence}, in front of other widgets", name)
        return self._found("info", "input-added", sentence, name)

    def _removed(self, name: str) -> Finding:
        sentence = f"input {_q(name)} is gone"
        if self.drift.before[name].is_widget and self.moved is not None and self.drift.shifts:
            found = self._placed("input-removed", sentence, name)
            lost = f"{sentence}, and what the workflow sets there is ignored"
            return found if found.severity != "info" else self._found("warning", "input-removed", lost, name)
        if name in self.node.inputs:
            value = self.node.inputs[name]
            sentence = f"{sentence}, and {shown(value)}, which the workflow sets there, is ignored"
            return self._found("warning", "input-removed", sentence, name)
        return self._found("info", "input-removed", sentence, name)

    def _retyped(self, name: str, was: str, now: str) -> Finding:
        if was != now:
            fits = ", and what it has still fits" if name in self.node.inputs else ""
            sentence = f"input {_q(name)} is {plain(now, 60)} now (was {plain(was, 60)}){fits}"
        else:
            kind = "a widget" if self.drift.now[name].is_widget else "a socket without a widget"
            sentence = f"input {_q(name)} is {kind} now"
        if self.drift.before[name].is_widget != self.drift.now[name].is_widget:
            return self._placed("input-retyped", sentence, name)
        if f" > {name}: " in self.failure:
            return self._found("error", "input-retyped", f"{sentence}, and the saved value does not fit: {_SAVE}", name)
        return self._found("info", "input-retyped", sentence, name)

    def _numbers(self, name: str) -> Finding:
        """Tell of new ranges and defaults; both of one input in one sentence."""
        ranges = self.drift.ranges.get(name, {})
        told = [f"has the {bound} {now} (was {was})" for bound, (was, now) in ranges.items()]
        if name in self.drift.defaults:
            was, now = self.drift.defaults[name]
            told.append(f"has the default {_default(now)} (was {_default(was)})")
        kind = "range-changed" if ranges else "default-changed"
        return self._found("info", kind, f"input {_q(name)} {' and '.join(told)}", name)

    def _placed(self, kind: str, sentence: str, name: str) -> Finding:
        """Tell of what moves the places that a UI-form file keeps its values by."""
        if self.failure:
            return self._found("error", kind, f"{sentence}, so the saved values no longer fit: {_SAVE}", name)
        if self.moved:
            other, (was, now) = next(iter(self.moved.items()))
            means = f"so saved values move: {_q(other)} would be {shown(now, 40)}, not {shown(was, 40)}: {_SAVE}"
            return self._found("warning", kind, f"{sentence}, {means}", name)
        return self._found("info", kind, sentence, name)

    def _outputs(self) -> Iterator[Finding]:
        drift, node = self.drift, self.node
        for slot, (was, now) in drift.outputs.items():
            if (node.id, slot) not in self.done:
                use = ", and what takes it still does" if slot in self.linked and now else ""
                if now is None:
                    yield node.found("info", "output-removed", f"its output {slot} ({plain(was, 60)}) is gone")
                else:
                    told = f"its output {slot} is {plain(now, 60)} now (was {plain(was, 60)})"
                    yield node.found("info", "output-retyped", f"{told}{use}")
        for slot, is_list in drift.lists.items():
            severity: Severity = "warning" if slot in self.linked else "info"
            kind = "a list now" if is_list else "no list any more"
            means = ": what takes it runs once for each item" if is_list else ""
            yield node.found(
                severity, "output-list", f"its output {slot} is {kind}{means if slot in self.linked else ''}"
            )
        if drift.output_node is not None and (node.id, "output_node") not in self.done:
            severity = "info" if drift.output_node else "warning"
            told = (
                "is an output node now" if drift.output_node else "is no output node any more: by itself it never runs"
            )
            yield node.found(severity, "output-node", told)

    def _found(self, severity: Severity, kind: str, sentence: str, name: str) -> Finding:
        return self.node.found(severity, kind, sentence, name)


_SAVE = "open the workflow in ComfyUI, set them again and save"


def _default(value: Any) -> str:
    return "none" if value is None else shown(value, 60)


def _q(name: str) -> str:
    return repr(plain(name, 80))
