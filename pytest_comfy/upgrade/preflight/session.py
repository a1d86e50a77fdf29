"""Preflight of a live session: each case is looked at before it is queued, by what its lane's server told once."""

from __future__ import annotations

import json
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING

from ...client.errors import ComfyError
from ...golden import GoldenError, GoldenRun
from ...session.given import SettingsError
from ...text import plain
from ...workflow import Workflow, WorkflowError
from .cases import given_of
from .finding import Finding, PreflightFailed
from .known import Known
from .looking import look
from .server import of_server

if TYPE_CHECKING:
    from ...cases.converting import Converter
    from ...cases.options import CaseOptions
    from ...client import ComfyClient
    from ...session.settings import Settings

FOUND = "comfy_preflight"
"""Property of a report: what was found of a case and did not keep it from running, as [[severity, kind], ...]."""
PROBLEM = "comfy_preflight_problem"
"""Property of a report: why there was no preflight, a sentence."""

_NOT_OURS = ("conversion", "unreadable")
"""Kinds of which the run itself has more to tell."""

Told = MutableMapping[str, Known | str]
"""A server's address -> what it told, or why it did not."""


def preflight(
    client: ComfyClient,
    told: Told,
    settings: Settings,
    path: Path,
    options: CaseOptions,
    key: str,
    converter: Converter,
) -> tuple[list[Finding], list[tuple[str, str]]]:
    """Look at a case of a workflow file; returns what is found, and what the report is to tell.

    Errors of the file, its values or its golden run are left to the run, which ends with them.
    """
    ask_once(client, told, settings)
    known = told[client.url]
    if isinstance(known, str):
        return [], [(PROBLEM, known)]
    try:
        workflow = Workflow.load(path)
        given = given_of(settings, path, workflow, options, key, converter, lambda golden: _frontend(client, golden))
        found = [finding for finding in look(given, known) if finding.kind not in _NOT_OURS]
    except (WorkflowError, SettingsError, GoldenError):
        return [], []
    except ComfyError as error:  # the server went away meanwhile: the run tells it
        return [], [(PROBLEM, f"preflight of {plain(key, 80)}: {plain(error, 200)}")]
    sure = settings.preflight == "fail"
    kinds = sorted({(one.severity, one.kind) for one in found if one.severity != "info"} if found else ())
    passing = [pair for pair in kinds if not (sure and pair[0] == "error")]
    return found, [(FOUND, json.dumps(passing))] if passing else []


def ask_once(client: ComfyClient, told: Told, settings: Settings) -> None:
    """Ask a server what preflights hold cases against, unless that was done."""
    if client.url not in told:
        told[client.url] = _asked(client, settings)


def refuse_broken(found: list[Finding]) -> None:
    """Raise PreflightFailed where something of a case is sure to break."""
    errors = [finding for finding in found if finding.severity == "error"]
    if errors:
        raise PreflightFailed(errors)


def _asked(client: ComfyClient, settings: Settings) -> Known | str:
    try:
        return of_server(client, "info" if settings.allow_api_nodes else "error")
    except ComfyError as error:
        return f"preflight: {plain(client.url, 120)} does not tell its node definitions ({plain(error, 200)})"


def _frontend(client: ComfyClient, golden: GoldenRun | None) -> str:
    return client.frontend()


def entries(found: list[Finding]) -> list[Mapping[str, object]]:
    """Return findings as the report has them."""
    return [finding.to_json() for finding in found]
