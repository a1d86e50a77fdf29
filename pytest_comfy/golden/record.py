"""From a run to a golden run: described, redacted, its files under names of ours."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..compare import CompareError, describe
from ..workflow.definitions import trim, used_values
from ..workflow.digest import NONCE_INPUT, class_of
from ..workflow.results import WEBSOCKET_CLASS
from .errors import GoldenError
from .redaction import redact, redact_prompt, scrub, secrets_in
from .run import FORMAT, PROMPT_ID, GoldenOutput, GoldenRun

if TYPE_CHECKING:
    from ..client import Output, Preview, Run

Rectangles = tuple[tuple[int, int, int, int], ...]

_SUFFIXES = {"image/webp": ".webp", "image/jpeg": ".jpg", "text/plain": ".txt", "application/json": ".json"}


@dataclass(frozen=True)
class Approval:
    """Who approves what and why, and what is kept of it.

    workflow   the workflow file or test file, relative to the project's root
    masks      gives the masks of an output, (x, y, width, height) in pixels
    keep       whether an output takes part at all
    earlier    approvals of the golden run that is replaced
    """

    workflow: str
    case: str
    by: str
    reason: str | None = None
    masks: Callable[[Output], Rectangles] = lambda output: ()
    keep: Callable[[Output], bool] = lambda output: True
    files: bool = True
    previews: bool = False
    earlier: Sequence[Mapping[str, Any]] = ()


def record(
    run: Run,
    approval: Approval,
    environment: Mapping[str, Any],
    definitions: Mapping[str, Mapping[str, Any]],
    extra_data: Mapping[str, Any] | None = None,
) -> GoldenRun:
    """Return the golden run that a run becomes when it is approved, not yet written.

    Raises GoldenError for an output that cannot be judged later, as it cannot be described.
    """
    secrets = secrets_in(run.prompt, extra_data)
    blobs: dict[str, bytes] = {}
    outputs = [_output(output, approval, secrets, blobs) for output in run.outputs if approval.keep(output)]
    events = _events(run, approval, blobs)
    approved = {"at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), "by": approval.by}
    if approval.reason:
        approved["reason"] = approval.reason
    document = {
        "format": FORMAT,
        "workflow": approval.workflow,
        "case": approval.case,
        "prompt": redact_prompt(run.prompt),
        "environment": redact(environment),
        "node_definitions": {name: trim(found, used_values(run.prompt, name)) for name, found in definitions.items()},
        "events": events,
        "status": redact(_without_run(run.status, run.prompt_id, _started(run))),
        "meta": redact(_without_run(run.meta, run.prompt_id, 0)),
        "ui": redact(run.ui),
        "outputs": [output.to_json() for output in outputs],
        "approvals": [*approval.earlier, approved],
    }
    return GoldenRun(document, None, blobs)


def _output(output: Output, approval: Approval, secrets: set[str], blobs: dict[str, bytes]) -> GoldenOutput:
    masks = approval.masks(output)
    data = scrub(output.data, secrets)
    try:
        described = describe(output.data if data is None else data, output.media_type, masks)
    except CompareError as error:
        raise GoldenError(f"output {output.name} of {output.title!r} cannot be approved: {error}") from error
    name = None
    if approval.files and data is not None:
        name = _file_name(output)
        blobs[name] = data
    size = described["size"]
    return GoldenOutput(
        node=output.node,
        key=output.key,
        index=output.index,
        title=output.title,
        media_type=output.media_type,
        type=output.type,
        sha256=described["sha256"],
        pixels_sha256=described["pixels_sha256"],
        fingerprint=described["fingerprint"],
        size=(size[0], size[1]) if size else None,
        masks=masks,
        file=name,
    )


def suffix_of(media_type: str) -> str:
    """Return the ending of a file of a media type, the same on every system where it is one of ComfyUI's."""
    return _SUFFIXES.get(media_type) or mimetypes.guess_extension(media_type) or ".bin"


def _file_name(output: Output) -> str:
    """Return a name made by us: node, key and index, with an ending by media type."""
    safe = (re.sub(r"[^\w.-]", "_", part) for part in (output.node, output.key))
    return f"{'.'.join(safe)}.{output.index}{suffix_of(output.media_type)}"


def _events(run: Run, approval: Approval, blobs: dict[str, bytes]) -> list[list[Any]]:
    """Return the timed events and picture frames, in order of arrival, without what is this run's alone."""
    start = _started(run)
    rows: list[tuple[float, dict[str, Any]]] = [
        (event.at, {"type": event.type, "data": redact(_without_run(event.data, run.prompt_id, start))})
        for event in run.events
    ]
    kept = {id(preview): _preview_name(number, preview, run, approval) for number, preview in enumerate(run.previews)}
    for preview in run.previews:
        binary = 4 if "prompt_id" in preview.meta else 1
        row = {"binary": binary, "data": redact(_without_run(preview.meta, run.prompt_id, start))}
        name = kept[id(preview)]
        if name:
            blobs[name] = preview.data
            row["file"] = name
        rows.append((preview.at, row))
    return [[at, row] for at, row in sorted(rows, key=lambda row: row[0])]


def _preview_name(number: int, preview: Preview, run: Run, approval: Approval) -> str | None:
    # The pictures of this class are outputs, and the socket is the only way to them.
    sent = class_of(run.prompt.get(preview.node or "")) == WEBSOCKET_CLASS
    if not (approval.previews or (sent and approval.files)):
        return None
    return f"previews/{number}.{'png' if preview.meta.get('image_type') == 'image/png' else 'jpg'}"


def _started(run: Run) -> int:
    for event in run.events:
        if isinstance(event.data.get("timestamp"), int):
            return int(event.data["timestamp"])
    return 0


def _without_run(value: Any, prompt_id: str, start: int) -> Any:
    """Replace the prompt's id by a placeholder and make timestamps relative (ms); drop the nonce."""
    if isinstance(value, Mapping):
        return {
            key: item - start if key == "timestamp" and isinstance(item, int)
            else _without_run(item, prompt_id, start)
            for key, item in value.items()
            if key != NONCE_INPUT
        }  # fmt: skip
    if isinstance(value, (list, tuple)):
        return [_without_run(item, prompt_id, start) for item in value]
    return PROMPT_ID if value == prompt_id else value
