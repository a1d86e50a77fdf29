"""Whether a recorded run is what its workflow asks for today: what was recorded answers, and no server is asked."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..cases.converting import Converter, definitions_kept, kept_date, kept_frontend
from ..cases.options import resolve
from ..cases.sidecar import read_cases
from ..cases.uploads import upload_inputs_of
from ..workflow import Workflow, WorkflowError
from ..workflow.difference import differences
from ..workflow.digest import is_same, prompt_digest
from ..workflow.secrets import known_in, redact_prompt

if TYPE_CHECKING:
    from pathlib import Path

    from ..golden import GoldenRun
    from ..session.settings import Settings

_DIFFERENCES_SHOWN = 5


def changed_since(
    golden: GoldenRun | None, prompt: Mapping[str, Any], extra_data: Mapping[str, Any] | None
) -> tuple[str, ...]:
    """Return how a prompt differs from a recorded run's, a line each; empty when they mean the same."""
    if golden is None or is_same(prompt, golden.prompt) or prompt_digest(prompt) == golden.digest:
        return ()
    known = known_in(extra_data)
    if known is not None and prompt_digest(prompt, known) == golden.digest:
        return ()
    found = differences(golden.prompt, redact_prompt(prompt, known))
    told = "; ".join(found[:_DIFFERENCES_SHOWN]) or "its nodes are linked otherwise"
    more = len(found) - _DIFFERENCES_SHOWN
    return (f"the workflow changed since: {told}" + (f"; and {more} more" if more > 0 else ""),)


def changed_since_run(run: GoldenRun, settings: Settings, path: Path, case: str, key: str) -> tuple[str, ...]:
    """Return how what a case of a workflow file asks for today differs from a recorded run, a line each.

    Raises WorkflowError, SettingsError and GoldenError where the file no longer makes a prompt.
    """
    cases = {one.name: one for one in read_cases(path, settings)}
    if case not in cases:
        raise WorkflowError(f"{path}: has no case {case!r} any more")
    options = resolve(settings, cases[case].options)
    workflow = Workflow.load(path).patched(options.values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they were told when the run was made
        workflow = Converter(settings.widgets, root=settings.root).convert(
            workflow,
            definitions_kept(run),
            key=key,
            dynamic_prompts=options.dynamic_prompts,
            date=kept_date(run),
            frontend=kept_frontend(run),
        )
    prompt = workflow.prompt()
    upload_inputs_of(prompt, path.parent, options.inputs, _Recorded(run))
    return changed_since(run, prompt, workflow.extra_data)


class _Recorded:
    """Answers for the server of a recorded run."""

    def __init__(self, run: GoldenRun) -> None:
        self._definitions = definitions_kept(run)

    def upload(self, data: bytes, name: str) -> str:
        """Return the name by which a server knows the file that a client uploads."""
        from ..client.told import known_as

        return known_as(data, name)

    def definition(self, class_type: str) -> Mapping[str, Any] | None:
        """Return what was recorded of a node class."""
        return self._definitions.get(class_type)
