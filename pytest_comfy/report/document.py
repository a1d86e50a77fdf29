"""The document of a session: report.json, gathered from what its cases left in the report's folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..files import read_below
from ..judging.verdict import VERDICTS
from ..upgrade.causes import causes_of
from .commit import commit_of
from .drift.words import DRIFT
from .kept import CASE_FILE
from .telling import line

if TYPE_CHECKING:
    from ..session.state import State

SCHEMA = 1
"""Version of report.json, see docs/report.md."""

OUTCOMES = ("passed", "failed", "error", "approved", "xfailed")


def document_of(state: State, *, interrupted: bool) -> dict[str, Any]:
    """Return the document of a session; what cannot be read of a case is noted in the state."""
    settings = state.settings
    return {
        "schema": SCHEMA,
        "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "by": f"pytest-comfy {__version__}",
        "interrupted": interrupted,
        "mode": "live" if settings.live else "offline",
        "servers": servers_of(state.told_servers) if settings.live else [],
        "commit": commit_of(settings.root),
        "counts": {
            "cases": {outcome: state.outcomes[outcome] for outcome in OUTCOMES},
            "outputs": {word: state.verdicts[word] for word in (*VERDICTS, "ignored")},
            "drift": {word: state.drift[word] for word in DRIFT},
        },
        "causes": causes_of(state.compared).to_json(),
        "known": _known(state),
        "ci": ci_run(os.environ),
        "cases": [case for folder in sorted(state.cases) if (case := _case(state, folder)) is not None],
    }


def _known(state: State) -> dict[str, str] | None:
    """Return by which report failures are known."""
    if state.earlier is None:
        return None
    return {"file": line(state.earlier.told), "created": state.earlier.created}


def servers_of(told: Iterable[str]) -> list[str]:
    """Return each server once: runs that failed early know its address alone, others its versions as well."""
    known = sorted(told)
    return [line(one) for one in known if not any(other.startswith(f"{one} (") for other in known)]


def ci_run(environ: Mapping[str, str]) -> dict[str, str | None] | None:
    """Return name and address of the CI run that this is, None where it is none that is known."""
    if environ.get("GITHUB_ACTIONS"):
        parts = [environ.get(name) for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")]
        url = f"{parts[0]}/{parts[1]}/actions/runs/{parts[2]}" if all(parts) else None
        return {"name": "GitHub Actions", "url": url}
    if environ.get("GITLAB_CI"):
        return {"name": "GitLab CI", "url": environ.get("CI_JOB_URL")}
    return None


def _case(state: State, folder: str) -> dict[str, Any] | None:
    name = f"{folder}/{CASE_FILE}"
    try:
        found = json.loads(read_below(state.settings.report_dir, name))
        if not isinstance(found, dict):
            raise ValueError("no object")
    except (OSError, ValueError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        state.report_problems.add(f"report: {name}: cannot be read ({why})")
        return None
    # Whether a failure was expected is known to pytest alone.
    return {**found, "outcome": "xfailed"} if state.cases[folder] == "xfailed" else found
