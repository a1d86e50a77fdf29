"""From a run to a golden run: described, redacted, its files under names of ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from ..compare import CompareError, describe
from ..media import suffix_of
from ..workflow import WorkflowError
from ..workflow.definitions import saved_texts, trim, used_values
from ..workflow.digest import NONCE_INPUT, class_of
from ..workflow.results import WEBSOCKET_CLASS, Event, Output, Preview, told_by_history
from ..workflow.secrets import Known, known_in, masked, masked_under, redact_prompt, secrets_in
from .errors import GoldenError
from .history import Replaced, told_of
from .redaction import redact, redact_environment, scrub
from .run import FORMAT, PROMPT_ID, GoldenOutput, GoldenRun

if TYPE_CHECKING:
    from ..workflow.model import Origin, Workflow

Rectangles = tuple[tuple[int, int, int, int], ...]

_FIELDS = frozenset({
    "prompt_id", "timestamp", "nodes", "node", "display_node", "output", "value", "max", "node_id", "node_type",
    "executed", "exception_message", "exception_type", "traceback", "current_inputs", "current_outputs",
    "display_node_id", "parent_node_id", "real_node_id", "image_type",
})  # fmt: skip
"""What messages of a run and the metadata of previews tell of themselves."""


class Recordable(Protocol):
    """What is recorded of a run, whoever saw it: the client that made it, or a proxy that it went through.

    status, meta  of the history entry
    ui            the history entry's outputs, as the server gave them
    """

    @property
    def prompt_id(self) -> str: ...
    @property
    def prompt(self) -> Mapping[str, Any]: ...
    @property
    def events(self) -> Sequence[Event]: ...
    @property
    def previews(self) -> Sequence[Preview]: ...
    @property
    def status(self) -> Mapping[str, Any]: ...
    @property
    def meta(self) -> Mapping[str, Any]: ...
    @property
    def ui(self) -> Mapping[str, Any]: ...
    @property
    def outputs(self) -> Sequence[Output]: ...


@dataclass(frozen=True)
class Approval:
    """Who approves what and why, and what is kept of it.

    workflow   the workflow file or test file, relative to the project's root
    masks      gives the masks of an output, (x, y, width, height) in pixels
    keep       whether an output takes part at all
    earlier    approvals of the golden run that is replaced
    converted  the workflow, where it was converted from UI form
    silent     whether the socket told nothing of the end, so that history must tell of the run
    replaced   what the run takes the place of; None where there was nothing
    describe   tells of an output what `compare.describe` does, from what is known already where it is
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
    converted: Workflow | None = None
    silent: bool = False
    replaced: Replaced | None = None
    describe: Callable[..., Mapping[str, Any]] = describe


def record(
    run: Recordable,
    approval: Approval,
    environment: Mapping[str, Any],
    definitions: Mapping[str, Mapping[str, Any]],
    extra_data: Mapping[str, Any] | None = None,
) -> GoldenRun:
    """Return the golden run that a run becomes when it is approved, not yet written; see `unapproved`."""
    reason = masked(approval.reason, known_in(run.prompt, extra_data)) if approval.reason else None
    return approve(unapproved(run, approval, environment, definitions, extra_data), approval.by, reason)


def approve(run: GoldenRun, by: str, reason: str | None = None) -> GoldenRun:
    """Return a run that `unapproved` made, also one read again, as the golden run that it becomes now.

    Raises GoldenError for one that does not wait for its approval.
    """
    *earlier, waiting = run.document.get("approvals") or ({"at": None},)
    if "at" in waiting:
        raise GoldenError(f"{run.folder}: is approved already, or was not kept by a report: nothing was approved")
    approved = {**waiting, "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), "by": by}
    if reason:
        approved["reason"] = masked(reason)
    return replace(run, document={**run.document, "approvals": [*earlier, approved]})


def unapproved(
    run: Recordable,
    approval: Approval,
    environment: Mapping[str, Any],
    definitions: Mapping[str, Mapping[str, Any]],
    extra_data: Mapping[str, Any] | None = None,
) -> GoldenRun:
    """Return a run in the form of a golden run, not yet written; the last of its approvals waits for who and when.

    extra_data  what was sent beside the prompt; of it nothing is kept, and its secrets are taken out of all the rest

    Raises GoldenError for an output that cannot be judged later, as it cannot be described.
    """
    secrets, known = secrets_in(run.prompt, extra_data), known_in(run.prompt, extra_data)
    blobs: dict[str, bytes] = {}
    outputs = [_output(output, approval, secrets, known, blobs) for output in run.outputs if approval.keep(output)]
    told = told_by_history(run.status) if approval.silent else run.events
    events = _events(run, told, approval, known, blobs, _marks(extra_data))
    kept_environment = redact_environment(environment, known)
    document = {
        "format": FORMAT,
        "workflow": approval.workflow,
        "case": approval.case,
        "prompt": redact_prompt(run.prompt, known),
        "environment": kept_environment,
        "node_definitions": masked(_definitions(run.prompt, definitions, approval.converted), known, by_name=False),
        "events": events,
        "status": redact(_without_run(run.status, run.prompt_id, _started(told)), known, run.prompt),
        "meta": redact(_without_run(run.meta, run.prompt_id, 0), known, run.prompt),
        "ui": redact(run.ui, known, run.prompt),
        "outputs": [output.to_json() for output in outputs],
        "approvals": [*approval.earlier, _waiting(approval, kept_environment)],
    }
    if approval.converted is not None and approval.converted.origin is not None:
        document["conversion"] = _conversion(approval.converted, approval.converted.origin, known)
    return GoldenRun(document, None, blobs)


def _waiting(approval: Approval, environment: Mapping[str, Any]) -> dict[str, Any]:
    """Return the approval to come, without who and when."""
    told = told_of(environment, approval.replaced)
    return {"events": "history", **told} if approval.silent else told


def _definitions(
    prompt: Mapping[str, Any], definitions: Mapping[str, Mapping[str, Any]], converted: Workflow | None
) -> dict[str, Any]:
    """Trim the definitions; those of a workflow in UI form must still convert it to the same prompt."""
    origin = converted.origin if converted else None
    texts = saved_texts(origin.workflow.graph) if origin else ()

    def trimmed(defaults: bool) -> dict[str, Any]:
        return {
            name: trim(found, used_values(prompt, name), texts, defaults=defaults)
            for name, found in definitions.items()
        }

    bare = trimmed(defaults=False)
    # Names of files that nothing uses are kept only where the file leaves a widget's value to them.
    return bare if origin is None or _converts_alike(converted, origin, bare) else trimmed(defaults=True)


def _converts_alike(converted: Workflow | None, origin: Origin, definitions: Mapping[str, Any]) -> bool:
    try:
        again = origin.workflow.converted(
            definitions, seed=origin.seed, date=origin.date, layouts=origin.layouts, frontend=origin.frontend
        )
    except WorkflowError:
        return False
    return converted is not None and converted.conversion == again.conversion


def _conversion(converted: Workflow, origin: Origin, known: Known) -> dict[str, Any]:
    """Return what dynamic prompts and dates were settled by, and what became of them."""
    choices = converted.conversion.choices if converted.conversion else ()
    return {
        "date": origin.date.isoformat(timespec="seconds"),
        "seed": origin.seed,
        **({"frontend": origin.frontend} if origin.frontend else {}),
        "choices": [
            {
                "node": choice.node,
                "input": choice.input,
                "kind": choice.kind,
                "before": masked_under(choice.input, choice.before, known),
                "after": masked_under(choice.input, choice.after, known),
            }
            for choice in choices
        ],
    }


def _output(
    output: Output, approval: Approval, secrets: set[str], known: Known, blobs: dict[str, bytes]
) -> GoldenOutput:
    masks = approval.masks(output)
    data = scrub(output.data, secrets)
    try:
        kept = output.data if data is None else data
        described = approval.describe(kept, output.media_type, masks, file_kept=approval.files)
    except CompareError as error:
        raise GoldenError(f"output {output.name} of {output.title!r} cannot be approved: {error}") from error
    name = None
    if approval.files and data is not None:
        name = _file_name(output, blobs)
        blobs[name] = data
    size = described["size"]
    return GoldenOutput(
        node=output.node,
        key=output.key,
        index=output.index,
        title=masked(output.title, known),
        media_type=output.media_type,
        type=output.type,
        sha256=described["sha256"],
        pixels_sha256=described["pixels_sha256"],
        fingerprint=described["fingerprint"],
        size=(size[0], size[1]) if size else None,
        masks=masks,
        file=name,
    )


def _file_name(output: Output, taken: Mapping[str, bytes]) -> str:
    """Return a name made by us: node, key and index, with an ending by media type."""
    safe = ".".join(re.sub(r"[^\w.-]", "_", part) for part in (output.node, output.key))
    name = f"{safe}.{output.index}{suffix_of(output.media_type)}"
    while name in taken:  # the nodes "9:5", of a subgraph, and "9_5" would have the same one
        name = f"_{name}"
    return name


def _marks(extra_data: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return what the server was asked to add to every message of this very run (by ComfyUI 0.38)."""
    told = (extra_data or {}).get("workflow_metadata")
    return {name: value for name, value in told.items() if name not in _FIELDS} if isinstance(told, Mapping) else {}


def _events(
    run: Recordable,
    events: Sequence[Event],
    approval: Approval,
    known: Known,
    blobs: dict[str, bytes],
    marks: Mapping[str, Any],
) -> list[list[Any]]:
    """Return the timed events and picture frames, in order of arrival, without what is this run's alone."""
    start = _started(events)

    def kept_of(data: Mapping[str, Any]) -> Any:
        own = {name: value for name, value in data.items() if name not in marks or value != marks[name]}
        return redact(_without_run(own, run.prompt_id, start), known, run.prompt)

    rows: list[tuple[float, dict[str, Any]]] = [
        (event.at, {"type": event.type, "data": kept_of(event.data)}) for event in events
    ]
    kept = {id(preview): _preview_name(number, preview, run, approval) for number, preview in enumerate(run.previews)}
    for preview in run.previews:
        binary = 4 if "prompt_id" in preview.meta else 1
        row = {"binary": binary, "data": kept_of(preview.meta)}
        name = kept[id(preview)]
        if name:
            blobs[name] = preview.data
            row["file"] = name
        rows.append((preview.at, row))
    return [[at, row] for at, row in sorted(rows, key=lambda row: row[0])]


def _preview_name(number: int, preview: Preview, run: Recordable, approval: Approval) -> str | None:
    # The pictures of this class are outputs, and the socket is the only way to them.
    sent = class_of(run.prompt.get(preview.node or "")) == WEBSOCKET_CLASS
    if not (approval.previews or (sent and approval.files)):
        return None
    return f"previews/{number}.{'png' if preview.meta.get('image_type') == 'image/png' else 'jpg'}"


def _started(events: Sequence[Event]) -> int:
    for event in events:
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
