"""Whether ComfyUI would queue a prompt, told from node definitions alone, in ComfyUI's own JSON.

Source: `validate_prompt` and `validate_inputs` of ComfyUI 0.3.64, 0.8.0 and 0.30.0. ComfyUI goes through output nodes
and inputs in the order of Python sets, which changes from process to process; here they come in the order of the prompt
and of the definition. What that order decides there (`dependent_outputs`; which errors an exception hides) is one of
its possible answers here. ComfyUI cannot validate chains of more than about 970 nodes (Python's recursion limit); here
they are valid.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .validation import reasons
from .validation.manners import SINCE, Manners, manners_of
from .validation.nodes import Checker
from .validation.reasons import Reason

__all__ = ["SINCE", "Manners", "Validation", "manners_of", "validate"]


@dataclass(frozen=True)
class Validation:
    """The outcome.

    - `prompt`: a copy whose values are coerced as ComfyUI does it (INT, FLOAT, STRING, BOOLEAN; `{"__value__": x}` is
      x), on the nodes that were validated
    - `error`: `{type, message, details, extra_info}`; None when the prompt may be queued
    - `node_errors`: `{node id: {errors, dependent_outputs, class_type}}`; may be filled although `error` is None.
      It shares objects with the definitions: do not change it
    - `outputs`: the output nodes that will run, in the order of the prompt
    """

    prompt: dict[str, Any]
    error: dict[str, Any] | None
    node_errors: dict[str, Any]
    outputs: list[str]


def validate(
    prompt: Any,
    definitions: Mapping[str, Any],
    *,
    modern: bool = True,
    manners: Manners | None = None,
    targets: Any = None,
    is_file: Callable[[str], bool] | None = None,
) -> Validation:
    """Validate a prompt as `POST /prompt` does.

    - `definitions`: class -> its `/object_info` entry; entries may be trimmed
    - `modern`: as 0.8.0 does it; False: as 0.3.64
    - `manners`: in place of `modern`, one by one how the version does it
    - `targets`: `partial_execution_targets` as posted; None: all output nodes
    - `is_file`: whether the server has a file of that name ("x.png", "x.png [output]"), asked when the definition's
      choices do not hold it

    Raises TypeError, ValueError, AttributeError or KeyError where ComfyUI answers 500 without JSON (a prompt that is no
    object, a node that is a number).
    """
    copy = _copied(prompt)
    manners = manners or Manners(modern=modern)
    try:
        error, chosen = _chosen_outputs(copy, definitions, targets, manners)
    except IndexError as no_node:
        raise KeyError(str(no_node)) from no_node
    if error is not None:
        return Validation(copy if isinstance(copy, dict) else {}, error, {}, [])

    checker = Checker(copy, definitions, manners=manners, is_file=is_file)
    good: list[str] = []
    texts: list[str] = []
    node_errors: dict[str, Any] = {}
    for output in chosen:
        try:
            valid, found = checker.check(output)
        except Exception as failure:  # ComfyUI reports whatever a node's validation raises
            valid, found = False, [reasons.exception_during_validation(failure)]
            checker.settled[output] = (valid, found)
        if valid:
            good.append(output)
            continue
        texts += [f"{one['message']}: {one['details']}" for one in found]
        _add_node_errors(node_errors, checker, copy, output)
    if good:
        return Validation(copy, None, node_errors, good)
    error = reasons.reason("prompt_outputs_failed_validation", "Prompt outputs failed validation", "\n".join(texts), {})
    return Validation(copy, error, node_errors, [])


def _chosen_outputs(
    prompt: Any, definitions: Mapping[str, Any], targets: Any, manners: Manners
) -> tuple[Reason | None, list[str]]:
    """Return the output nodes to validate, or what is wrong with the prompt as a whole."""
    outputs = []
    for node_id in prompt:
        if "class_type" not in prompt[node_id]:
            return reasons.no_class_type(node_id, prompt[node_id], titles=manners.titles), []
        class_type = prompt[node_id]["class_type"]
        definition = definitions.get(class_type)
        if definition is None:
            return reasons.class_not_found(node_id, prompt[node_id], titles=manners.titles), []
        is_output = isinstance(definition, Mapping) and definition.get("output_node") is True
        if is_output and (targets is None or node_id in targets):
            outputs.append(node_id)
    if not outputs:
        return reasons.reason("prompt_no_outputs", "Prompt has no outputs", "", {}), []
    return None, outputs


def _add_node_errors(node_errors: dict[str, Any], checker: Checker, prompt: dict[str, Any], output: str) -> None:
    """Name `output` as depending on every node found invalid so far, related or not: ComfyUI does so.

    Nodes that are invalid only because of a node upstream have no reasons and are left out.
    """
    for node_id, (valid, found) in checker.settled.items():
        if not valid and found:
            entry = node_errors.setdefault(
                node_id, {"errors": found, "dependent_outputs": [], "class_type": prompt[node_id]["class_type"]}
            )
            entry["dependent_outputs"].append(output)


def _copied(value: Any) -> Any:
    """Return a deep copy of a JSON value, of any depth."""
    root = [value]
    pending: list[Any] = [root]
    while pending:
        container = pending.pop()
        for key, item in container.items() if isinstance(container, dict) else enumerate(container):
            if isinstance(item, (dict, list)):
                container[key] = item.copy()
                pending.append(container[key])
    return root[0]
