"""From workflow files to findings: every case of a file, beside its golden run."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...cases.converting import Converter, definitions_kept, kept_date, kept_frontend
from ...cases.options import CaseOptions
from ...cases.sidecar import read_cases
from ...cases.uploads import input_file
from ...golden import GoldenError, GoldenRun, GoldenStore
from ...session.given import SettingsError
from ...session.projects import Projects
from ...session.settings import Settings
from ...workflow import NotAWorkflowError, Workflow, WorkflowError
from .finding import Finding
from .known import Given, Known
from .looking import look


@dataclass(frozen=True)
class Looked:
    """What was found of a workflow file: finding -> the cases that have it."""

    source: str
    cases: tuple[str, ...] = ()
    findings: Mapping[Finding, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class OfFile:
    """A workflow file with its cases; `problem` is why it cannot be read."""

    source: str
    cases: Mapping[str, Given] = field(default_factory=dict)
    problem: str = ""


def given_of(
    settings: Settings,
    path: Path,
    workflow: Workflow,
    options: CaseOptions,
    key: str,
    converter: Converter,
    frontend: Callable[[GoldenRun | None], str] = kept_frontend,
) -> Given:
    """Return a case as preflight looks at it; raises GoldenError, and WorkflowError for values that fit nowhere.

    frontend  tells the version of the page by whose rules is converted
    """
    golden = GoldenStore(settings.golden_dir, settings.baseline).load(key)
    date = kept_date(golden)

    def convert(workflow: Workflow, definitions: Mapping[str, Any]) -> Workflow:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the run itself has them to tell
            return converter.convert(
                workflow,
                definitions,
                key=key,
                dynamic_prompts=options.dynamic_prompts,
                date=date,
                frontend=frontend(golden),
            )

    return Given(
        workflow.patched(options.values),
        convert,
        definitions_kept(golden) if golden else {},
        golden.environment if golden else {},
        lambda value: input_file(path.parent, value) is not None,
        options.allow_node_errors,
        frozenset(options.inputs),
    )


def read(paths: Iterable[Path], projects: Projects, frontend: str | None = None) -> Iterator[OfFile]:
    """Read workflow files; files of JSON that are no workflows are left out.

    frontend  the version of the page that the server asks for; None: that of each golden run
    """
    for path in paths:
        source = projects.session.relative(path) or str(path)
        try:
            settings = projects.of(path)
            workflow = Workflow.load(path)
            key = settings.golden_key(path)
            cases = {}
            for case in read_cases(path, settings):
                if case.skip:
                    continue  # nobody runs it
                converter = Converter(settings.widgets, root=settings.root)
                chosen = kept_frontend if frontend is None else lambda golden: frontend or kept_frontend(golden)
                own = f"{key}/{case.name}"
                cases[case.name] = given_of(settings, path, workflow, case.options, own, converter, chosen)
            yield OfFile(source, cases)
        except NotAWorkflowError:
            continue
        except (WorkflowError, SettingsError, GoldenError) as error:
            yield OfFile(source, problem=_short(str(error), projects.session.root, source))


def looked_at(files: Iterable[OfFile], known_of: Callable[[Given], Known]) -> Iterator[Looked]:
    """Yield what is found of each file; what cannot be read is an error of its own."""
    for one in files:
        found: dict[Finding, list[str]] = {}
        if one.problem:
            found[Finding("error", "unreadable", one.problem)] = []
        for name, given in one.cases.items():
            try:
                told = look(given, known_of(given))
            except WorkflowError as error:
                told = [Finding("error", "unreadable", str(error).removeprefix(f"{given.workflow.source}: "))]
            for finding in told:
                found.setdefault(finding, []).append(name)
        yield Looked(one.source, tuple(one.cases), {finding: tuple(names) for finding, names in found.items()})


def _short(text: str, root: Path, source: str) -> str:
    return text.replace(f"{root}/", "").removeprefix(f"{source}: ")
