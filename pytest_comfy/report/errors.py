"""What ended a case without a verdict, as the report's documents tell of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..client import ExecutionError, PromptRejected
from ..upgrade.preflight.finding import PreflightFailed
from ..workflow.digest import class_of
from ..workflow.model import title_of
from .telling import line, told

_LONGEST_TRACEBACK = 2**15


def error_told(error: BaseException, prompt: Mapping[str, Any] | None, root: Path) -> dict[str, Any]:
    """Return type, message, node and traceback of an error: the server's own where it told them, else ours.

    root  the project's, to which paths are told
    """
    node, kind, message, traceback = None, type(error).__name__, str(error), None
    if isinstance(error, ExecutionError):
        details = error.details
        node = details.get("node_id")
        kind = str(details.get("exception_type") or kind)
        message = str(details.get("exception_message") or message)
        lines = details.get("traceback")
        traceback = "".join(map(str, lines)) if isinstance(lines, list) else None
    elif isinstance(error, PromptRejected):
        node = next(iter(error.node_errors), None)
        kind = str(error.error.get("type") or kind)
    elif isinstance(error, PreflightFailed):
        entry = error.finding.to_json()
        found = {key: entry[key] for key in ("node", "title", "class_type")}
        return {"type": kind, "message": told(message.replace(f"{root}/", "")), **found, "traceback": None}
    found = _node(str(node), prompt) if node is not None else {"node": None, "title": None, "class_type": None}
    return {
        "type": line(kind, 200),
        "message": told(message.strip().replace(f"{root}/", "")),
        **found,
        "traceback": told(traceback, _LONGEST_TRACEBACK) if traceback else None,
    }


def _node(node: str, prompt: Mapping[str, Any] | None) -> dict[str, str]:
    """Return how a node is named; one made by expansion by what it was made of."""
    prompt = prompt or {}
    found = prompt.get(node) or prompt.get(node.partition(".")[0])
    return {
        "node": node if node in prompt else line(node, 200),
        "title": line(title_of(node, found)),
        "class_type": line(class_of(found) or "", 200),
    }
