"""Golden runs and exchanges made of captures: what a fake server needs to answer as the captured one did."""

from __future__ import annotations

import hashlib
import json
import mimetypes
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pytest_comfy.golden import GoldenRun
from pytest_comfy.golden.exchanges import Exchange
from pytest_comfy.golden.run import PROMPT_ID

from .captures import ENDS, Capture, Message, Post

HISTORY_TELLS = ("execution_start", "execution_cached", *ENDS)

_SELF_DESCRIPTION = re.compile(
    r"(/api)?/(object_info/\w+|models(/\w+)?|system_stats|features|embeddings|extensions|i18n|internal/logs"
    r"|view_metadata/\w+|global_subgraphs|workflow_templates|experiment/\w+)"
)
"""Paths that tell of the machine, not of runs: the server can only answer them from recorded exchanges."""


def golden_run(
    capture: Capture, post: Post, environment: Mapping[str, Any], definitions: Mapping[str, Any]
) -> GoldenRun:
    """Return the golden run of a prompt that was accepted.

    Of a run that the client interrupted it holds what came before: how it ends is for the server to say.
    """
    messages = capture.messages(post.prompt_id)
    interrupted = [message for message in messages if message.kind == "execution_interrupted"]
    if interrupted:
        messages = [message for message in messages if message.index < interrupted[0].index]
    entry = (not interrupted and capture.history.get(post.prompt_id)) or _told(messages)
    start = capture.starts.get(post.prompt_id, 0)
    begin = messages[0].at if messages else 0.0
    blobs: dict[str, bytes] = {}
    events = []
    for number, message in enumerate(messages):
        row = _relative(message.row, post.prompt_id, start)
        if message.picture is not None:
            suffix = "png" if message.picture.startswith(b"\x89PNG") else "jpg"
            name = f"previews/{number}.{suffix}"
            blobs[name] = message.picture
            row = {**row, "file": name}
        events.append([round(message.at - begin, 4), row])
    outputs = _outputs(entry["outputs"], capture.files, blobs)
    document = {
        **_document(post.body["prompt"], environment, definitions),
        "case": f"{capture.scenario} {post.number}",
        "events": events,
        "status": _relative(entry["status"], post.prompt_id, start),
        "meta": _relative(entry["meta"], post.prompt_id, 0),
        "ui": entry["outputs"],
        "outputs": outputs,
    }
    if "partial_execution_targets" in post.body:
        document["partial_execution_targets"] = post.body["partial_execution_targets"]
    return GoldenRun(document, None, blobs)


def golden_of_history(
    prompt: Mapping[str, Any],
    entry: Mapping[str, Any],
    environment: Mapping[str, Any],
    definitions: Mapping[str, Any],
) -> GoldenRun:
    """Return a golden run made of nothing but what history tells: no events, no files."""
    prompt_id = entry["prompt"][1]
    start = entry["status"]["messages"][0][1]["timestamp"]
    document = {
        **_document(prompt, environment, definitions),
        "case": f"before {entry['prompt'][0]}",
        "events": [],
        "status": _relative(entry["status"], prompt_id, start),
        "meta": entry["meta"],
        "ui": entry["outputs"],
        "outputs": [],
    }
    return GoldenRun(document, None, {})


def _document(
    prompt: Mapping[str, Any], environment: Mapping[str, Any], definitions: Mapping[str, Any]
) -> dict[str, Any]:
    classes = {node["class_type"] for node in prompt.values()}
    return {
        "format": 1,
        "workflow": "captured",
        "prompt": prompt,
        "environment": environment,
        "node_definitions": {name: definitions[name] for name in sorted(classes & definitions.keys())},
    }


def _told(messages: Sequence[Message]) -> dict[str, Any]:
    """Return what history would say, of a run of which it was not asked."""
    texts = [message.row for message in messages if "type" in message.row]
    kept = [[row["type"], row["data"]] for row in texts if row["type"] in HISTORY_TELLS]
    ended = bool(kept) and kept[-1][0] in ENDS
    done = ended and kept[-1][0] == "execution_success"
    executed = [row["data"] for row in texts if row["type"] == "executed" and row["data"]["output"] is not None]
    names = {
        data["node"]: {
            "node_id": data["node"],
            "display_node": data["display_node"],
            "parent_node": None,
            "real_node_id": data["node"],
        }
        for data in executed
    }
    return {
        "outputs": {data["node"]: data["output"] for data in executed},
        "meta": names,
        "status": {"status_str": "success" if done else "error", "completed": done, "messages": kept} if ended else {},
    }


def _outputs(
    ui: Mapping[str, Any], files: Mapping[tuple[str, str, str], bytes], blobs: dict[str, bytes]
) -> list[dict[str, Any]]:
    """Return the outputs, and put their bytes into `blobs`: none for those that were never looked at."""
    found = []
    for node, output in ui.items():
        for key, items in output.items():
            for index, item in enumerate(items if isinstance(items, list) else []):
                if not isinstance(item, Mapping) or "filename" not in item:
                    continue
                content = files.get((item["type"], item["subfolder"], item["filename"]), b"")
                name = f"{node}.{key}.{index}{Path(item['filename']).suffix}"
                blobs[name] = content
                found.append(
                    {
                        "node": node,
                        "key": key,
                        "index": index,
                        "title": node,
                        "type": item["type"],
                        "media_type": mimetypes.guess_type(item["filename"])[0] or "application/octet-stream",
                        "sha256": hashlib.sha256(content).hexdigest(),
                        "file": name,
                    }
                )
    return found


def _relative(value: Any, prompt_id: str, start: int) -> Any:
    """Put the placeholder for the prompt's id, and make timestamps relative (ms)."""
    if isinstance(value, Mapping):
        return {
            key: item - start if key == "timestamp" else _relative(item, prompt_id, start)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_relative(item, prompt_id, start) for item in value]
    return PROMPT_ID if value == prompt_id else value


def exchanges_of(capture: Capture) -> Iterator[Exchange]:
    """Yield what the server said of itself; answers too long to be kept have no content to give."""
    for event in capture.events:
        if event["kind"] != "http" or event["request"]["method"] != "GET" or event["response"]["status"] != 200:
            continue
        asked, told = urlsplit(event["request"]["path"]), event["response"]
        if not _SELF_DESCRIPTION.fullmatch(asked.path) or "json" not in told:
            continue
        path = unquote(asked.path).removeprefix("/api")
        query = sorted([*parse_qsl(asked.query), *event["request"].get("params", {}).items()])
        content = json.dumps(told["json"]).encode()
        headers = {"Content-Type": told["headers"]["Content-Type"]}
        yield Exchange("GET", path, tuple(query), None, told["status"], headers, content)
