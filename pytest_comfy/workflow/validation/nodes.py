"""One node after another: the checks of ComfyUI's `validate_inputs`, upstream first, without recursion."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any

from . import reasons
from .custom import Custom, missing_file, require_inputs
from .declared import Declared, Input
from .groups import GroupError
from .linking import accepts
from .manners import Manners
from .reasons import Reason

Answer = tuple[bool, list[Reason]]
_COERCED: Mapping[str, Callable[[Any], Any]] = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}
# Until 0.20.0 ComfyUI runs into Python's recursion limit on a cycle. What remains after its stack has unwound is an
# invalid node with no reason; so much is said here at once.
_CYCLE: Answer = (False, [])


class Checker:
    """Validates nodes of one prompt, whose values it coerces in place; `settled` holds what is known so far."""

    def __init__(
        self,
        prompt: dict[str, Any],
        definitions: Mapping[str, Any],
        *,
        manners: Manners,
        is_file: Callable[[str], bool] | None,
    ) -> None:
        self.settled: dict[str, Answer] = {}
        self._prompt = prompt
        self._definitions = definitions
        self._manners = manners
        self._is_file = is_file
        self._declared: dict[str, Declared] = {}

    def check(self, node_id: str) -> Answer:
        """Validate a node and all that it depends on.

        Raises what ComfyUI's check of this very node would raise (KeyError for a link to no node, say);
        exceptions of nodes upstream become reasons in `settled`.
        """
        if node_id in self.settled:
            return self.settled[node_id]
        frames = [(node_id, self._node(node_id))]
        under_way = {node_id}
        answer: Answer | None = None
        failure: Exception | None = None
        while frames:
            current, frame = frames[-1]
            try:
                upstream = frame.send(answer) if failure is None else frame.throw(failure)
            except StopIteration as end:
                answer, failure = self._joined(current, end.value), None
                self.settled[current] = answer
            except Exception as error:  # ComfyUI reports whatever a node's validation raises
                answer, failure = None, error
            else:
                failure = None
                if self._manners.cycles and upstream in under_way and upstream not in self.settled:
                    self._settle_cycle([node for node, _ in frames], upstream)
                answer = self.settled.get(upstream, _CYCLE if upstream in under_way else None)
                if answer is None:
                    frames.append((upstream, self._node(upstream)))
                    under_way.add(upstream)
                continue
            frames.pop()
            under_way.discard(current)
        if failure is not None:
            raise failure
        assert answer is not None
        return answer

    def _settle_cycle(self, visiting: list[str], node_id: str) -> None:
        """Give all nodes of the cycle that `node_id` closes their reason."""
        path = [*visiting[visiting.index(node_id) :], node_id]
        classes = [self._prompt[one]["class_type"] for one in path]
        for one in dict.fromkeys(path):
            self.settled[one] = (False, [reasons.dependency_cycle(one, path, classes)])

    def _joined(self, node_id: str, answer: Answer) -> Answer:
        """Return what was found in a node, after what a cycle through it had put there already."""
        valid, known = self.settled.get(node_id, (True, []))
        return valid and answer[0], known + [one for one in answer[1] if one not in known]

    def _node(self, node_id: str) -> Generator[str, Answer | None, Answer]:
        """Check one node; yield the id of each node that it is linked to and be sent its answer."""
        live = self._prompt[node_id]["inputs"]
        declared = self._class_of(node_id)
        errors: list[Reason] = []
        valid = True
        try:
            inputs = declared.inputs(live)
        except GroupError as error:
            return False, [reasons.invalid_dynamic_input(error.input_name, str(error))]
        for one in inputs:
            if one.name not in live:
                if one.required:
                    errors.append(reasons.required_input_missing(one.name, last_part_only=declared.last_part_only))
                continue
            value = live[one.name]
            if not isinstance(value, list):
                errors += self._literal(one, live, declared.custom)
                continue
            if len(value) != 2:
                errors.append(reasons.bad_linked_input(one, value))
                continue
            upstream = value[0]
            received = self._class_of(upstream).outputs[value[1]]
            if not declared.custom.takes_types and not accepts(received, one.kind, modern=self._manners.modern):
                errors.append(reasons.return_type_mismatch(one, received, value))
                continue
            try:
                answer = yield upstream
            except Exception as error:  # see check()
                self.settled[upstream] = (False, [reasons.exception_during_inner_validation(one, value, error)])
                answer = _CYCLE
            valid = valid and answer is not None and answer[0]
        require_inputs(declared.custom, live, function=declared.custom_function)
        if declared.custom.file is not None:
            choices = {one.name: one.choices for one in inputs}
            missing = missing_file(declared.custom, live, choices, self._is_file, function=declared.custom_function)
            if missing is not None:
                told = [one.name for one in inputs if one.name in live] if declared.custom.whole else [missing[0]]
                errors += [reasons.custom_validation_failed(name, missing[1]) for name in told]
        return valid and not errors, errors

    def _literal(self, one: Input, live: dict[str, Any], custom: Custom) -> list[Reason]:
        """Coerce a value in place and, if the class does not, hold it against range and choices; at most one reason."""
        value = live[one.name]
        try:
            if isinstance(value, dict) and "__value__" in value:
                value = live[one.name] = value["__value__"]
            if isinstance(one.kind, str) and one.kind in _COERCED:
                value = live[one.name] = _COERCED[one.kind](value)
        except Exception as error:  # see check()
            return [reasons.invalid_input_type(one, value, error)]
        if custom.whole or one.name in custom.inputs:
            return []
        if "min" in one.options and value < one.options["min"]:
            return [reasons.out_of_range(one, value, "min")]
        if "max" in one.options and value > one.options["max"]:
            return [reasons.out_of_range(one, value, "max")]
        choices = one.kind
        if self._manners.modern and one.kind == "COMBO":
            if self._manners.remote and one.options.get("remote_combo"):
                return []
            choices = one.options.get("options", [])
        elif not isinstance(one.kind, list):
            return []
        return self._choice(one, value, tuple(choices) if one.name in custom.tuples else choices)

    def _choice(self, one: Input, value: Any, choices: Any) -> list[Reason]:
        if not self._manners.multiselect:
            return [] if value in choices else [reasons.value_not_in_list(one, value, choices, f"'{value}'")]
        several = one.options.get("multiselect", False) and isinstance(value, list)
        wrong = [each for each in (value if several else [value]) if each not in choices]
        shown = ", ".join(repr(each) for each in wrong)
        return [reasons.value_not_in_list(one, value, choices, shown)] if wrong else []

    def _class_of(self, node_id: str) -> Declared:
        class_type = self._prompt[node_id]["class_type"]
        declared = self._declared.get(class_type)
        if declared is None:
            declared = Declared(class_type, self._definitions[class_type], self._manners)
            self._declared[class_type] = declared
        return declared
