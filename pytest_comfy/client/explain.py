"""The server's refusals and errors in words: node title, input, received, allowed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..text import listed, nearest, plain, shown
from ..workflow.model import title_of
from .errors import ExecutionError, PromptRejected

_TRACEBACK_LINES = 6

Definitions = Callable[[str], Mapping[str, Any] | None]
"""Gives the node definition of a class, None for an unknown one."""


def node_label(prompt: Mapping[str, Any], node_id: str) -> str:
    """Return "node 5 'Sampler' (KSampler)"; a node made by expansion is named by its first ancestor."""
    node = prompt.get(node_id) or prompt.get(node_id.split(".")[0])
    if not isinstance(node, Mapping):
        return f"node {plain(node_id, 80)}"
    title, class_type = title_of(node_id, node), str(node.get("class_type"))
    named = f" '{plain(title, 80)}'" if title != class_type else ""
    return f"node {plain(node_id, 80)}{named} ({plain(class_type, 80)})"


def rejection(prompt: Mapping[str, Any], error: Any, node_errors: Any, definitions: Definitions) -> PromptRejected:
    """Turn a 400 of POST /prompt into an error whose text names every node and input.

    The definitions are asked for what the server leaves out: choices when there are more than 20.
    """
    error = error if isinstance(error, Mapping) else {"message": error}
    node_errors = node_errors if isinstance(node_errors, Mapping) else {}
    lines = _node_lines(prompt, node_errors, definitions)
    head = plain(error.get("message") or "the server refused the prompt")
    details = plain(error.get("details") or "")
    if not lines and details:
        head = f"{head} ({details})"
    if not lines and error.get("type") == "prompt_outputs_failed_validation":
        head = f"{head}, and the server does not say why: look for a cycle of links"
    text = f"prompt refused: {head}" + "".join(f"\n  {line}" for line in lines)
    return PromptRejected(text, error, node_errors)


def partial_rejection(
    prompt: Mapping[str, Any], node_errors: Mapping[str, Any], definitions: Definitions
) -> PromptRejected:
    """Turn a 200 with node_errors, where the server drops the outputs they concern, into an error."""
    dropped = sorted(
        {
            str(output)
            for entry in node_errors.values()
            if isinstance(entry, Mapping)
            for output in entry.get("dependent_outputs") or ()
        }
    )
    outputs = listed(node_label(prompt, node_id) for node_id in dropped)
    lines = "".join(f"\n  {line}" for line in _node_lines(prompt, node_errors, definitions))
    return PromptRejected(
        f"the server would run only a part of the workflow and drop {outputs or 'some outputs'}:{lines}"
        "\n  repair these nodes or mute them; or let the rest run: allow_node_errors = true in the sidecar",
        node_errors=node_errors,
    )


def execution_error(prompt: Mapping[str, Any], details: Mapping[str, Any]) -> ExecutionError:
    """Turn an execution_error message into an error with node, exception and the end of the traceback."""
    label = node_label(prompt, str(details.get("node_id")))
    kind = plain(details.get("exception_type") or "error", 120)
    message = plain(details.get("exception_message") or "", 1500).strip()
    traceback = details.get("traceback")
    lines = [
        line
        for entry in (traceback if isinstance(traceback, list) else [])
        for line in str(entry).splitlines()
        if line.strip(" ^~")
    ]
    tail = "".join(f"\n    {plain(line, 200)}" for line in lines[-_TRACEBACK_LINES:])
    return ExecutionError(
        f"{label} failed: {kind}: {message}" + (f"\n  last lines of the server's traceback:{tail}" if tail else ""),
        details,
    )


def _node_lines(prompt: Mapping[str, Any], node_errors: Mapping[str, Any], definitions: Definitions) -> list[str]:
    return [
        f"{node_label(prompt, str(node_id))}: {_fault(fault, str(entry.get('class_type')), definitions)}"
        for node_id, entry in node_errors.items()
        if isinstance(entry, Mapping)
        for fault in entry.get("errors") or ()
        if isinstance(fault, Mapping)
    ]


def _fault(fault: Mapping[str, Any], class_type: str, definitions: Definitions) -> str:
    extra = fault.get("extra_info")
    extra = extra if isinstance(extra, Mapping) else {}
    name = extra.get("input_name")
    parts = [f"input {plain(name, 80)!r}: "] if name else []
    parts.append(plain(fault.get("message") or fault.get("type") or "error", 300))
    if "received_value" in extra:
        config = extra.get("input_config") or _config(definitions(class_type), str(name))
        parts.append(f"; received {shown(extra['received_value'])}")
        parts.append(_allowed(config, extra["received_value"]))
    elif fault.get("details") and fault["details"] != name:
        parts.append(f" ({plain(fault['details'], 300)})")
    return "".join(parts)


def _config(definition: Mapping[str, Any] | None, name: str) -> Any:
    groups = (definition or {}).get("input")
    for inputs in groups.values() if isinstance(groups, Mapping) else ():
        if isinstance(inputs, Mapping) and name in inputs:
            return inputs[name]
    return None


def _allowed(config: Any, received: Any) -> str:
    kind = config[0] if isinstance(config, list) and config else None
    options = config[1] if isinstance(config, list) and len(config) > 1 else {}
    options = options if isinstance(options, Mapping) else {}
    choices = kind if isinstance(kind, list) else options.get("options")
    if isinstance(choices, list):
        names = [str(choice) for choice in choices]
        first = nearest(str(received), names)
        return f"; allowed, nearest first: {listed([*first, *(n for n in names if n not in first)], 8)}"
    bounds = [f"{key} {shown(options[key])}" for key in ("min", "max") if key in options]
    if bounds:
        return f"; allowed: {plain(kind, 40)} with {' and '.join(bounds)}"
    return f"; allowed: {plain(kind, 40)}" if kind else ""
