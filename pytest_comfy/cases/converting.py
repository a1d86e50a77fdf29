"""The conversion of UI-form workflows, as a project has it: widgets of its node packs, seed, date, warnings."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..golden import GoldenError, GoldenRun
from ..workflow import Workflow, WorkflowError
from .options import DynamicPrompts

if TYPE_CHECKING:
    from ..workflow.graph.layouts import Layout

_UNKNOWN = "has no node class"
"""What the conversion says of classes without definition, of which it thinks as a server's."""

Ask = Callable[..., Any]
"""The hook pytest_comfy_widgets, called with class_type and definition."""


class Converter:
    """Converts the workflows of one test.

    layouts  class -> what its JavaScript does to its widgets, as the project's files tell
    ask      goes before them
    root     the project's, to which the files named in warnings are relative
    """

    def __init__(self, layouts: Mapping[str, Layout], ask: Ask | None = None, root: Path | None = None) -> None:
        self._layouts = layouts
        self._ask = ask
        self._root = root
        self._told: set[str] = set()

    def convert(
        self,
        workflow: Workflow,
        definitions: Mapping[str, Any],
        *,
        key: str,
        dynamic_prompts: DynamicPrompts = None,
        date: datetime | None = None,
        frontend: str = "",
    ) -> Workflow:
        """Return a workflow in API form.

        key   of its golden run: dynamic prompts choose by it unless `dynamic_prompts` says otherwise
        date  what %date% stands for; now, without it
        frontend  the version of the page that the server asks for; by the definitions if empty

        What is suspicious is told as ConversionWarning, once a test. Raises ConversionError, a WorkflowError.
        """
        if workflow.form == "api":
            return workflow
        seed = key if dynamic_prompts is None else None if dynamic_prompts is False else dynamic_prompts
        layouts = self._layouts_of(workflow.classes(), definitions)
        done = workflow.converted(definitions, seed=seed, date=date, layouts=layouts, frontend=frontend)
        self._warn(done)
        return done

    def _layouts_of(self, classes: Iterable[str], definitions: Mapping[str, Any]) -> dict[str, Layout]:
        from ..workflow.graph.layouts import checked

        layouts = dict(self._layouts)
        for name in sorted(classes) if self._ask else ():
            assert self._ask is not None
            table = self._ask(class_type=name, definition=definitions.get(name, {}))
            if table is not None:
                layouts[name] = checked(table, f"hook pytest_comfy_widgets for {name!r}")
        return layouts

    def _warn(self, done: Workflow) -> None:
        from ..workflow.graph import ConversionWarning

        for text in done.conversion.told_of(str(done.source)) if done.conversion else ():
            if self._root is not None:
                text = text.replace(f"{self._root}/", "")
            if text not in self._told:
                self._told.add(text)
                warnings.warn(text, ConversionWarning, stacklevel=2)


def kept_date(golden: GoldenRun | None) -> datetime | None:
    """Return the date that a golden run was converted with, None where it was not; raises GoldenError."""
    told = golden.document.get("conversion") if golden else None
    if told is None:
        return None
    try:
        date = datetime.fromisoformat(told["date"])
        if date.tzinfo is not None:
            raise ValueError(f"{told['date']!r} has a time zone")
        return date
    except (LookupError, TypeError, ValueError) as error:
        where = golden.folder if golden and golden.folder else "golden run"
        raise GoldenError(f"{where}/run.json: malformed conversion ({error}): record the run again") from error


def kept_frontend(golden: GoldenRun | None) -> str:
    """Return the version of the page that a golden run was converted as; "" where that is told by its definitions."""
    told = golden.document.get("conversion") if golden else None
    frontend = told.get("frontend") if isinstance(told, Mapping) else None
    return frontend if isinstance(frontend, str) else ""


def definitions_kept(golden: GoldenRun) -> Mapping[str, Any]:
    """Return class -> node definition, as a golden run keeps them."""
    kept = golden.document.get("node_definitions")
    return {name: found for name, found in kept.items() if isinstance(found, dict)} if isinstance(kept, dict) else {}


def without_server(error: WorkflowError, workflow: Workflow, known: Mapping[str, Any], where: str) -> WorkflowError:
    """Return the error to tell when a conversion failed offline.

    A class that no golden run knows may well be installed on the server: the workflow did not have it then.

    where  what lacks the definitions, such as "the golden run has no definition"
    """
    told = str(error)
    unknown = [name for name in sorted(workflow.classes() - known.keys()) if repr(name) in told]
    if not unknown or _UNKNOWN not in told:
        return error
    return WorkflowError(f"{workflow.source}: {where} of {', '.join(map(repr, unknown))}: record it live")
