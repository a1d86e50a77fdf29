"""A recording made whole: what golden runs of other hands lack is taken from what they have.

Our own recorder writes all of it. A run.json may be written, or cut down, by others; then ids and clock may still be
those of the recorded run, messages may lack what every message has, and `ui` and `meta` may not be there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...golden import PROMPT_ID

Data = dict[str, Any]

_OF_A_RUN = {
    "execution_start", "execution_cached", "execution_success", "execution_error", "execution_interrupted",
    "executing", "executed", "progress", "progress_state",
}  # fmt: skip
_TIMED = {"execution_start", "execution_cached", "execution_success", "execution_interrupted"}
_CLOCK = 100_000_000_000
"""ms; a larger timestamp is a time of day, a smaller one the time since the run began."""


def whole(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a golden run's document with all that a replay needs; what is there already stays as it is."""
    document = _without_run(document)
    events = [[at, _message(event, float(at))] for at, event in document.get("events") or []]
    ui = document["ui"] if isinstance(document.get("ui"), Mapping) else _ui(document, [event for _, event in events])
    meta = document.get("meta") or {}
    return {**document, "events": events, "ui": ui, "meta": {**{node: _meta(node) for node in ui}, **meta}}


def _without_run(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Put the placeholder, and times from its start, where a recording still has its own id and clock."""
    events = [event for _, event in document.get("events") or []]
    start: Data = next((event.get("data") or {} for event in events if event.get("type") == "execution_start"), {})
    prompt_id, began = start.get("prompt_id", PROMPT_ID), start.get("timestamp")
    offset = began if isinstance(began, (int, float)) and began > _CLOCK else 0
    if prompt_id == PROMPT_ID and not offset:
        return document

    def clean(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {
                key: item - offset if key == "timestamp" and isinstance(item, (int, float)) else clean(item)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [clean(item) for item in value]
        return PROMPT_ID if value == prompt_id else value

    return {**document, **{key: clean(document[key]) for key in ("events", "status", "meta") if key in document}}


def _message(event: Data, at: float) -> Data:
    kind = event.get("type")
    data = event.get("data") if isinstance(event.get("data"), Mapping) else {}
    if kind not in _OF_A_RUN or data is None:
        return {**event, "data": data} if "type" in event else event
    told: Data = {"prompt_id": PROMPT_ID, **data}
    if kind in _TIMED:
        told = {"timestamp": int(at * 1000), **told}
    if kind == "execution_cached":
        told = {"nodes": [], **told}
    if kind in ("executing", "executed") and told.get("node") is not None:
        told = {"display_node": told["node"], **told}
    return {**event, "data": told}


def _ui(document: Mapping[str, Any], events: list[Data]) -> Data:
    """Return what history tells of the outputs: as the messages tell it, else from the list of outputs."""
    found: Data = {}
    for event in events:
        if event.get("type") == "executed" and isinstance(event["data"].get("output"), Mapping):
            found[event["data"]["node"]] = event["data"]["output"]
    made: Data = {}
    for output in document.get("outputs") or []:
        if output.get("file") and output.get("node") not in found:
            item = {"filename": output["file"], "subfolder": "", "type": output.get("type") or "output"}
            made.setdefault(str(output["node"]), {}).setdefault(str(output["key"]), []).append(item)
    return {**found, **made}


def _meta(node: str) -> Data:
    return {"node_id": node, "display_node": node, "parent_node": None, "real_node_id": node}
