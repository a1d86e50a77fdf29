"""A golden run made ready to replay: ids renamed, gaps closed, messages serialised."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...golden import GoldenRun
from ..wire.messages import (
    PREVIEW,
    PREVIEW_WITH_METADATA,
    PROMPT_ID,
    TEXT,
    Audience,
    audience_of,
    is_blocked,
    message,
)
from .filenames import FolderOf, RunFile, item_key, with_filenames
from .whole import whole

Data = dict[str, Any]
Rename = Callable[[str], str]
Kept = Mapping[tuple[str, str, int], Mapping[str, Any]]
"""(node, key, index) -> the output that the golden run keeps."""

TERMINAL = ("execution_success", "execution_error", "execution_interrupted")

_ID_KEYS = {
    "node",
    "display_node",
    "node_id",
    "display_node_id",
    "parent_node_id",
    "parent_node",
    "real_node_id",
}
_ID_LISTS = {"executed", "current_outputs"}
_SERVER_MESSAGES = {"status", "feature_flags", "logs", "execution_start", "execution_cached"}


@dataclass(frozen=True, slots=True)
class Step:
    """One message: when (seconds after execution_start as recorded), to whom, and its text or picture."""

    at: float
    kind: str
    audience: Audience
    data: Data
    text: str = ""
    binary: int = 0
    file: str = ""


@dataclass(slots=True)
class Script:
    """All that is needed to replay a golden run under the ids of a posted prompt."""

    golden: GoldenRun
    start: Data
    cached: Data
    ending: tuple[str, Data]
    ending_at: float
    outputs: list[str]
    ui: dict[str, Any]
    meta: dict[str, Any]
    status: str
    steps: list[Step] = field(default_factory=list)
    files: list[RunFile] = field(default_factory=list)


def make_script(
    golden: GoldenRun, prompt: Mapping[str, Any], ids: Mapping[str, str], outputs: Sequence[str] | None = None
) -> Script:
    """Return the script of `golden` for `prompt`; `ids` maps the golden run's node ids to the prompt's.

    outputs  the output nodes that are to run, found by the node definitions where it is None
    """
    document = whole(golden.document)

    def rename(node_id: str) -> str:
        # Nodes made at run time are called after the node that made them: 5.0.0.1.
        head, dot, rest = node_id.partition(".")
        return ids.get(node_id) or ids.get(head, head) + dot + rest

    kept = _kept(document, rename)
    events = [(float(at), _with_filenames(_renamed(event, rename), kept)) for at, event in document.get("events") or []]
    status = document.get("status") or {}
    told = [{"type": kind, "data": _renamed(data, rename)} for kind, data in status.get("messages") or []]
    start = _first("execution_start", events, told) or {"prompt_id": PROMPT_ID, "timestamp": 0}
    cached = _first("execution_cached", events, told) or {"nodes": [], "prompt_id": PROMPT_ID, "timestamp": 0}
    offset = next((at for at, event in events if event.get("type") == "execution_start"), 0.0)
    ending_at, ending, complete = _ending(events, told, status)
    ui = {rename(node): value for node, value in (document.get("ui") or {}).items()}
    ui = {node: with_filenames(value, _folders(node, kept)) for node, value in ui.items()}
    meta = {rename(node): _renamed(value, rename) for node, value in (document.get("meta") or {}).items()}
    script = Script(
        golden=golden,
        start=start,
        cached=cached,
        ending=ending,
        ending_at=max(0.0, ending_at - offset),
        outputs=_output_nodes(document, prompt, ui) if outputs is None else list(outputs),
        ui=ui,
        meta=meta,
        status="success" if _is_success(ending[0], status) else "error",
    )
    body = _body(events)
    if ending[0] == "execution_success":
        body += _not_told(script, body, ending_at, complete)
    script.steps = _steps(body, offset)
    script.files = _files(ui, kept)
    return script


def _renamed(value: Any, rename: Rename) -> Any:
    """Rename node ids in a message. What nodes put out (`output`) is not looked into."""
    if not isinstance(value, Mapping):
        return value
    found: Data = {}
    for key, item in value.items():
        if key in _ID_KEYS and isinstance(item, str):
            found[key] = rename(item)
        elif key in _ID_LISTS or key == "nodes":
            found[key] = _renamed_nodes(item, rename)
        elif key in ("data", "props"):
            found[key] = _renamed(item, rename)
        else:
            found[key] = item
    return found


def _renamed_nodes(value: Any, rename: Rename) -> Any:
    if isinstance(value, list):
        return [rename(item) if isinstance(item, str) else item for item in value]
    if isinstance(value, Mapping):
        return {rename(node): _renamed(state, rename) for node, state in value.items()}
    return value


def _first(kind: str, events: list[tuple[float, Data]], told: list[Data]) -> Data | None:
    messages = [event for _, event in events] + told
    return next((dict(event["data"]) for event in messages if event.get("type") == kind), None)


def _is_success(ending: str, status: Mapping[str, Any]) -> bool:
    # What ends before a node could fail, as a loop of links does, is told as an error and yet kept as a success.
    return ending == "execution_success" or (ending == "execution_error" and status.get("status_str") == "success")


def _is_ending(event: Data) -> bool:
    return event.get("type") in TERMINAL and not is_blocked(event["type"], event["data"])


def _ending(
    events: list[tuple[float, Data]], told: list[Data], status: Mapping[str, Any]
) -> tuple[float, tuple[str, Data], bool]:
    """Return when and how the run ended, and whether the recording heard it to its end."""
    for at, event in events:
        if _is_ending(event):
            return at, (event["type"], event["data"]), True
    last = max((at for at, _ in events), default=0.0)
    for event in told:
        if _is_ending(event):
            return last, (event["type"], event["data"]), False
    if status.get("status_str") == "error":
        unknown: Data = {
            "prompt_id": PROMPT_ID,
            "node_id": next((e["data"].get("node") for _, e in events if e.get("type") == "executing"), None),
            "node_type": None,
            "executed": [],
            "exception_message": "The golden run ended in an error that was not recorded.\n",
            "exception_type": "RuntimeError",
            "traceback": [],
            "current_inputs": {},
            "current_outputs": [],
            "timestamp": int(last * 1000),
        }
        return last, ("execution_error", unknown), False
    return last, ("execution_success", {"prompt_id": PROMPT_ID, "timestamp": int(last * 1000)}), False


def _body(events: list[tuple[float, Data]]) -> list[tuple[float, Data]]:
    """Return the messages between execution_cached and the end."""
    body = []
    for at, event in events:
        if _is_ending(event) or (event.get("type") == "executing" and event["data"].get("node") is None):
            break
        if event.get("type") not in _SERVER_MESSAGES:
            body.append((at, event))
    return body


def _not_told(script: Script, body: list[tuple[float, Data]], at: float, complete: bool) -> list[tuple[float, Data]]:
    """Return the `executed` messages that the recording missed, so that no output stays unannounced."""
    told = {event["data"].get("node") for _, event in body if event.get("type") == "executed"}
    # A complete recording is silent about cached nodes that were not staged; only then is silence right.
    silent = set(script.cached.get("nodes") or []) if complete else set()
    found = []
    for node, output in script.ui.items():
        if node in told or node in silent:
            continue
        display = (script.meta.get(node) or {}).get("display_node") or node
        names = {"node": node, "display_node": display}
        found.append((at, {"type": "executing", "data": {**names, "prompt_id": PROMPT_ID}}))
        executed = {**names, "output": output, "prompt_id": PROMPT_ID}
        found.append((at, {"type": "executed", "data": executed}))
    return found


def _steps(body: list[tuple[float, Data]], offset: float) -> list[Step]:
    steps: list[Step] = []
    state: Data = {}
    skip = False
    for index, (at, event) in enumerate(body):
        at = max(0.0, at - offset)
        following = body[index + 1][1] if index + 1 < len(body) else {}
        if "binary" in event:
            if not skip:
                steps += _preview(at, event, state)
            skip = False
            continue
        kind, data = event["type"], event["data"]
        if kind == "progress_state":
            # ComfyUI names nodes in the order in which they began; golden runs sort them, as all their keys.
            nodes = data.get("nodes") or {}
            state = {**{node: nodes[node] for node in state if node in nodes}, **nodes}
            data = {**data, "nodes": state}
        step = Step(at, kind, audience_of(kind, data), data, message(kind, data))
        steps.append(step)
        # The two kinds of preview stand on either side of `progress`; a recording has only one of them.
        if kind == "progress" and following.get("binary") == PREVIEW:
            first, second = _preview(at, following, {str(data.get("node")): state.get(data.get("node"), {})})
            steps[-1:] = [first, step, second]
            skip = True
        elif kind == "progress" and [one.binary for one in steps[-3:-1]] == [PREVIEW_WITH_METADATA, PREVIEW]:
            steps[-2:] = [step, steps[-2]]
    return [step for step in steps if not step.binary or step.file or step.binary == TEXT]


def _preview(at: float, event: Data, state: Data) -> list[Step]:
    data, file = event.get("data") or {}, event.get("file") or ""
    if event["binary"] == TEXT:
        return [Step(at, "text", Audience.ALL, data, binary=TEXT, file=file)]
    if event["binary"] not in (PREVIEW, PREVIEW_WITH_METADATA):
        return []
    node = data.get("node_id") or next(iter(reversed(state)), None)
    known = state.get(str(node)) or {}
    metadata = {
        "node_id": node,
        "prompt_id": PROMPT_ID,
        "display_node_id": known.get("display_node_id", node),
        "parent_node_id": known.get("parent_node_id"),
        "real_node_id": known.get("real_node_id", node),
        **data,
    }
    audience = Audience.OWNER_OR_ALL
    return [
        Step(at, "preview", audience, metadata, binary=PREVIEW_WITH_METADATA, file=file),
        Step(at, "preview", audience, metadata, binary=PREVIEW, file=file),
    ]


def _output_nodes(document: Mapping[str, Any], prompt: Mapping[str, Any], ui: Mapping[str, Any]) -> list[str]:
    definitions = document.get("node_definitions") or {}

    def is_output(node_id: str, node: Mapping[str, Any]) -> bool:
        definition = definitions.get(node.get("class_type"))
        return bool(definition.get("output_node")) if definition else node_id in ui

    return [node_id for node_id, node in prompt.items() if is_output(node_id, node)]


def _kept(document: Mapping[str, Any], rename: Rename) -> Kept:
    return {
        (rename(str(output["node"])), output["key"], output["index"]): output
        for output in document.get("outputs") or []
        if {"node", "key", "index"} <= output.keys()
    }


def _folders(node: str, kept: Kept) -> FolderOf:
    """Return what tells of a node's items the type of the file that is kept of them."""

    def folder_of(key: str, index: int) -> str | None:
        output = kept.get((node, key, index)) or {}
        is_text = output.get("media_type") == "text/plain"
        return str(output.get("type") or "output") if output.get("file") and not is_text else None

    return folder_of


def _with_filenames(event: Data, kept: Kept) -> Data:
    data = event.get("data") if event.get("type") == "executed" else None
    if not isinstance(data, Mapping):
        return event
    return {**event, "data": {**data, "output": with_filenames(data.get("output"), _folders(data["node"], kept))}}


def _files(ui: Mapping[str, Any], kept: Kept) -> list[RunFile]:
    found = []
    for node, output in ui.items():
        for name, items in (output or {}).items():
            for index, item in enumerate(items if isinstance(items, list) else []):
                key = item_key(item)
                if key is not None:
                    found.append(RunFile(node, key, (kept.get((node, name, index)) or {}).get("file") or ""))
    return found
