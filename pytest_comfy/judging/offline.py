"""What an offline run asks of its golden run: files to replay, and what ComfyUI would say to a prompt that changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..golden import GoldenRun
from ..workflow.named import named_outputs
from .judge import Judge, NotJudged


def refusal_of(golden: GoldenRun | None, prompt: Mapping[str, Any]) -> tuple[str, ...]:
    """Say that ComfyUI would not take a prompt at all, as far as the golden run's node definitions tell."""
    from ..client.explain import partial_rejection, rejection
    from ..server.versions import Version
    from ..workflow.validate import validate

    definitions = golden.document.get("node_definitions") or {} if golden else {}
    if not {node.get("class_type") for node in prompt.values()} <= definitions.keys():
        return ()
    version = Version(str(golden.environment.get("comfyui") if golden else ""))
    checked = validate(prompt, definitions, manners=version.manners, is_file=lambda name: True)
    if checked.error is not None:
        told = rejection(prompt, checked.error, checked.node_errors, definitions.get)
    elif checked.node_errors:
        told = partial_rejection(prompt, checked.node_errors, definitions.get)
    else:
        return ()
    return (f"ComfyUI {version.text} would not take it: {told}",)


def require_files(golden: GoldenRun, judge: Judge, node_id: str) -> None:
    """Raise NotJudged for an output that the case compares and whose file the golden run was approved without."""
    kept = {output.name: output for output in golden.outputs}
    for named in named_outputs(golden.prompt, golden.document.get("ui")):
        if not named.is_file or not judge.wanted(named):
            continue
        if named.name not in kept:
            raise NotJudged(
                f"output {named.name} of {named.title!r} was left out when the golden run of {node_id} was "
                "approved, so it cannot be replayed: approve it again live, or ignore it in the sidecar"
            )
        if isinstance(named.item, str) and kept[named.name].media_type == "text/plain":
            raise NotJudged(
                f"of output {named.name} of {named.title!r} only the name was kept when the golden run of "
                f"{node_id} was approved, not the file: approve it again live"
            )
