"""The end of a session: its document is written, or an earlier one removed that is no longer true."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import is_folder, refuse_links, write_whole
from ..judging.artefacts import make_folder

if TYPE_CHECKING:
    from ..session.state import State

REPORT_FILE = "report.json"
DECISIONS_FILE = "decisions.json"
"""What was decided of the cases, by `pytest-comfy review`."""
PAGE_FILE = "index.html"
ASSETS = "assets"


def finish(state: State, *, interrupted: bool) -> None:
    """Write the report of a session; without a case to look at remove what an earlier session said.

    What cannot be written is noted in the state, and costs no verdict.
    """
    settings = state.settings
    if not state.outcomes and settings.json_file is None:
        return
    if not state.cases and settings.json_file is None:
        _remove(state)
        return
    from .document import document_of
    from .telling import dumps

    document = state.document = document_of(state, interrupted=interrupted)
    if state.cases:
        _write(state, document)
    else:
        _remove(state)
    if settings.json_file is not None:
        try:
            settings.json_file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(settings.json_file, dumps(document))
        except OSError as error:
            _failed(state, error, settings.json_file)


def _write(state: State, document: dict[str, Any]) -> None:
    from .html import write_page
    from .telling import dumps

    folder = state.settings.report_dir
    written = folder / REPORT_FILE
    try:
        make_folder(folder, folder)
        write_whole(written, dumps(document))
        written = folder / PAGE_FILE
        write_page(folder, document, state.settings.report_inline)
    except OSError as error:
        _failed(state, error, written)


def _remove(state: State) -> None:
    folder = state.settings.report_dir
    if not os.path.lexists(folder / REPORT_FILE):
        return
    try:
        refuse_links(folder.parent, folder)
        for name in (REPORT_FILE, PAGE_FILE, DECISIONS_FILE):
            (folder / name).unlink(missing_ok=True)
        if is_folder(folder / ASSETS):
            shutil.rmtree(folder / ASSETS)
    except OSError as error:
        _failed(state, error, folder)


def _failed(state: State, error: OSError, path: Path) -> None:
    shown = state.settings.relative(path) or str(path)
    state.report_problems.add(f"report: {shown}: cannot be written ({error.strerror or error})")
