"""The input files that golden runs name: they were there when the runs were recorded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...golden.inputs import bare_name
from ...workflow.definitions import upload_inputs
from ...workflow.digest import ancestors, class_of, inputs_of


def named_files(
    documents: Iterable[Mapping[str, Any]], definitions: Mapping[str, Any]
) -> Mapping[str, Mapping[str, list[str]]]:
    """Return class -> input -> names of files, each once, in the order of the golden runs."""
    found: dict[str, dict[str, list[str]]] = {}
    takes: dict[str, list[str]] = {}
    for document in documents:
        prompt = document["prompt"]
        for node in (prompt[node_id] for node_id in _valid(document)):
            name = class_of(node)
            if not isinstance(name, str) or not isinstance(definitions.get(name), Mapping):
                continue
            if name not in takes:
                takes[name] = upload_inputs(definitions[name])
            for key in takes[name]:
                _add(found.setdefault(name, {}).setdefault(key, []), inputs_of(node).get(key))
    return found


def _valid(document: Mapping[str, Any]) -> Iterable[str]:
    """Return the nodes that were valid: of a run that ended well the others are those of outputs it left out."""
    prompt: Mapping[str, Any] = document["prompt"]
    status, events = document.get("status"), document.get("events") or ()
    if not status and not events:
        return ()  # It tells of no run.
    if not isinstance(status, Mapping) or status.get("status_str") != "success":
        return prompt
    heard = {str(node) for _, event in events for node in _told(event)}
    heard |= {str(node) for node in document.get("ui") or ()}
    taken = ancestors(prompt, heard)
    return [node_id for node_id in prompt if node_id in taken] if taken else prompt


def _told(event: Any) -> Iterable[Any]:
    """Yield the nodes that a message tells of."""
    data = event.get("data") if isinstance(event, Mapping) else None
    if isinstance(data, Mapping):
        yield data.get("node")
        yield from data.get("nodes") or ()


def _add(names: list[str], value: Any) -> None:
    if isinstance(value, str) and value and bare_name(value) not in names:
        names.append(bare_name(value))


def all_names(named: Mapping[str, Mapping[str, list[str]]]) -> set[str]:
    """Return the names of all classes and inputs."""
    return {name for inputs in named.values() for names in inputs.values() for name in names}
