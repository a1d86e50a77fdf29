"""The conversion of UI-form workflows that Python tests run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..golden import GoldenRun, GoldenStore, find_runs
from ..session.settings import Settings
from ..workflow import Workflow, WorkflowError
from .converting import Converter, kept_date, kept_frontend, without_server


def converted_for_test(
    workflow: Workflow,
    definitions: Mapping[str, Any],
    converter: Converter,
    settings: Settings,
    own: str,
    of_server: Callable[[], str],
) -> Workflow:
    """Return a test's workflow in API form, as the cases of its file are converted.

    own        key of the test's golden runs
    of_server  tells the version of the page that the server asks for

    Raises ConversionError, a WorkflowError, and GoldenError.
    """
    path = Path(workflow.source)
    key = f"{settings.golden_key(path) if path.is_file() else own}/default"
    folders = [*find_runs(settings.golden_dir / own), GoldenStore(settings.golden_dir, settings.baseline).find(key)]
    kept = [GoldenRun.load(folder) for folder in folders if folder is not None]
    date = next(filter(None, map(kept_date, kept)), None)
    frontend = of_server() if settings.live else next(filter(None, map(kept_frontend, kept)), "")
    try:
        return converter.convert(workflow, definitions, key=key, date=date, frontend=frontend)
    except WorkflowError as error:
        if settings.live:
            raise
        raise without_server(error, workflow, definitions, "no golden run has the definition") from None
