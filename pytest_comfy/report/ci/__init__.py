"""What CI shows of a session: annotations and a summary on GitHub, attachments in GitLab's test report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...session.state import State


def tell_ci(state: State, junit_file: str | None, environ: Mapping[str, str]) -> None:
    """Write what CI shows beside its log, at the end of a session; what cannot be written is noted in the state.

    junit_file  where pytest has written its JUnit document, if it was asked to
    """
    try:
        if environ.get("GITHUB_ACTIONS") and environ.get("GITHUB_STEP_SUMMARY") and state.outcomes:
            from .summary import append

            append(Path(environ["GITHUB_STEP_SUMMARY"]), state, environ)
        if environ.get("GITLAB_CI") and junit_file and state.document is not None:
            from .gitlab import attach

            attach(Path(junit_file), state, environ)
    except OSError as error:
        why = error.strerror or error
        state.report_problems.add(f"report: {error.filename}: what CI is to show cannot be written ({why})")


def annotated(state: State, environ: Mapping[str, str]) -> list[str]:
    """Return the lines by which GitHub's runner marks the cases that failed; none elsewhere."""
    if not environ.get("GITHUB_ACTIONS") or state.document is None:
        return []
    from .github import annotations_of

    return annotations_of(state.document, state.settings.root, environ)
