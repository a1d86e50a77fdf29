"""The error objects of `node_errors`: keys and texts are ComfyUI's, clients match on them."""

from __future__ import annotations

from typing import Any

from .declared import Input

Reason = dict[str, Any]


def reason(kind: str, message: str, details: str, extra_info: dict[str, Any]) -> Reason:
    """Return one error object."""
    return {"type": kind, "message": message, "details": details, "extra_info": extra_info}


def no_class_type(node_id: str, node: Any, *, titles: bool) -> Reason:
    """A node without class, of the prompt as a whole; `titles` as in Manners."""
    if not titles:
        message = "Cannot execute because a node is missing the class_type property."
        return reason("invalid_prompt", message, f"Node ID '#{node_id}'", {})
    title = node.get("_meta", {}).get("title")
    shown = title or f"ID #{node_id}"
    message = f"Node '{shown}' has no class_type. The workflow may be corrupted or a custom node is missing."
    return _missing_node_type(node_id, None, title, message)


def class_not_found(node_id: str, node: Any, *, titles: bool) -> Reason:
    """A node of a class that the server does not have, of the prompt as a whole; `titles` as in Manners."""
    class_type = node["class_type"]
    if not titles:
        message = f"Cannot execute because node {class_type} does not exist."
        return reason("invalid_prompt", message, f"Node ID '#{node_id}'", {})
    title = node.get("_meta", {}).get("title", class_type)
    message = f"Node '{title}' not found. The custom node may not be installed."
    return _missing_node_type(node_id, class_type, title, message)


def _missing_node_type(node_id: str, class_type: Any, title: Any, message: str) -> Reason:
    extra_info = {"node_id": node_id, "class_type": class_type, "node_title": title}
    return reason("missing_node_type", message, f"Node ID '#{node_id}'", extra_info)


def dependency_cycle(node_id: str, path: list[str], classes: list[Any]) -> Reason:
    """A node of a cycle; `path` are its nodes from the first to the first again, `classes` theirs."""
    shown = " -> ".join(f"{one} ({class_type})" for one, class_type in zip(path, classes, strict=True))
    extra_info = {"node_id": node_id, "cycle_nodes": list(dict.fromkeys(path))}
    return reason("dependency_cycle", "Dependency cycle detected", shown, extra_info)


def required_input_missing(name: str, *, last_part_only: bool) -> Reason:
    """A required input has no value."""
    shown = name.rpartition(".")[2] if last_part_only else name
    return reason("required_input_missing", "Required input is missing", shown, {"input_name": name})


def invalid_dynamic_input(name: str, details: str) -> Reason:
    """A dynamic group with a row or a field that it cannot have, or with too few or too many rows."""
    return reason("invalid_dynamic_input", "Invalid dynamic input", details, {"input_name": name})


def bad_linked_input(declared: Input, value: Any) -> Reason:
    """A list that has not two elements."""
    return reason(
        "bad_linked_input", "Bad linked input, must be a length-2 list of [node_id, slot_index]", declared.name,
        _about(declared, received_value=value),
    )  # fmt: skip


def return_type_mismatch(declared: Input, received: Any, link: Any) -> Reason:
    """A link from an output of another type."""
    return reason(
        "return_type_mismatch", "Return type mismatch between linked nodes",
        f"{declared.name}, received_type({received}) mismatch input_type({declared.kind})",
        _about(declared, received_type=received, linked_node=link),
    )  # fmt: skip


def invalid_input_type(declared: Input, value: Any, error: Exception) -> Reason:
    """A value that cannot be made a number or text."""
    return reason(
        "invalid_input_type", f"Failed to convert an input value to a {declared.kind} value",
        f"{declared.name}, {value}, {error}",
        _about(declared, received_value=value, exception_message=str(error)),
    )  # fmt: skip


def out_of_range(declared: Input, value: Any, bound: str) -> Reason:
    """A number beyond `bound`: "min" or "max"."""
    word = "smaller" if bound == "min" else "bigger"
    return reason(
        f"value_{word}_than_{bound}", f"Value {value} {word} than {bound} of {declared.options[bound]}", declared.name,
        _about(declared, received_value=value),
    )  # fmt: skip


def value_not_in_list(declared: Input, value: Any, choices: Any, shown: str) -> Reason:
    """A value that is no choice, shown as `shown`. More than 20 choices are counted, not listed."""
    many = len(choices) > 20
    listed = f"(list of length {len(choices)})" if many else str(choices)
    extra_info = _about(declared, received_value=value)
    if many:
        extra_info["input_config"] = None
    return reason("value_not_in_list", "Value not in list", f"{declared.name}: {shown} not in {listed}", extra_info)


def custom_validation_failed(name: str, text: str) -> Reason:
    """A class's own check said no."""
    message = "Custom validation failed for node"
    return reason("custom_validation_failed", message, f"{name} - {text}", {"input_name": name})


def exception_during_validation(error: Exception) -> Reason:
    """An exception while an output node was validated."""
    return reason(
        "exception_during_validation", "Exception when validating node", str(error),
        {"exception_type": type(error).__qualname__, "traceback": _traceback()},
    )  # fmt: skip


def exception_during_inner_validation(declared: Input, link: Any, error: Exception) -> Reason:
    """An exception while the node behind a link was validated; `declared` is the input that led there."""
    return reason(
        "exception_during_inner_validation", "Exception when validating inner node", str(error),
        _about(
            declared, exception_message=str(error), exception_type=type(error).__qualname__, traceback=_traceback(),
            linked_node=link,
        ),
    )  # fmt: skip


def _about(declared: Input, **more: Any) -> dict[str, Any]:
    return {"input_name": declared.name, "input_config": declared.config, **more}


def _traceback() -> list[str]:
    """A stand-in for the server's own: its lines tell where ComfyUI lies on its disk."""
    return ['  File "ComfyUI/execution.py", in validate_inputs\n']
